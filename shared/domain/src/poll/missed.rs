//! That a completion was missed, for whoever watches over the relay.

use serde::Serialize;

use crate::{
    event::Event,
    id::{ApplicationId, EventId},
    job::Job,
    notice,
    time::Timestamp,
};

/// The type of the event; only endpoints that name it or its family hear of it.
const MISSED: &str = "completion.missed";

#[derive(Serialize)]
struct MissedCompletion<'a> {
    job: Facts<'a>,
    source: &'a str,
    /// When the answer was due.
    deadline: Option<String>,
    /// When asking, or giving up, told how the job ended.
    asked_at: Option<String>,
    polls: u32,
}

#[derive(Serialize)]
struct Facts<'a> {
    id: &'a str,
    external_id: &'a str,
    call_id: Option<&'a str>,
    status: &'a str,
}

/// The event that says that no webhook told how a job ended, and its payload. There is one per job,
/// however often it is made.
pub fn missed_event(job: &Job, now: Timestamp) -> (Event, Vec<u8>) {
    let at = |at: Option<Timestamp>| at.map(Timestamp::rfc3339);
    let missed = MissedCompletion {
        job: Facts {
            id: job.id.as_str(),
            external_id: &job.external_id,
            call_id: job.call_id.as_deref(),
            status: job.status.word(),
        },
        source: &job.source,
        deadline: at(job.deadline_at),
        asked_at: at(job.finished_at),
        polls: job.polls,
    };
    let body = serde_json::to_vec(&missed).expect("plain data serialises");
    let id = EventId::derive(&["missed", job.id.as_str()]);
    let payload = notice::passed_on(&id, MISSED, now, &body);
    let application = ApplicationId::named(&job.application);
    let event = Event::by_relay(id, application, MISSED, &payload, now).about(job);
    (event, payload)
}
