//! Figures: counts of what happened to an application's events, minute by minute and hour by hour.
//!
//! A figure has a short code, which is the name of an attribute in the table: a minute of an
//! application has to fit into one kilobyte, so that adding to it costs one write unit. Figures are
//! approximate, because a write whose outcome is unknown is not repeated: they may be too low and are
//! never too high.

mod figure;
mod fit;
mod histogram;
mod moment;
mod silence;
mod steps;

use std::{collections::BTreeMap, time::Duration};

pub use self::{
    figure::{Counter, Figure, Measure, Part, Subject, SubjectKind},
    fit::{FittedFigures, MAX_ENDPOINT_PARTS, MAX_SOURCE_PARTS, fit},
    histogram::{BOUNDS_MS, Histogram},
    moment::{FOLD_AFTER, Hour, MINUTES_KEPT, Minute, SHARDS},
    silence::{HOURS_OF_USUAL, is_silent, usual_gap},
    steps::{InvalidSteps, MAX_POINTS, Steps},
};

/// Subjects of each kind of which an hour keeps figures, as the specification of statistics says.
pub const MAX_SUBJECTS: usize = 50;

/// Counts by figure. What never happened has no entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<Figure, u64>);

impl Figures {
    /// Figures from their codes. Codes that this version does not know are left out.
    pub fn from_codes<'c>(codes: impl IntoIterator<Item = (&'c str, u64)>) -> Self {
        let mut figures = Self::default();
        for (code, count) in codes {
            if let Some(figure) = Figure::parse(code) {
                figures.add(figure, count);
            }
        }
        figures
    }

    /// The figures by their codes.
    pub fn codes(&self) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().map(|(figure, count)| (figure.code(), *count))
    }

    /// Every figure with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Figure, u64)> {
        self.0.iter().map(|(figure, count)| (*figure, *count))
    }

    /// Whether no figure was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds to one figure. A sum that exceeds `u64` stays at its maximum.
    pub fn add(&mut self, figure: Figure, count: u64) {
        if count != 0 {
            let sum = self.0.entry(figure).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// Counts one event of a kind, for the application and for the source or endpoint it is about.
    pub fn count(&mut self, counter: Counter, subject: Option<Subject>) {
        self.count_many(counter, subject, 1);
    }

    /// Counts so many events of a kind, for the application and for the source or endpoint.
    pub fn count_many(&mut self, counter: Counter, subject: Option<Subject>, count: u64) {
        self.add(Figure::Count(counter), count);
        if let Some(part) = subject.and_then(|subject| Part::of(subject, counter)) {
            self.add(Figure::Part(part), count);
        }
    }

    /// Adds a time that was measured.
    pub fn measure(&mut self, measure: fn(Measure) -> Figure, took: Duration) {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.add(measure(Measure::Bucket(Histogram::bucket(millis))), 1);
        self.add(measure(Measure::SumMs), millis);
    }

    /// Adds every figure of `others` to the one of the same name.
    pub fn merge(&mut self, others: &Self) {
        for (figure, count) in others.iter() {
            self.add(figure, count);
        }
    }

    /// The count of a figure.
    pub fn get(&self, figure: Figure) -> u64 {
        self.0.get(&figure).copied().unwrap_or_default()
    }

    /// The histogram of the times that were measured.
    pub fn histogram(&self, measure: fn(Measure) -> Figure) -> Histogram {
        let mut histogram = Histogram::default();
        for bucket in 0..histogram.buckets.len() {
            let code = u8::try_from(bucket).unwrap_or(u8::MAX);
            histogram.buckets[bucket] = self.get(measure(Measure::Bucket(code)));
        }
        histogram.sum_ms = self.get(measure(Measure::SumMs));
        histogram
    }

    /// The figures of one source or endpoint, as if they were an application's. Attempts are not kept
    /// of an endpoint: each is a success or a failure.
    pub fn of(&self, subject: Subject) -> Self {
        let mut own = Self::default();
        for (figure, count) in self.iter() {
            let Figure::Part(part) = figure else { continue };
            if part.subject != subject {
                continue;
            }
            own.add(Figure::Count(part.counter), count);
            if matches!(part.counter, Counter::Delivered | Counter::Failed(_)) {
                own.add(Figure::Count(Counter::Attempts), count);
            }
        }
        own
    }

    /// The figures of the application alone.
    pub fn own(&self) -> Self {
        let own = self.0.iter().filter(|(figure, _)| !matches!(figure, Figure::Part(_)));
        Self(own.map(|(figure, count)| (*figure, *count)).collect())
    }

    /// The figures of the application alone, and those of its sources and endpoints: of each kind the
    /// [`MAX_SUBJECTS`] with the most failures, and then those with the highest counts.
    pub fn split(&self) -> (Self, Self) {
        let mut parts = Self::default();
        for kind in [SubjectKind::Source, SubjectKind::Endpoint] {
            for subject in fit::ranked(self, kind).into_iter().take(MAX_SUBJECTS) {
                let of = |figure: Figure| matches!(figure, Figure::Part(p) if p.subject == subject);
                self.iter().filter(|(figure, _)| of(*figure)).for_each(|(f, n)| parts.add(f, n));
            }
        }
        (self.own(), parts)
    }
}

#[cfg(test)]
mod tests;
