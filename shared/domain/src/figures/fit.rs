//! The choice of the sources and endpoints of which an item of a minute keeps figures. The item stays below a
//! kilobyte, so that adding to it costs one write unit.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use super::{Counter, Figure, Figures, Subject, SubjectKind};

/// Most counters of sources in one item. With the 13 bytes of each, those of endpoints and 350 bytes for
/// the application itself, an item is below 1024 bytes.
pub const MAX_SOURCE_PARTS: usize = 16;
/// Most counters of endpoints in one item.
pub const MAX_ENDPOINT_PARTS: usize = 32;

/// A change of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FittedFigures {
    /// The figures to add to the item.
    pub add: Figures,
    /// The figures to remove: others have more failures, or higher counts.
    pub remove: Vec<Figure>,
}

/// Chooses what is written to an item that holds `known` as far as this process knows. Of endpoints those
/// with the most failures are kept, then those that the item holds already, then those with the highest
/// counts.
pub fn fit(figures: &Figures, known: &Figures) -> FittedFigures {
    let mut fitted = FittedFigures::default();
    let mut together = known.clone();
    together.merge(figures);
    let mut kept: BTreeSet<Subject> = BTreeSet::new();
    for (kind, most) in
        [(SubjectKind::Source, MAX_SOURCE_PARTS), (SubjectKind::Endpoint, MAX_ENDPOINT_PARTS)]
    {
        let is_known = |subject: &Subject| known.iter().any(|(figure, _)| is_of(figure, *subject));
        let mut ranked = ranked(&together, kind);
        // A stable sort: what the item holds goes before what has as many failures and is new.
        ranked.sort_by_key(|subject| (Reverse(failures(&together, *subject)), !is_known(subject)));
        let mut room = most;
        for subject in ranked {
            let parts = together.iter().filter(|(figure, _)| is_of(*figure, subject)).count();
            if parts <= room {
                room -= parts;
                kept.insert(subject);
            }
        }
    }
    for (figure, count) in figures.iter() {
        match figure {
            Figure::Part(part) if !kept.contains(&part.subject) => (),
            figure => fitted.add.add(figure, count),
        }
    }
    let gone = known
        .iter()
        .map(|(figure, _)| figure)
        .filter(|figure| matches!(figure, Figure::Part(part) if !kept.contains(&part.subject)));
    fitted.remove = gone.collect();
    fitted
}

fn is_of(figure: Figure, subject: Subject) -> bool {
    matches!(figure, Figure::Part(part) if part.subject == subject)
}

/// The number of things that went wrong with a subject: failed attempts, dead letters and refused requests.
fn failures(figures: &Figures, subject: Subject) -> u64 {
    let wrong = |counter: Counter| {
        matches!(counter, Counter::Failed(_) | Counter::Parked | Counter::Refused)
    };
    let of = figures.iter().filter(
        |(figure, _)| matches!(figure, Figure::Part(p) if p.subject == subject && wrong(p.counter)),
    );
    of.map(|(_, count)| count).sum()
}

/// The subjects of a kind: those with the most failures first, then those with the highest counts.
pub(super) fn ranked(figures: &Figures, kind: SubjectKind) -> Vec<Subject> {
    let mut totals: BTreeMap<Subject, u64> = BTreeMap::new();
    for (figure, count) in figures.iter() {
        if let Figure::Part(part) = figure
            && part.subject.kind == kind
        {
            *totals.entry(part.subject).or_default() += count;
        }
    }
    let mut ranked: Vec<_> = totals.into_iter().collect();
    ranked.sort_by_key(|(subject, total)| Reverse((failures(figures, *subject), *total)));
    ranked.into_iter().map(|(subject, _)| subject).collect()
}
