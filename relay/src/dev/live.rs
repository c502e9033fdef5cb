//! The function `live` in the bundle: who answers the WebSocket API and works off the queue of pushes.

use std::sync::Arc;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use futures::future::BoxFuture;
use local::WebSocketApi;
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

/// The paths of the WebSocket API in front of `rest`.
pub(super) fn before(rest: Router, api: &WebSocketApi, live: &Arc<dyn Live>) -> Router {
    let live = Arc::clone(live);
    api.router(move |event| live.answer(event)).fallback_service(rest)
}
