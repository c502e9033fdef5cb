//! SQS over SQLite: the actions the relay and its operators use, in the JSON protocol.
//!
//! Why not winterbaume-sqs, which the workspace could embed: it keeps messages in memory only and names
//! them itself, so an accepted message survives a crash only with a journal beside it, a second truth
//! that cannot see what its redrive moves or how often it delivered; and its limits (lengths, delays,
//! batches), partial batch failures, `VisibilityTimeout=0`, binary attributes, group ids and queue URLs
//! would all have to be wrapped as well. With SQLite as the only truth there is nothing to reconcile:
//! after `kill -9` messages, delays, receive counts and dead letters are as they were, and what was in
//! flight comes back when its visibility timeout ends.
//!
//! Known differences from AWS: one copy of each message, handed out in order of readiness; a message
//! is moved to the dead-letter queue by the receive that would exceed the count, and is counted anew
//! there; no FIFO queues, tags, permissions, move tasks, no limit of messages in flight.
//!
//! `request` reads, `limits` and `queue` judge, `store` keeps, `refusal` says no, `actions` ties them
//! together.

mod actions;
mod digest;
mod error;
mod limits;
mod queue;
mod request;
mod store;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderName, header},
    response::{IntoResponse, Response},
};
use tokio::sync::watch;

use self::{
    error::SqsError,
    queue::{ACCOUNT, SqsQueue},
    store::MessageStore,
};
use crate::{LocalAwsError, data::failed, resources};

/// A mebibyte of message may be six of JSON, and there are ten in an (over-long) batch.
const MAX_REQUEST: usize = 64 * 1_048_576;

/// The service.
#[derive(Debug)]
pub(crate) struct Sqs {
    store: Arc<Mutex<MessageStore>>,
    /// Counts changes that may make a message ready; waiting receives watch it.
    changes: watch::Sender<u64>,
    stopping: watch::Receiver<bool>,
    skipped_ms: AtomicI64,
    endpoint: String,
}

impl Sqs {
    /// Opens the queues in `file`, or none in memory.
    pub(crate) fn open(
        file: Option<&Path>,
        endpoint: String,
        stopping: watch::Receiver<bool>,
    ) -> Result<Sqs, LocalAwsError> {
        let store = MessageStore::open(file)
            .map_err(|e| failed(file.unwrap_or(Path::new(":memory:")), &e))?;
        Ok(Sqs {
            store: Arc::new(Mutex::new(store)),
            changes: watch::Sender::new(0),
            stopping,
            skipped_ms: AtomicI64::new(0),
            endpoint,
        })
    }

    /// Creates the queue, or gives an existing one these settings.
    pub(crate) fn declare(&self, queue: &resources::QueueResource) -> Result<(), LocalAwsError> {
        let mut attributes = BTreeMap::from([
            ("VisibilityTimeout".to_owned(), queue.visibility_timeout.to_string()),
            ("MessageRetentionPeriod".to_owned(), queue.retention.to_string()),
        ]);
        if let Some((target, max_receives)) = &queue.redrive {
            let policy = serde_json::json!({
                "deadLetterTargetArn": queue::arn(target),
                "maxReceiveCount": max_receives,
            });
            attributes.insert("RedrivePolicy".to_owned(), policy.to_string());
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        SqsQueue::new(queue.name.clone())
            .and_then(|mut declared| {
                declared.set(attributes)?;
                store.save(&declared)
            })
            .map_err(|refusal| LocalAwsError::Resource {
                resource: format!("queue {}", queue.name),
                reason: refusal.to_string(),
            })
    }

    /// The URL that this service gives a queue.
    pub(crate) fn queue_url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.endpoint)
    }

    /// Moves this service's clock on.
    pub(crate) fn skip_time(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.skipped_ms.fetch_add(ms, Ordering::Relaxed);
        self.changed();
    }

    /// Messages on a queue: those that can be received now, and all of them.
    pub(crate) fn depth(&self, queue: &str) -> (i64, i64) {
        let now = self.now();
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = store.queue(queue).and_then(|queue| store.counts(&queue, now));
        counts.map_or((0, 0), |c| (c.visible, c.visible + c.in_flight + c.delayed))
    }

    #[expect(clippy::disallowed_methods, reason = "SQS has a clock of its own")]
    fn now(&self) -> i64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        now.saturating_add(self.skipped_ms.load(Ordering::Relaxed))
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Works on the store off the runtime's threads: a commit may wait for the disk.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut MessageStore) -> Result<T, SqsError> + Send + 'static,
    ) -> Result<T, SqsError> {
        let store = Arc::clone(&self.store);
        let work = move || work(&mut store.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|panic| Err(SqsError::internal(&panic)))
    }
}

/// Any path: SDKs post to `/` or to the queue's URL.
pub(crate) fn router(sqs: Arc<Sqs>) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(sqs)
}

async fn answer(State(sqs): State<Arc<Sqs>>, headers: HeaderMap, body: Bytes) -> Response {
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let action = target.strip_prefix("AmazonSQS.").unwrap_or_default();
    let outcome = sqs.perform(action, &body).await;
    let common = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.0".to_owned()),
        (HeaderName::from_static("x-amzn-requestid"), uuid::Uuid::new_v4().to_string()),
    ];
    let mut response = match outcome {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in common {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
