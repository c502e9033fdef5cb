//! Batches: declared before or after their jobs, closed, listed, and the outcomes of their jobs.

mod cancel;
mod declaration;
mod outcomes;

use adapters::{
    contested::{self, TryOutcome},
    table::{Table, WriteOutcome},
};
use domain::{batch::Batch, endpoint::Endpoint, id::BatchId};
use futures::future::try_join_all;
use tracing::warn;

pub use self::{
    cancel::{BatchCancellation, MAX_CANCELLED, cancel},
    declaration::{BatchCreation, BatchDraft, MAX_PRIORITY, declare},
    outcomes::{JobOutcome, OutcomeCursor, Outcomes, outcomes, payload},
};
use crate::{
    ControlPlane, PageRequest, Principal, Refusal, Walk, applications,
    jobs::{MAX_NAME, ambiguous},
    walk,
};

/// Most jobs of a batch.
pub const MAX_SIZE: u64 = 1_000_000_000;
/// Tries of a change when other requests change the same batch.
const TRIES: u32 = 16;

/// A batch with the endpoints of its own webhooks.
#[derive(Clone, Debug)]
pub struct BatchWithWebhooks {
    /// The batch as it was declared, with its counters.
    pub batch: Batch,
    /// The endpoints that the batch's webhooks go to.
    pub webhooks: Vec<Endpoint>,
}

/// A part of the list of batches that the caller sees, newest first; of one status, by its word, if
/// `status` names one.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    status: Option<&str>,
    page: PageRequest,
) -> Result<Walk<Batch>, Refusal> {
    let keep = |batch: &Batch| {
        status.is_none_or(|status| status == batch.word()) && sees(principal, batch)
    };
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().batches(cursor.as_deref(), limit).await
    };
    Ok(walk(page.cursor, page.limit, fetch, |_| true, keep, Table::batch_cursor).await?)
}

/// The batch of this id or sender's id, of one application or of any.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such batch, or the caller may not see it;
/// [`Refusal::Conflict`] if batches of several applications bear the sender's id.
pub async fn find(
    table: &Table,
    principal: &Principal,
    name: &str,
    application: Option<&str>,
) -> Result<Batch, Refusal> {
    if MAX_NAME < name.len() {
        return Err(Refusal::NotFound);
    }
    let sees = |batch: &Batch| sees(principal, batch);
    if let Ok(id) = BatchId::parse(name)
        && let Some(batch) = table.batch(&id).await?
    {
        return Some(batch).filter(sees).ok_or(Refusal::NotFound);
    }
    let applications = match (application, &principal.application) {
        (Some(name), _) => vec![applications::id_of(table, name).await?],
        (None, Some(own)) => vec![own.clone()],
        (None, None) => {
            let all = table.applications().await?;
            all.into_iter().map(|application| application.id).collect()
        }
    };
    let ids: Vec<BatchId> = applications.iter().map(|id| BatchId::of(id, name)).collect();
    let mut batches: Vec<Batch> = Vec::new();
    for some in ids.chunks(16) {
        let found = try_join_all(some.iter().map(|id| table.batch(id))).await?;
        batches.extend(found.into_iter().flatten().filter(sees));
    }
    let one = batches.pop().ok_or(Refusal::NotFound)?;
    if batches.is_empty() {
        return Ok(one);
    }
    batches.push(one);
    batches.sort_by(|one, other| one.id.cmp(&other.id));
    let named = |batch: &Batch| format!("{} (application {})", batch.id, batch.application);
    let named: Vec<_> = batches.iter().map(named).collect();
    Err(ambiguous(name, "batches", &named, "application"))
}

fn sees(principal: &Principal, batch: &Batch) -> bool {
    principal.sees(&batch.application)
}

/// A batch with its webhooks.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn with_webhooks(
    control: &ControlPlane,
    batch: Batch,
) -> Result<BatchWithWebhooks, Refusal> {
    let webhooks = control.table().webhooks_of_batch(&batch).await?;
    Ok(BatchWithWebhooks { batch, webhooks })
}

/// Closes a batch: it has `size` jobs, or those that are known now. Its jobs are counted before the
/// caller is answered; counting that is left over is due.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a size above [`MAX_SIZE`], [`Refusal::Conflict`] if the batch has
/// another size, [`Refusal::Busy`] if other requests change it at every try.
pub async fn close(
    control: &ControlPlane,
    id: &BatchId,
    size: Option<u64>,
) -> Result<BatchWithWebhooks, Refusal> {
    let size = checked_size(size)?;
    let read = || async { control.table().batch(id).await?.ok_or(Refusal::NotFound) };
    let closed = contested::write(TRIES, || async {
        let batch = read().await?;
        if batch.size.is_some() {
            if size.is_some() && size != batch.size {
                return Err(Refusal::Conflict("it has another size".to_owned()));
            }
            return Ok(TryOutcome::Settled(batch));
        }
        let next = batch.closed(size, control.now());
        if control.table().put_batch(&next, None).await? == WriteOutcome::Refused {
            return Ok(TryOutcome::Refused);
        }
        control.context().note_batch(&next);
        control.context().count_batch(id).await?;
        read().await.map(TryOutcome::Settled)
    })
    .await?;
    with_webhooks(control, closed).await
}

/// A size that a batch can have, or none.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a size above [`MAX_SIZE`].
pub fn checked_size(size: Option<u64>) -> Result<Option<u64>, Refusal> {
    match size {
        Some(size) if MAX_SIZE < size => {
            Err(Refusal::field("size", format!("is at most {MAX_SIZE}")))
        }
        size => Ok(size),
    }
}

/// Puts a message on the inbox that has a batch counted. If that fails, the sweep counts the batch:
/// what is to be counted is due as well.
pub async fn ring(control: &ControlPlane, batch: &BatchId) {
    if let Err(error) = control.inbox().batch(batch).await {
        warn!(%error, %batch, "a batch was not rung for; the sweep will");
    }
}
