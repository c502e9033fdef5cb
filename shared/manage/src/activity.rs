//! Recent activity of sources, for reports that are counted when they are asked for, so that no
//! event costs an extra write.

use std::{cmp::Reverse, time::Duration};

use adapters::table::{LetterList, Table};
use domain::{
    envelope::{Envelope, StoredBody},
    event::Event,
    id::EventId,
    job::Job,
    letter::{LetterQueue, LetterState, LetterSubject},
    source::Source,
    time::Timestamp,
};

use crate::{ControlPlane, Principal, Refusal, events, jobs};

/// Most events of one application, and most jobs, that one report reads.
const MAX_SEEN: usize = 10_000;
/// Entries that are read at a time.
const PAGE: usize = 500;
/// Newest events whose time to be recorded is averaged.
const TIMED: usize = 100;

/// Passes the events of these sources' applications to `show`, newest first within each
/// application, until `show` returns false. Returns whether there are older events that were not
/// read.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn each_event(
    control: &ControlPlane,
    sources: &[Source],
    mut show: impl FnMut(Event) -> bool,
) -> Result<bool, Refusal> {
    let mut applications: Vec<_> =
        sources.iter().map(|source| source.application.clone()).collect();
    applications.sort();
    applications.dedup();
    let mut truncated = false;
    for application in applications {
        let (mut cursor, mut seen) = (None, 0);
        loop {
            let page = control.table().events(&application, cursor.as_deref(), PAGE, false).await?;
            seen += page.items.len();
            cursor = page.items.last().map(Table::event_cursor);
            let go_on = page.items.into_iter().all(&mut show);
            if page.next.is_none() || !go_on {
                break;
            }
            if MAX_SEEN <= seen {
                truncated = true;
                break;
            }
        }
    }
    Ok(truncated)
}

/// Jobs that the caller sees and that have not ended, newest first.
#[derive(Debug)]
pub struct RunningJobs {
    /// The jobs that run, newest first.
    pub jobs: Vec<Job>,
    /// Whether there are older jobs that were not read.
    pub truncated: bool,
}

/// The jobs of these sources that have not ended.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn running_jobs(
    control: &ControlPlane,
    principal: &Principal,
    sources: &[Source],
) -> Result<RunningJobs, Refusal> {
    let keep = |job: &Job| {
        !job.status.is_terminal()
            && sources.iter().any(|source| source.tenure() == job.tenure())
            && jobs::sees(principal, job)
    };
    let (mut cursor, mut seen, mut jobs) = (None, 0, Vec::new());
    loop {
        let page = control.table().jobs(cursor.as_deref(), PAGE).await?;
        seen += page.items.len();
        cursor = page.items.last().map(Table::job_cursor);
        jobs.extend(page.items.into_iter().filter(keep));
        let ends = page.next.is_none();
        if ends || MAX_SEEN <= seen {
            return Ok(RunningJobs { jobs, truncated: !ends });
        }
    }
}

/// Number of accepted requests of these sources that could not be processed and wait as dead
/// letters.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn unprocessed_requests(
    control: &ControlPlane,
    sources: &[Source],
) -> Result<u64, Refusal> {
    let (mut cursor, mut count) = (None, 0);
    loop {
        let list = LetterList::WaitingMessages;
        let page = control.table().letters_in(list, cursor.as_deref(), PAGE, false).await?;
        cursor = page.next;
        for letter in page.items {
            let LetterSubject::Message {
                queue: LetterQueue::Inbox,
                body: StoredBody::Text(text),
                ..
            } = letter.what
            else {
                continue;
            };
            let from = Envelope::parse(&text).ok();
            let ours =
                |from: &Envelope| sources.iter().any(|source| source.tenure() == from.tenure());
            let waits = letter.state == LetterState::Waiting;
            count += u64::from(waits && from.as_ref().is_some_and(ours));
        }
        if cursor.is_none() {
            return Ok(count);
        }
    }
}

/// Mean time, in milliseconds, from the acceptance of the newest of these events to the record of
/// their first deliveries. `None` if no event has a delivery.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn mean_recording_ms(
    control: &ControlPlane,
    mut accepted: Vec<(Timestamp, EventId)>,
) -> Result<Option<f64>, Refusal> {
    accepted.sort_by_key(|(at, _)| Reverse(*at));
    accepted.truncate(TIMED);
    let deliveries = events::deliveries(control, accepted.iter().map(|(_, id)| id)).await?;
    let (mut sum, mut count) = (Duration::ZERO, 0u32);
    for ((accepted, _), deliveries) in accepted.iter().zip(deliveries) {
        let first = deliveries.iter().filter(|delivery| delivery.generation == 0);
        if let Some(recorded) = first.map(|delivery| delivery.created_at).min() {
            sum += recorded.since(*accepted);
            count += 1;
        }
    }
    Ok((count != 0).then(|| sum.as_secs_f64() * 1000.0 / f64::from(count)))
}
