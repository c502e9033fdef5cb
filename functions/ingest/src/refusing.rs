//! Keeping what was refused: counts, and the newest samples, for the owner of the source.
//!
//! A function stands still between two invocations, so what was noted is written within the invocation
//! of a refused request, before its answer: at most once in ten seconds for each source. What is noted
//! in between waits for the next refused request. An instance that ends before loses it. Those who watch
//! are told of what was written, right after the write. The way of an accepted request has no part in this.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapters::{
    clock::Clock,
    random,
    table::{NotAdded, Table},
};
use dispatch::teller::Teller;
use domain::{
    figures::SHARDS,
    profile::Unreadable,
    refusals::{
        self, RefusalBatch, RefusalPlace, RefusalReason, RefusalSample, RefusalTally,
        RefusedRequest, WRITE_EVERY,
    },
    signature::SignedRequest,
    source::Gate,
    time::Timestamp,
};
use tracing::warn;

use crate::{
    answer::{No, PATIENCE},
    gates::Gates,
};

/// The refusals of one instance, and their way into the table.
#[derive(Debug)]
pub(crate) struct RefusalLog {
    table: Table,
    tally: Mutex<RefusalTally>,
    /// The item of each source and hour that this instance writes to.
    shard: u8,
    /// Tells watchers of refusals that were written, by this clock.
    teller: Option<(Teller, Clock)>,
}

impl RefusalLog {
    /// A log that writes to the table.
    pub(crate) fn new(table: Table) -> Self {
        let [byte] = random::bytes();
        let tally = Mutex::new(RefusalTally::new(WRITE_EVERY));
        Self { table, tally, shard: byte % SHARDS, teller: None }
    }

    /// The log with another time between two writes about one source.
    pub(crate) fn writing_every(self, every: Duration) -> Self {
        Self { tally: Mutex::new(RefusalTally::new(every)), ..self }
    }

    /// Sets who tells watchers of refusals that were written.
    pub(crate) fn told_by(self, teller: Teller, clock: Clock) -> Self {
        Self { teller: Some((teller, clock)), ..self }
    }

    fn tally(&self) -> MutexGuard<'_, RefusalTally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a refused request, and writes what was noted of its source unless that was a moment ago.
    async fn note(&self, place: &RefusalPlace, sample: RefusalSample) {
        let now = sample.at;
        self.tally().note(place, sample);
        self.write(place, now).await;
    }

    /// Notes a request that was refused. Whatever fails here changes no answer.
    pub(crate) async fn note_request(
        &self,
        gates: &Gates,
        request: &RefusedRequest<'_>,
        signed: &SignedRequest<'_>,
        no: &No,
    ) {
        // The source was looked at a moment ago, but for a body that is too large.
        let Ok(gate) = gates.gate(request.source, request.at).await else { return };
        let Some((reason, sentence)) = told(no, gate.as_deref(), signed) else { return };
        let sample = RefusalSample::of(request, reason, &sentence);
        let place = match &gate {
            Some(gate) => RefusalPlace::Source { tenure: gate.tenure(), name: gate.name.clone() },
            None => RefusalPlace::Nowhere,
        };
        self.note(&place, sample).await;
    }

    /// Writes what waits and may be written now.
    pub(crate) async fn write_waiting(&self, now: Timestamp) {
        let waiting = self.tally().waiting();
        for place in waiting {
            self.write(&place, now).await;
        }
    }

    /// Writes what was noted at a place. A failure is logged: counts that were not written wait for the
    /// next try, and those of which that is not known are lost.
    async fn write(&self, place: &RefusalPlace, now: Timestamp) {
        let Some(batch) = self.tally().take(place, now) else { return };
        let write = self.table.add_refusals(&batch, self.shard);
        match tokio::time::timeout(PATIENCE, write).await {
            Ok(Ok(())) => self.tell(&batch).await,
            Ok(Err(NotAdded::Refused(error))) => {
                warn!(%error, "refusals are not kept yet");
                self.tally().give_back(&batch);
            }
            Ok(Err(NotAdded::Unknown(error))) => warn!(%error, "refusals may not be kept"),
            Err(_) => warn!("refusals may not be kept in time"),
        }
    }
}

impl RefusalLog {
    /// Tells those who watch the application of a source what was written about it. Names that no source
    /// has belong to no application.
    async fn tell(&self, batch: &RefusalBatch) {
        let (Some((teller, clock)), RefusalPlace::Source { tenure, name }) =
            (&self.teller, &batch.place)
        else {
            return;
        };
        let place = (&tenure.application, name.as_str());
        let told = teller.tell_refusals(place, batch.news(), &self.table, clock);
        if tokio::time::timeout(PATIENCE, told).await.is_err() {
            warn!("watchers were not told of refusals in time");
        }
    }
}

/// The reason for a refusal, as a word and as a sentence for the owner of the source; `None` if the relay
/// is at fault.
fn told(
    no: &No,
    gate: Option<&Gate>,
    signed: &SignedRequest<'_>,
) -> Option<(RefusalReason, String)> {
    let plain = |reason, sentence: &str| Some((reason, sentence.to_owned()));
    match (no, gate) {
        (No::TooLarge, _) => plain(RefusalReason::TooLarge, "The body is larger than 6 MB."),
        (No::Refused(Some(refusal)), Some(gate)) => {
            Some((refusal.into(), refusals::of_signature(refusal, gate, signed)))
        }
        (No::Refused(_), _) => plain(RefusalReason::UnknownSource, "No source has this name."),
        (No::Unreadable(what), _) => {
            let reason = match what {
                Unreadable::TooLarge => RefusalReason::TooLarge,
                _ => RefusalReason::Unreadable,
            };
            Some((reason, refusals::unreadable(&what.to_string())))
        }
        (No::UnknownJob, _) => plain(
            RefusalReason::UnknownJob,
            "Nobody registered the job, and the source is strict: it refuses reports on such jobs.",
        ),
        (No::Lines(_), _) => plain(
            RefusalReason::Lines,
            "The signature holds, but the body brings no lines for a job's log.",
        ),
        (No::TooMany(_), _) => plain(
            RefusalReason::TooMany,
            "The source sends more than its rate limit allows, or a job logs too many lines.",
        ),
        (No::Unavailable, _) => None,
    }
}
