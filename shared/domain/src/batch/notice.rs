//! The notice of a batch.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Batch, BatchEnd, BatchNews};
use crate::{notice, time::Timestamp};

#[derive(Serialize)]
struct Data<'a> {
    batch: Facts<'a>,
    /// The number of ended jobs at which the announced step was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
}

#[derive(Serialize)]
struct Facts<'a> {
    id: &'a str,
    external_id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_file_id: Option<&'a str>,
    total: u64,
    completed: u64,
    failed: u64,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    metadata: &'a Map<String, Value>,
}

impl Batch {
    /// The name of the batch's state in the API.
    pub const fn word(&self) -> &'static str {
        match self.end {
            None => "in_progress",
            Some(BatchEnd::Completed) => "completed",
            Some(BatchEnd::Failed) => "failed",
        }
    }

    /// The number of jobs, as far as it is known.
    pub fn total(&self) -> u64 {
        self.size.unwrap_or(0).max(self.counts.known).max(self.counts.ended())
    }
}

/// The notice that announces a change of a batch, with the counts as they are now.
pub fn notice(batch: &Batch, news: BatchNews, at: Timestamp) -> Vec<u8> {
    // Progress that is told after the end is progress still: nobody is to hear twice that it ended.
    let (step, status, completed_at) = match news {
        BatchNews::Step(step) => (batch.threshold(step), "in_progress", None),
        BatchNews::End(_) => (None, batch.word(), batch.completed_at),
    };
    let data = Data {
        batch: Facts {
            id: batch.id.as_str(),
            external_id: &batch.external_id,
            status,
            endpoint: batch.about.endpoint.as_deref(),
            input_file_id: batch.about.input_file_id.as_deref(),
            total: batch.total(),
            completed: batch.counts.succeeded,
            failed: batch.counts.unsuccessful(),
            created_at: batch.created_at.rfc3339(),
            completed_at: completed_at.map(Timestamp::rfc3339),
            metadata: &batch.about.metadata,
        },
        step,
    };
    notice::notice(&news.event(&batch.id), news.event_type(), at, data)
}
