//! Batches of SQS messages, each on its own: what could not be finished goes back alone.

use std::panic::AssertUnwindSafe;

use adapters::{
    clock::Clock,
    metrics::{self, NAMESPACE, Unit},
};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, future::join_all};
use tracing::warn;

/// Works through a batch at once. An error, and a panic too, sends one message back to the queue
/// and leaves the others alone. `clock` dates the metric `items_failed`.
pub async fn each<'b, E, F>(
    clock: &Clock,
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
    count_failures(clock, batch, response.batch_item_failures.len());
    response
}

/// The number of times that SQS has handed the message out, 0 if the message does not say.
pub fn receives(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

fn count_failures(clock: &Clock, batch: &SqsEvent, failures: usize) {
    if failures == 0 {
        return;
    }
    let queue = batch.records.first().and_then(|message| message.event_source_arn.as_deref());
    let metrics = [("items_failed", Unit::Count, failures as f64)];
    let properties = [("queue", queue.unwrap_or_default())];
    metrics::emit(NAMESPACE, clock.now(), &metrics, &properties);
}
