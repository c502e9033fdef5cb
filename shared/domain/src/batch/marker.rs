//! Markers: a job joined a batch or ended in it, and is to be counted.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApplicationId, BatchId, JobId},
    job::{Job, JobStatus},
};

/// The effect of a change of a job on its batch. Each job leaves one marker when it joins and one
/// when it first ends, or one for both. A job that timed out or failed and is completed later was
/// counted already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchMarker {
    /// The batch that counts the job.
    pub batch: BatchId,
    /// The job to count.
    pub job: JobId,
    /// The application of the batch.
    pub application: ApplicationId,
    /// The senders' id of the batch.
    pub external_id: String,
    /// Whether the job joins the batch.
    pub joins: bool,
    /// The terminal state of the job, if it ends with this change.
    pub ended: Option<JobStatus>,
}

impl BatchMarker {
    /// The marker for a change of a job from `before` to `after`; `None` if the change concerns no
    /// batch.
    pub fn between(before: &Job, after: &Job) -> Option<Self> {
        let external_id = after.batch_id.clone()?;
        let joins = before.batch_id.is_none();
        let new_end = joins || !before.status.is_terminal();
        let ended = Some(after.status).filter(|status| status.is_terminal() && new_end);
        (joins || ended.is_some()).then(|| Self {
            batch: BatchId::of(&after.application, &external_id),
            job: after.id.clone(),
            application: after.application.clone(),
            external_id,
            joins,
            ended,
        })
    }
}
