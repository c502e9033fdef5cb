//! The event `completion.missed`: no webhook reported how a job ended.

use serde::Serialize;

use crate::{event::Event, id::EventId, job::Job, notice, time::Timestamp};

/// The type of the event. Only endpoints that list the type or its family receive it.
const MISSED: &str = "completion.missed";

#[derive(Serialize)]
struct MissedCompletion<'a> {
    job: Facts<'a>,
    source: &'a str,
    /// The time from which a report was overdue.
    deadline: Option<String>,
    /// The time at which the end became known, by polling or by timing out.
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

/// The event that says that no webhook reported how a job ended, and its payload. There is one per
/// job, however often it is made.
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
    let payload = notice::passed_on(&id, MISSED, None, now, &body);
    let application = job.application.clone();
    let event = Event::by_relay(id, application, MISSED, &payload, now).about(job);
    (event, payload)
}
