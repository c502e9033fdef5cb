//! That a job joined a batch or ended in it, to be counted.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApplicationId, BatchId, JobId},
    job::{Job, JobStatus},
};

/// What a step of a job means for its batch. Each job leaves one when it joins and one when it
/// first ends, or one for both; a job that timed out and is completed later was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchMarker {
    /// The batch.
    pub batch: BatchId,
    /// The job.
    pub job: JobId,
    /// The batch's application, as its source names it.
    pub application: String,
    /// What senders call the batch.
    pub external_id: String,
    /// Whether the job was not in the batch before.
    pub joins: bool,
    /// How it ended, if it did not before.
    pub ended: Option<JobStatus>,
}

impl BatchMarker {
    /// What follows for the batch when `before` becomes `after`.
    pub fn between(before: &Job, after: &Job) -> Option<Self> {
        let external_id = after.batch_id.clone()?;
        let joins = before.batch_id.is_none();
        let new_end = joins || !before.status.is_terminal();
        let ended = Some(after.status).filter(|status| status.is_terminal() && new_end);
        (joins || ended.is_some()).then(|| Self {
            batch: BatchId::of(&ApplicationId::named(&after.application), &external_id),
            job: after.id.clone(),
            application: after.application.clone(),
            external_id,
            joins,
            ended,
        })
    }
}
