//! A batch as we show it.

use domain::{
    batch::{Batch, FailOn, Steps},
    endpoint::Endpoint,
};
use manage::batches::BatchWithWebhooks;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::v1::jobs::WebhookOut;

/// A batch.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchOut {
    /// The relay's id, `batch_…`.
    id: String,
    /// Always `batch`.
    object: &'static str,
    /// The senders' id.
    external_id: String,
    /// Id of its application.
    application: String,
    source: Option<String>,
    /// `in_progress`, `completed` or `failed`.
    status: &'static str,
    /// Number of its jobs, once it is known.
    size: Option<u64>,
    /// Whether the batch is closed and its jobs are still counted.
    closing: bool,
    request_counts: RequestCounts,
    /// Jobs that we know of.
    known: u64,
    timed_out: u64,
    cancelled: u64,
    input_file_id: Option<String>,
    endpoint: Option<String>,
    completion_window: Option<String>,
    priority: Option<i8>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    progress_every: Option<u64>,
    progress_percent: Option<u8>,
    /// `all` or `any`.
    #[schema(value_type = String)]
    fail_on: FailOn,
    /// Time of its declaration; null if only jobs named the batch.
    declared_at: Option<String>,
    created_at: String,
    completed_at: Option<String>,
    /// Webhooks of its declaration; empty in lists.
    webhooks: Vec<WebhookOut>,
}

/// Number of its jobs by their end.
#[derive(Serialize, ToSchema)]
struct RequestCounts {
    /// Number of jobs that are known.
    total: u64,
    /// Jobs that succeeded.
    completed: u64,
    /// Jobs that ended otherwise.
    failed: u64,
}

impl BatchOut {
    pub(super) fn of(batch: Batch, webhooks: Vec<Endpoint>) -> Self {
        let (every, percent) = match batch.steps {
            Some(Steps::Every(jobs)) => (Some(jobs), None),
            Some(Steps::Percent(percent)) => (None, Some(percent)),
            None => (None, None),
        };
        Self {
            id: batch.id.to_string(),
            object: "batch",
            status: batch.word(),
            closing: batch.closing,
            request_counts: RequestCounts {
                total: batch.total(),
                completed: batch.counts.succeeded,
                failed: batch.counts.unsuccessful(),
            },
            known: batch.counts.known,
            timed_out: batch.counts.timed_out,
            cancelled: batch.counts.cancelled,
            external_id: batch.external_id,
            application: batch.application.to_string(),
            source: batch.about.source,
            size: batch.size,
            input_file_id: batch.about.input_file_id,
            endpoint: batch.about.endpoint,
            completion_window: batch.about.completion_window,
            priority: batch.about.priority,
            metadata: batch.about.metadata,
            progress_every: every,
            progress_percent: percent,
            fail_on: batch.fail_on,
            declared_at: batch.declared_at.map(|at| at.rfc3339()),
            created_at: batch.created_at.rfc3339(),
            completed_at: batch.completed_at.map(|at| at.rfc3339()),
            webhooks: webhooks.into_iter().map(WebhookOut::from).collect(),
        }
    }
}

impl From<BatchWithWebhooks> for BatchOut {
    fn from(shown: BatchWithWebhooks) -> Self {
        Self::of(shown.batch, shown.webhooks)
    }
}
