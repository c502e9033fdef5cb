//! The tally of one instance: what it refused and has not written yet. Its memory is bounded, and so is
//! how often it has something written.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use super::{MAX_SAMPLES, RefusalReason, RefusalSample};
use crate::{
    figures::{Hour, Minute},
    id::Tenure,
    time::Timestamp,
};

/// The time between two writes about one source by one instance.
pub const WRITE_EVERY: Duration = Duration::from_secs(10);
/// Sources that a tally holds. All names that no source has are one more.
pub const MAX_PLACES: usize = 64;
/// Minutes of one source that wait to be written. Beyond it the oldest are lost.
const MAX_MINUTES: usize = 60;
/// Most bytes of samples in one write, as JSON: twelve write units. Twenty usual samples fit.
const MAX_SAMPLE_BYTES: usize = 12 * 1024;

/// The place at which refusals are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalPlace {
    /// At a source, in the application that it belongs to.
    Source {
        /// The source and its application.
        tenure: Tenure,
        /// The name of the source.
        name: String,
    },
    /// At no source: no source has the name in the path.
    Nowhere,
}

/// The content of one write: refusals of one place within one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalBatch {
    /// The place at which the refusals are counted.
    pub place: RefusalPlace,
    /// The hour that all minutes of the batch lie in.
    pub hour: Hour,
    /// The number of requests that were refused, by minute and reason.
    pub counts: BTreeMap<(Minute, RefusalReason), u64>,
    /// The newest samples of the place, oldest first, also those of earlier batches.
    pub samples: Vec<RefusalSample>,
    /// The number of samples, from the newest on, that no earlier batch had.
    pub fresh: usize,
}

/// The refusals that one instance has seen and not yet written.
#[derive(Debug)]
pub struct RefusalTally {
    every: Duration,
    pub(super) places: HashMap<RefusalPlace, Noted>,
}

/// The refusals of one place.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) waiting: BTreeMap<(Minute, RefusalReason), u64>,
    pub(super) samples: VecDeque<RefusalSample>,
    fresh: usize,
    written_at: Option<Timestamp>,
}

impl Default for RefusalTally {
    fn default() -> Self {
        Self::new(WRITE_EVERY)
    }
}

impl RefusalBatch {
    /// The samples that no earlier batch had, oldest first.
    pub fn news(&self) -> &[RefusalSample] {
        &self.samples[self.samples.len().saturating_sub(self.fresh)..]
    }
}

impl RefusalTally {
    /// A tally that has something written about a place at most once in this time.
    pub fn new(every: Duration) -> Self {
        Self { every, places: HashMap::new() }
    }

    /// Notes a refused request. Where the tally holds as many sources as it may and was to write about
    /// each of them a moment ago, the request is not counted.
    pub fn note(&mut self, place: &RefusalPlace, sample: RefusalSample) {
        if !self.make_room(place, sample.at) {
            return;
        }
        let noted = self.places.entry(place.clone()).or_default();
        let minute = Minute::of(sample.at);
        *noted.waiting.entry((minute, sample.reason)).or_default() += 1;
        noted.forget_old_minutes();
        if MAX_SAMPLES <= noted.samples.len() {
            noted.samples.pop_front();
        }
        noted.samples.push_back(sample);
        noted.fresh = (noted.fresh + 1).min(MAX_SAMPLES);
    }

    /// The refusals that are to be written about a place now: the oldest hour that waits. `None` if nothing waits, or
    /// the last write was a moment ago. The batch counts as written until it is given back.
    pub fn take(&mut self, place: &RefusalPlace, now: Timestamp) -> Option<RefusalBatch> {
        let noted = self.places.get_mut(place)?;
        if noted.written_at.is_some_and(|at| now.since(at) < self.every) {
            return None;
        }
        let hour = noted.waiting.keys().next()?.0.hour();
        let later = noted.waiting.split_off(&(hour.next().minute(), RefusalReason::ALL[0]));
        let counts = std::mem::replace(&mut noted.waiting, later);
        noted.written_at = Some(now);
        let samples = fitting(&noted.samples);
        let fresh = std::mem::take(&mut noted.fresh).min(samples.len());
        Some(RefusalBatch { place: place.clone(), hour, counts, samples, fresh })
    }

    /// The places about which something waits.
    pub fn waiting(&self) -> Vec<RefusalPlace> {
        let waiting = self.places.iter().filter(|(_, noted)| !noted.waiting.is_empty());
        waiting.map(|(place, _)| place.clone()).collect()
    }

    /// Takes back the counts of a batch that was not written.
    pub fn give_back(&mut self, batch: &RefusalBatch) {
        let Some(noted) = self.places.get_mut(&batch.place) else { return };
        for (key, count) in &batch.counts {
            *noted.waiting.entry(*key).or_default() += count;
        }
        noted.fresh = (noted.fresh + batch.fresh).min(noted.samples.len());
        noted.forget_old_minutes();
    }

    /// Makes room for a place. Sources about which nothing was written within the last ten seconds go
    /// first of all; so an instance never writes about one twice in that time.
    fn make_room(&mut self, place: &RefusalPlace, now: Timestamp) -> bool {
        let room = MAX_PLACES + usize::from(*place == RefusalPlace::Nowhere);
        if self.places.contains_key(place) || self.places.len() < room {
            return true;
        }
        let every = self.every;
        let is_free = |noted: &Noted| noted.written_at.is_none_or(|at| every <= now.since(at));
        let sources = self.places.iter().filter(|(place, _)| **place != RefusalPlace::Nowhere);
        let oldest = sources
            .filter(|(_, noted)| is_free(noted))
            .min_by_key(|(_, noted)| noted.samples.back().map(|sample| sample.at))
            .map(|(place, _)| place.clone());
        oldest.is_some_and(|oldest| self.places.remove(&oldest).is_some())
    }
}

impl Noted {
    fn forget_old_minutes(&mut self) {
        while MAX_MINUTES * RefusalReason::ALL.len() < self.waiting.len() {
            self.waiting.pop_first();
        }
    }
}

/// The newest samples that fit into one write, oldest first.
fn fitting(samples: &VecDeque<RefusalSample>) -> Vec<RefusalSample> {
    let mut room = MAX_SAMPLE_BYTES;
    let mut newest: Vec<RefusalSample> = samples
        .iter()
        .rev()
        .take_while(|sample| {
            let bytes = serde_json::to_string(sample).map_or(usize::MAX, |text| text.len() + 1);
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        })
        .cloned()
        .collect();
    newest.reverse();
    newest
}
