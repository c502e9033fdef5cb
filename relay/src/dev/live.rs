//! The function `live` in the bundle: who answers the WebSocket API and works off the queue of pushes.

use std::{sync::Arc, time::Duration};

use adapters::{
    bucket::Bucket, clock::Clock, live_queue::LiveQueue, pusher::Pusher, queue::Queue,
    table::Table, vault::Vault,
};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use domain::{live::push_budget::PushBudget, secret::Secret};
use futures::future::BoxFuture;
use live::LiveParts;
use local::{LocalAws, WebSocketApi};
use serde_json::Value;

/// The function behind the WebSocket API and the queue of pushes.
pub trait Live: Send + Sync + 'static {
    /// Answers an event of `$connect`, `$default` or `$disconnect`, given as the JSON that API Gateway
    /// sends. The answer is the JSON that a function returns, with a `statusCode`.
    ///
    /// # Errors
    /// The text of an error that the function would return, for the log.
    fn answer(&self, event: Value) -> BoxFuture<'static, Result<Value, String>>;

    /// Works off a batch of the queue of pushes, and reports the messages that are to come again.
    fn push(&self, batch: SqsEvent) -> BoxFuture<'static, SqsBatchResponse>;
}

/// Pushes per second, as in the template: the default of `LivePushRate`.
const PUSH_RATE: u32 = 1000;

/// The function of the package `live`.
pub(super) struct Function(Arc<live::Live>);

impl Function {
    pub(super) fn new(aws: &LocalAws, master: &Secret, clock: Clock) -> Self {
        let (clients, names) = (aws.clients(), aws.names());
        Self(Arc::new(live::Live::new(LiveParts {
            // Nothing is written that is kept for long.
            table: Table::new(clients.dynamodb(), names.table.clone(), Duration::ZERO),
            bucket: Bucket::new(clients.s3(), names.bucket.clone()),
            queue: LiveQueue(Queue::new(clients.sqs(), aws.queue_url(&names.live))),
            pusher: Pusher::new(clients.websocket()),
            vault: Vault::new(master),
            clock,
            budget: PushBudget::new(PUSH_RATE),
        })))
    }
}

impl Live for Function {
    fn answer(&self, event: Value) -> BoxFuture<'static, Result<Value, String>> {
        let function = Arc::clone(&self.0);
        Box::pin(async move { function.handle(event).await.map_err(|error| error.to_string()) })
    }

    fn push(&self, batch: SqsEvent) -> BoxFuture<'static, SqsBatchResponse> {
        let function = Arc::clone(&self.0);
        Box::pin(async move { function.messages(&batch).await })
    }
}

/// The paths of the WebSocket API in front of `rest`.
pub(super) fn before(rest: Router, api: &WebSocketApi, live: &Arc<dyn Live>) -> Router {
    let live = Arc::clone(live);
    api.router(move |event| live.answer(event)).fallback_service(rest)
}
