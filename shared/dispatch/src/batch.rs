//! Batches of SQS messages, each on its own: what could not be finished goes back alone.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, future::join_all};
use tracing::warn;

/// Works through a batch at once. An error, and a panic too, sends one message back to the queue
/// and leaves the others alone.
pub async fn each<E: std::fmt::Display>(
    batch: &SqsEvent,
    work: impl AsyncFn(&SqsMessage) -> Result<(), E>,
) -> SqsBatchResponse {
    let work = &work;
    let guarded = batch.records.iter().map(|message| async move {
        match AssertUnwindSafe(work(message)).catch_unwind().await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("panicked".to_owned()),
        }
    });
    let results = join_all(guarded).await;
    let mut response = SqsBatchResponse::default();
    for (message, error) in batch.records.iter().zip(results) {
        let Some(error) = error else { continue };
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = message.message_id.clone().unwrap_or_default();
        warn!(message_id = failure.item_identifier, error, "a message goes back to its queue");
        response.batch_item_failures.push(failure);
    }
    response
}
