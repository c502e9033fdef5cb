//! The function `live` in the bundle: it answers the WebSocket API and works off the queue of pushes.

use std::sync::Arc;

use adapters::Unavailable;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use axum::Router;
use live::Live;
use local::WebSocketApi;
use tracing::warn;

/// The paths of the WebSocket API in front of `rest`.
pub(super) fn before(rest: Router, api: &WebSocketApi, live: &Arc<Live>) -> Router {
    let live = Arc::clone(live);
    let answer = move |event| {
        let live = Arc::clone(&live);
        async move { live.handle(event).await }
    };
    api.router(answer).fallback_service(rest)
}

/// Works off a batch of the queue of pushes. If the function fails, the whole batch comes again, as on
/// AWS.
pub(super) async fn work(live: &Live, batch: SqsEvent) -> SqsBatchResponse {
    let ids: Vec<_> = batch.records.iter().filter_map(|it| it.message_id.clone()).collect();
    let handle = async {
        let unreadable = |error: serde_json::Error| Unavailable::new("working off pushes", error);
        let event = serde_json::to_value(batch).map_err(unreadable)?;
        serde_json::from_value(live.handle(event).await?).map_err(unreadable)
    };
    handle.await.unwrap_or_else(|error| {
        warn!(%error, "a batch of pushes comes again");
        let failed = |id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        };
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = ids.into_iter().map(failed).collect();
        response
    })
}
