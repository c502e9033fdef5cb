//! SQS over SQLite: the actions that the relay and its operators use, in the JSON protocol.
//!
//! The crate winterbaume-sqs was rejected for three reasons:
//!
//! * It keeps messages in memory only. An accepted message would survive a crash only with a journal
//!   beside the library, and that journal cannot see which messages the library's redrive moved or how
//!   often it delivered them.
//! * It assigns message ids itself.
//! * Its limits (lengths, delays, batches), partial batch failures, `VisibilityTimeout=0`, binary
//!   attributes, group ids and queue URLs would all need wrappers.
//!
//! Here SQLite is the only state. After `kill -9` the messages, delays, receive counts and dead letters
//! are unchanged, and a message in flight becomes visible when its visibility timeout ends.
//!
//! Known differences from AWS:
//!
//! * Each message has one copy. Messages of a standard queue are received in the order in which they
//!   became visible.
//! * The receive that would exceed `maxReceiveCount` moves the message to the dead-letter queue, where
//!   its receive count starts at 0.
//! * A FIFO queue returns the group with the oldest message first, and as much of it as was asked for. A
//!   dead letter gets a new sequence number. A purge also makes the queue forget deduplication ids. The
//!   throughput limits have no effect, and `ReceiveRequestAttemptId` is ignored.
//! * There are no tags, permissions, move tasks or limits of messages in flight.
//!
//! `request` parses, `billed` counts what AWS would bill, `limits` and `queue` validate, `message` makes rows of requests and answers of rows,
//! `fifo` deduplicates and numbers, `store` persists in the tables of `schema`, `ready` chooses what a
//! receive returns, `error` holds SQS's errors, and `actions` performs the requests.

mod actions;
mod bells;
mod billed;
mod digest;
mod error;
mod fifo;
mod limits;
mod message;
mod queue;
mod ready;
mod receipt;
mod request;
mod schema;
mod store;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
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
    bells::Bells,
    error::SqsError,
    queue::{ACCOUNT, RedrivePolicy, SqsQueue},
    store::MessageStore,
};
use crate::{LocalAwsError, clock::ServiceClock, data::failed, ledger::Book, resources};

/// The longest request body, in bytes. A body of 1 MiB may take 6 MiB as escaped JSON, and a batch that
/// exceeds its limit may hold ten of them; such a batch gets SQS's error and not 413.
const MAX_REQUEST: usize = 64 * 1_048_576;

/// The local SQS service.
#[derive(Debug)]
pub(crate) struct Sqs {
    store: Mutex<MessageStore>,
    /// Rung after each change that may make a message visible.
    bells: Bells,
    stopping: watch::Receiver<bool>,
    clock: Arc<ServiceClock>,
    book: Book,
    endpoint: String,
}

impl Sqs {
    /// Opens the database in `file`, or an empty one in memory. `endpoint` is the base of queue URLs.
    ///
    /// # Errors
    /// [`LocalAwsError::Data`] if SQLite cannot open the file.
    pub(crate) fn open(
        file: Option<&Path>,
        clock: Arc<ServiceClock>,
        book: Book,
        endpoint: String,
        stopping: watch::Receiver<bool>,
    ) -> Result<Sqs, LocalAwsError> {
        let store = MessageStore::open(file)
            .map_err(|e| failed(file.unwrap_or(Path::new(":memory:")), &e))?;
        Ok(Sqs {
            store: Mutex::new(store),
            bells: Bells::default(),
            stopping,
            clock,
            book,
            endpoint,
        })
    }

    /// Creates the queue, or gives an existing queue these settings.
    ///
    /// # Errors
    /// [`LocalAwsError::Resource`] if SQS would refuse the name or a setting.
    pub(crate) fn declare(&self, queue: &resources::QueueResource) -> Result<(), LocalAwsError> {
        let mut attributes = BTreeMap::from([
            ("VisibilityTimeout".to_owned(), queue.visibility_timeout.to_string()),
            ("MessageRetentionPeriod".to_owned(), queue.retention.to_string()),
        ]);
        if queue.fifo {
            let fifo = [
                ("FifoQueue", "true"),
                ("ContentBasedDeduplication", "false"),
                ("DeduplicationScope", "messageGroup"),
                ("FifoThroughputLimit", "perMessageGroupId"),
            ];
            attributes.extend(fifo.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        if let Some((target, max_receives)) = &queue.redrive {
            let policy =
                RedrivePolicy { queue: target.clone(), max_receives: (*max_receives).into() };
            attributes.insert("RedrivePolicy".to_owned(), policy.json());
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        SqsQueue::create(queue.name.clone(), attributes)
            .and_then(|declared| store.save(&declared))
            .map_err(|refusal| LocalAwsError::Resource {
                resource: format!("queue {}", queue.name),
                reason: refusal.to_string(),
            })
    }

    /// The URL of the queue named `queue`.
    pub(crate) fn queue_url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.endpoint)
    }

    /// Moves the clock of this service forward by `duration` and wakes waiting receives.
    pub(crate) fn skip_time(&self, duration: Duration) {
        self.clock.skip(duration);
        self.bells.ring_all();
    }

    /// The number of messages that can be received now, and the number of all messages. Both are 0 if
    /// there is no such queue.
    pub(crate) fn depth(&self, queue: &str) -> (i64, i64) {
        let now = self.now();
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = store.queue(queue).and_then(|queue| store.counts(&queue, now));
        counts.map_or((0, 0), |c| (c.visible, c.visible + c.in_flight + c.delayed))
    }

    /// This service's time in milliseconds since 1970.
    fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Runs `work` on the store, on the thread of the request: handing it to another thread would take longer
    /// than the work. Of many commits one waits for the disk, that which folds the log into the database.
    fn with_store<T>(
        &self,
        work: impl FnOnce(&mut MessageStore) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        work(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves every path: SDKs post to `/` or to the URL of the queue.
pub(crate) fn router(sqs: Arc<Sqs>) -> Router {
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(sqs)
}

async fn answer(State(sqs): State<Arc<Sqs>>, headers: HeaderMap, body: Bytes) -> Response {
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let action = target.strip_prefix("AmazonSQS.").unwrap_or_default();
    let outcome = sqs.perform(action, &body).await;
    billed::count(&sqs.book, action, &body, outcome.as_ref().ok());
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
