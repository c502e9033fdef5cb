//! Batches of SQS messages, each on its own: what could not be finished goes back alone.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use adapters::{
    clock::Clock,
    metrics::{self, NAMESPACE, Unit},
};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::trouble::{TROUBLED_RECEIVES, Trouble};
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
        let failure = failure(message);
        warn!(message_id = failure.item_identifier, error, "a message goes back to its queue");
        response.batch_item_failures.push(failure);
    }
    count_failures(clock, batch, &response);
    response
}

/// Works through a batch of a FIFO queue: the groups at once, the messages of a group in order. `work`
/// gets the messages of one group and says how many of them, from the first on, are finished, and
/// what stopped it. What is not finished goes back, so that no message overtakes another; after a panic
/// the whole group does.
pub async fn by_group<'b, E, F>(
    clock: &Clock,
    batch: &'b SqsEvent,
    work: impl Fn(Vec<&'b SqsMessage>) -> F,
) -> SqsBatchResponse
where
    E: std::fmt::Display,
    F: Future<Output = (usize, Option<E>)>,
{
    let mut groups: BTreeMap<&str, Vec<&SqsMessage>> = BTreeMap::new();
    for message in &batch.records {
        let group = message.attributes.get("MessageGroupId").map_or("", String::as_str);
        groups.entry(group).or_default().push(message);
    }
    let guarded = groups.into_values().map(|messages| async {
        let work = AssertUnwindSafe(work(messages.clone())).catch_unwind();
        let (finished, error) = match work.await {
            Ok((finished, error)) => (finished, error.map(|error| error.to_string())),
            Err(_) => (0, Some("panicked".to_owned())),
        };
        (messages, finished, error)
    });
    let mut response = SqsBatchResponse::default();
    for (messages, finished, error) in join_all(guarded).await {
        let rest = messages.get(finished..).unwrap_or_default();
        if !rest.is_empty() {
            warn!(error, messages = rest.len(), "messages of a group go back to their queue");
        }
        response.batch_item_failures.extend(rest.iter().map(|message| failure(message)));
    }
    count_failures(clock, batch, &response);
    response
}

fn failure(message: &SqsMessage) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message.message_id.clone().unwrap_or_default();
    failure
}

/// The number of times that SQS has handed the message out, 0 if the message does not say.
pub fn receives(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Counts what goes back; says that there is trouble if a message does so again and again.
fn count_failures(clock: &Clock, batch: &SqsEvent, response: &SqsBatchResponse) {
    let failures = response.batch_item_failures.len();
    if failures == 0 {
        return;
    }
    let queue = batch.records.first().and_then(|message| message.event_source_arn.as_deref());
    let metrics = [("items_failed", Unit::Count, failures as f64)];
    let properties = [("queue", queue.unwrap_or_default())];
    metrics::emit(NAMESPACE, clock.now(), &metrics, &properties);
    if goes_back_again_and_again(batch, response) {
        metrics::trouble(clock.now(), Trouble::ItemsFailed, &properties);
    }
}

/// Whether one of the messages that go back has done so [`TROUBLED_RECEIVES`] times, this one included.
fn goes_back_again_and_again(batch: &SqsEvent, response: &SqsBatchResponse) -> bool {
    let fails = |message: &&SqsMessage| {
        let id = message.message_id.as_deref().unwrap_or_default();
        response.batch_item_failures.iter().any(|failure| failure.item_identifier == id)
    };
    batch.records.iter().filter(fails).any(|message| TROUBLED_RECEIVES <= receives(message))
}

#[cfg(test)]
mod tests {
    use domain::time::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_message_that_fails_for_the_third_time_is_trouble_and_one_that_succeeds_then_is_none()
    {
        let clock = Clock::manual(Timestamp::from_secs(1_700_000_000));
        for (messages, trouble) in [
            (&[(1, false), (2, false)][..], false),
            (&[(1, false), (3, true), (300, true)], false),
            (&[(1, true), (3, false)], true),
        ] {
            let mut batch = SqsEvent::default();
            for (number, (received, _)) in messages.iter().enumerate() {
                let mut message = SqsMessage::default();
                message.message_id = Some(number.to_string());
                let count = ("ApproximateReceiveCount".to_owned(), received.to_string());
                message.attributes.extend([count]);
                batch.records.push(message);
            }
            let work = async |message: &SqsMessage| {
                let number: usize =
                    message.message_id.as_deref().unwrap_or_default().parse().expect("a number");
                if messages[number].1 { Ok(()) } else { Err("AWS refuses") }
            };
            let response = each(&clock, &batch, work).await;
            assert_eq!(goes_back_again_and_again(&batch, &response), trouble, "{messages:?}");
        }
    }
}
