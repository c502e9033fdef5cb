//! Cancellation of a batch: its jobs that have not ended are cancelled one by one, a part per request.
//!
//! Nothing is written about the cancellation itself. The jobs of a batch are looked for in the list of all
//! jobs, so that a request that is asked again goes on where the one before has stopped.

use std::time::Duration;

use adapters::table::Table;
use domain::{batch::Batch, job::Job};
use futures::future::join_all;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::{
    ControlPlane, MAX_SCANNED, Principal, Refusal,
    cancellation::{self, Cancellation},
    page::Effort,
};

/// Most jobs that one request cancels.
pub const MAX_CANCELLED: usize = 100;
/// Jobs that are cancelled at the same time.
const AT_ONCE: usize = 8;
/// Jobs that are read at a time.
const PAGE: usize = 250;
/// The time after which a request begins with no further jobs. The last ones may wait 10 s for their
/// platform, and the function ends after 29 s.
const LONGEST: Duration = Duration::from_secs(8);

/// The outcome of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchCancellation {
    /// Jobs that this request cancelled.
    pub cancelled: u64,
    /// Jobs that are left, as far as is known; 1 at least while the list of jobs was not read to its end.
    pub left: u64,
    /// Cursor behind which the next request goes on; `None` if the list was read to its end.
    pub next: Option<String>,
}

/// Cancels jobs of a batch that have not ended, and tells their platforms.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read. Some jobs may be cancelled by then.
pub async fn cancel(
    control: &ControlPlane,
    principal: &Principal,
    batch: &Batch,
    from: Option<String>,
) -> Result<BatchCancellation, Refusal> {
    let (began, mut effort, mut outcome) =
        (Instant::now(), Effort::of(MAX_SCANNED), BatchCancellation::default());
    let (mut last, mut failed) = (from, 0);
    'list: loop {
        let page = control.table().jobs(last.as_deref(), PAGE).await?;
        let more = page.next.is_some();
        let mut rest = &page.items[..];
        while !rest.is_empty() {
            if MAX_CANCELLED as u64 <= outcome.cancelled + failed || LONGEST <= began.elapsed() {
                outcome.next = last;
                break 'list;
            }
            let (some, others) = next_jobs(batch, rest);
            effort.scan(rest.len() - others.len());
            last = rest[..rest.len() - others.len()].last().map(Table::job_cursor);
            rest = others;
            let ended = join_all(some.into_iter().map(|job| end(control, principal, job))).await;
            for ended in ended {
                match ended {
                    Ok(true) => outcome.cancelled += 1,
                    Ok(false) => (),
                    Err(()) => failed += 1,
                }
            }
        }
        if !more {
            break;
        }
        if effort.is_spent() {
            outcome.next = last;
            break;
        }
    }
    let known = batch.counts.open().saturating_sub(outcome.cancelled);
    outcome.left = match &outcome.next {
        Some(_) => known.max(1),
        None => failed,
    };
    info!(
        audit = true, key = %principal.key, batch = %batch.id, cancelled = outcome.cancelled, left = outcome.left,
        "jobs of a batch were cancelled"
    );
    Ok(outcome)
}

/// The next jobs of a batch that have not ended, [`AT_ONCE`] at the most, and the jobs behind them.
fn next_jobs<'j>(batch: &Batch, jobs: &'j [Job]) -> (Vec<Job>, &'j [Job]) {
    let mut some = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        if some.len() == AT_ONCE {
            return (some, &jobs[index..]);
        }
        let is_member = job.application == batch.application
            && job.batch_id.as_deref() == Some(batch.external_id.as_str());
        if is_member && !job.status.is_terminal() {
            some.push(job.clone());
        }
    }
    (some, &[])
}

/// Cancels a job; whether this request did so. A job that cannot be cancelled now is logged, and holds up
/// no other.
async fn end(control: &ControlPlane, principal: &Principal, job: Job) -> Result<bool, ()> {
    let id = job.id.clone();
    match cancellation::cancel(control, principal, job).await {
        Ok(Cancellation::Done(..)) => Ok(true),
        Ok(Cancellation::TooLate(_)) => Ok(false),
        Err(refusal) => {
            warn!(job = %id, ?refusal, "a job of a batch was not cancelled");
            Err(())
        }
    }
}
