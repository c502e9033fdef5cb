//! Reports that changed their job before their event was recorded.
//!
//! The job of a report is written first and its event after it. In between the job alone says what the
//! report did, so that a worker which goes on after a crash does not apply the report again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Job, JobStatus};
use crate::{
    envelope::Trust,
    event::{Event, EventOutcome, Origin},
    id::EventId,
    time::Timestamp,
};

/// Most entries of a job. Further reports wait until the events of earlier ones are recorded.
pub const MAX_UNRECORDED: usize = 32;
/// The time after the write of its job for which a report may still be in the hands of the worker that wrote
/// it. A worker has 30 s. Nobody waits for an older report, which is recorded when its message comes again.
const IN_HAND: Duration = Duration::from_secs(600);
/// Hex digits of a fingerprint that an entry keeps: 64 bits, for entries of one event alone are compared.
const DIGITS: usize = 16;

/// A report that changed its job, and whose event is not known to be in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnrecordedReport {
    /// The event of the report.
    pub event: EventId,
    /// The first digits of the SHA-256 of the report's body.
    fingerprint: String,
    /// Whether the relay asked the platform for the report.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    polled: bool,
    /// The effect of the report on the job.
    pub outcome: EventOutcome,
    /// The state of the job after the report.
    pub status: JobStatus,
    /// Whether that state came late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The time at which the job was written.
    at: Timestamp,
}

impl UnrecordedReport {
    /// Whether this event would be made of the same report: it has the same body, or one of the two is
    /// the platform's own answer when it was asked.
    pub fn is_of(&self, event: &Event) -> bool {
        let same = event.fingerprint.starts_with(&self.fingerprint);
        self.event == event.id && (same || self.polled || is_polled(event))
    }
}

fn is_polled(event: &Event) -> bool {
    matches!(&event.origin, Origin::Source { trust: Trust::Polled, .. })
}

impl Job {
    /// The report of this event, if it changed the job and the event may not be recorded.
    pub fn unrecorded_report(&self, event: &EventId) -> Option<&UnrecordedReport> {
        self.unrecorded.iter().find(|report| report.event == *event)
    }

    /// The job, which follows from the report of this event, until the event is recorded.
    #[must_use]
    pub fn until_recorded(&self, event: &Event, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.unrecorded.push(UnrecordedReport {
            event: event.id.clone(),
            fingerprint: event.fingerprint.chars().take(DIGITS).collect(),
            polled: is_polled(event),
            outcome: event.outcome,
            status: self.status,
            late: self.late,
            at: now,
        });
        next
    }

    /// Whether a worker may be about to record this event.
    pub fn is_in_hand(&self, event: &EventId, now: Timestamp) -> bool {
        self.unrecorded_report(event).is_some_and(|report| now.since(report.at) < IN_HAND)
    }

    /// Forgets the reports whose events are recorded.
    pub fn forget_recorded(&mut self, recorded: &[EventId]) {
        self.unrecorded.retain(|report| !recorded.contains(&report.event));
    }

    /// The job as its notice shows it after this report, whatever changed it since.
    #[must_use]
    pub fn as_of(&self, report: &UnrecordedReport) -> Self {
        Self { status: report.status, late: report.late, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ApplicationId, SourceId, Tenure};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn event(body: &[u8], trust: Trust) -> Event {
        let application = ApplicationId::named("acme");
        let mut event =
            Event::by_relay(EventId::derive(&["e"]), application, "job.succeeded", body, NOW);
        let (key, arrival) = ("k".to_owned(), "a".to_owned());
        let (id, name) = (SourceId::derive(&["s"]), "modal".to_owned());
        event.origin = Origin::Source { id, name, key, arrival, trust };
        event
    }

    #[test]
    fn a_job_remembers_a_report_until_its_event_is_recorded() {
        let application = ApplicationId::named("acme");
        let tenure = Tenure { source: SourceId::derive(&["s"]), application };
        let mut job = Job::unknown(tenure, "modal", "j", NOW);
        job.status = JobStatus::Succeeded;
        let one = event(b"1", Trust::Signed);
        let mut job = job.until_recorded(&one, NOW);
        let report = job.unrecorded_report(&one.id).expect("remembered").clone();
        assert!(report.is_of(&one) && report.is_of(&event(b"2", Trust::Polled)));
        assert!(!report.is_of(&event(b"2", Trust::Signed)), "other bytes");
        assert_eq!(
            (report.outcome, report.status),
            (EventOutcome::Announced, JobStatus::Succeeded)
        );
        assert!(job.is_in_hand(&one.id, NOW) && !job.is_in_hand(&one.id, NOW.plus(IN_HAND)));
        job.status = JobStatus::Failed;
        assert_eq!(job.as_of(&report).status, JobStatus::Succeeded);
        job.forget_recorded(&[EventId::derive(&["other"])]);
        assert_eq!(job.unrecorded.len(), 1);
        job.forget_recorded(&[one.id]);
        assert!(job.unrecorded.is_empty());
    }
}
