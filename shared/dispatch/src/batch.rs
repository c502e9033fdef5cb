//! Batches of SQS messages, each on its own: what could not be finished goes back alone.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, future::join_all};
use tracing::warn;

/// Works through a batch at once. An error, and a panic too, sends one message back to the queue
/// and leaves the others alone.
pub async fn each<'b, E, F>(
    batch: &'b SqsEvent,
    work: impl Fn(&'b SqsMessage) -> F,
) -> SqsBatchResponse
where
    E: std::fmt::Display,
    F: Future<Output = Result<(), E>>,
{
    let guarded = batch.records.iter().map(|message| {
        let work = AssertUnwindSafe(work(message)).catch_unwind();
        async {
            match work.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("panicked".to_owned()),
            }
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
