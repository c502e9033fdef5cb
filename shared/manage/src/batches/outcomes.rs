//! Jobs of a batch that have ended, with the payloads that their subscribers received (R3.11).

use adapters::table::EndedJob;
use domain::{
    event::Event,
    id::BatchId,
    job::{Job, JobStatus},
};

use crate::{ControlPlane, Refusal};

/// Position among the ended jobs of a batch. Printed and parsed as text.
pub type OutcomeCursor = EndedJob;

/// An ended job, and the event that holds its result.
#[derive(Clone, Debug)]
pub struct JobOutcome {
    /// The job that has ended.
    pub job: Job,
    /// The event; `None` if it is no longer kept.
    pub event: Option<Event>,
}

/// A part of the ended jobs of a batch.
#[derive(Debug)]
pub struct Outcomes {
    /// Each position with its job; `None` where the job's status is not wanted.
    pub entries: Vec<(OutcomeCursor, Option<JobOutcome>)>,
    /// Position behind which the list goes on; `None` at its end.
    pub next: Option<String>,
}

/// A part of the ended jobs of a batch, of the statuses that are `wanted`; `limit` positions are
/// read.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn outcomes(
    control: &ControlPlane,
    batch: &BatchId,
    cursor: Option<&OutcomeCursor>,
    limit: usize,
    wanted: impl Fn(JobStatus) -> bool,
) -> Result<Outcomes, Refusal> {
    let page = control.table().ended_jobs(batch, cursor, limit).await?;
    let ids: Vec<_> = page.items.iter().map(|ended| ended.job.clone()).collect();
    let mut jobs = control.table().jobs_of(&ids).await?;
    let events: Vec<_> = jobs.iter().filter_map(|job| job.result_event.clone()).collect();
    let events = control.table().events_of(&events).await?;
    let entries = page.items.into_iter().map(|ended| {
        let at = jobs.iter().position(|job| job.id == ended.job && wanted(job.status));
        let outcome = at.map(|at| {
            let job = jobs.swap_remove(at);
            let event = job.result_event.as_ref();
            let event = event.and_then(|id| events.iter().find(|event| event.id == *id)).cloned();
            JobOutcome { job, event }
        });
        (ended, outcome)
    });
    Ok(Outcomes { entries: entries.collect(), next: page.next })
}

/// The payload that subscribers of an outcome received; empty if its event is no longer kept.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the bucket cannot be read.
pub async fn payload(control: &ControlPlane, outcome: &JobOutcome) -> Result<Vec<u8>, Refusal> {
    match &outcome.event {
        Some(event) => Ok(control.bucket().open(event.payload.clone()).await?),
        None => Ok(Vec::new()),
    }
}
