//! Polling of a queue as Lambda's event source mapping does it: receives batches, passes them to a
//! handler and deletes the messages that the handler does not report as failed. A failed message
//! becomes visible again when its visibility timeout ends; after `maxReceiveCount` receives SQS moves
//! the message to the dead-letter queue.
//!
//! A batch of a FIFO queue is treated in the same way, as on AWS. A handler that wants order therefore
//! stops at the first message that fails, and reports it and all behind it as failed: a message behind it
//! that was deleted would never come after it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};
use tracing::warn;

/// Workers of a queue that wait for messages, if all are free: each asks again after its wait time, which costs
/// CPU though nothing happens.
const WAITING: usize = 2;

/// A queue to poll, with batch size and concurrency.
#[derive(Clone, Debug)]
pub(super) struct Poller {
    pub(super) client: Client,
    pub(super) url: String,
    /// The ARN of the queue, which each record names as its event source.
    pub(super) arn: String,
    /// Maximum number of messages per batch, 1 to 10 (the limit of `ReceiveMessage`).
    pub(super) batch: i32,
    /// Number of batches handled at the same time.
    pub(super) at_once: usize,
}

impl Poller {
    /// Polls until `stop` becomes true. Returns when the last batch has been handled.
    pub(super) async fn run<H, F>(self, handler: H, stop: watch::Receiver<bool>)
    where
        H: Fn(SqsEvent) -> F + Send + Sync + 'static,
        F: Future<Output = SqsBatchResponse> + Send + 'static,
    {
        let (busy, mut called) = mpsc::unbounded_channel();
        let crew = Arc::new(Crew { poller: self, handler, waiting: AtomicUsize::new(0), busy });
        let mut workers = JoinSet::new();
        for _ in 0..WAITING.min(crew.poller.at_once) {
            workers.spawn(Arc::clone(&crew).work(stop.clone()));
        }
        // A worker that takes a batch calls for another one to wait in its place.
        let mut stopped = stop.clone();
        loop {
            tokio::select! {
                Some(()) = called.recv() => {
                    while workers.try_join_next().is_some() {}
                    if workers.len() < crew.poller.at_once {
                        workers.spawn(Arc::clone(&crew).work(stop.clone()));
                    }
                }
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        while workers.join_next().await.is_some() {}
    }

    async fn receive(&self) -> Vec<Message> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(self.batch)
            .wait_time_seconds(20)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .send()
            .await;
        match received {
            Ok(received) => received.messages.unwrap_or_default(),
            Err(error) => {
                warn!(%error, queue = self.arn, "polling a queue failed; the next try is in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
                Vec::new()
            }
        }
    }

    async fn handle<H, F>(&self, received: Vec<Message>, handler: &H)
    where
        H: Fn(SqsEvent) -> F + Sync,
        F: Future<Output = SqsBatchResponse> + Send,
    {
        let response = handler(self.event(&received)).await;
        let failed = |message: &Message| {
            response
                .batch_item_failures
                .iter()
                .any(|failure| Some(&failure.item_identifier) == message.message_id.as_ref())
        };
        let done: Vec<_> = received
            .iter()
            .filter(|message| !failed(message))
            .filter_map(|message| message.receipt_handle.as_deref())
            .enumerate()
            .filter_map(|(index, handle)| {
                let entry = DeleteMessageBatchRequestEntry::builder();
                entry.id(index.to_string()).receipt_handle(handle).build().ok()
            })
            .collect();
        if done.is_empty() {
            return;
        }
        let delete = self.client.delete_message_batch().queue_url(&self.url);
        if let Err(error) = delete.set_entries(Some(done)).send().await {
            warn!(
                %error,
                queue = self.arn,
                "deleting handled messages failed; SQS will deliver them again"
            );
        }
    }

    /// The batch as the event that Lambda passes to a function.
    fn event(&self, received: &[Message]) -> SqsEvent {
        let mut event = SqsEvent::default();
        for message in received {
            let mut record = SqsMessage::default();
            record.message_id.clone_from(&message.message_id);
            record.receipt_handle.clone_from(&message.receipt_handle);
            record.body.clone_from(&message.body);
            record.md5_of_body.clone_from(&message.md5_of_body);
            record.aws_region = Some(local::REGION.to_owned());
            record.event_source = Some("aws:sqs".to_owned());
            record.event_source_arn = Some(self.arn.clone());
            let attributes = message.attributes.iter().flatten();
            record.attributes =
                attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
            event.records.push(record);
        }
        event
    }
}

/// The workers of a queue. There are as many as have a batch, up to the concurrency, and a few that wait.
struct Crew<H> {
    poller: Poller,
    handler: H,
    /// Workers that wait for messages.
    waiting: AtomicUsize,
    /// Tells that a worker has taken a batch and too few wait.
    busy: mpsc::UnboundedSender<()>,
}

impl<H, F> Crew<H>
where
    H: Fn(SqsEvent) -> F + Send + Sync + 'static,
    F: Future<Output = SqsBatchResponse> + Send,
{
    /// Works until `stop` becomes true, or nothing came and others wait.
    async fn work(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            self.waiting.fetch_add(1, Ordering::AcqRel);
            let received = tokio::select! {
                received = self.poller.receive() => received,
                _ = stop.changed() => return,
            };
            let others = self.waiting.fetch_sub(1, Ordering::AcqRel) - 1;
            if !received.is_empty() {
                if others < WAITING {
                    // If nobody listens, the relay stops.
                    let _ = self.busy.send(());
                }
                self.poller.handle(received, &self.handler).await;
            } else if WAITING <= others {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lambda_events::sqs::BatchItemFailure;
    use aws_sdk_sqs::types::QueueAttributeName;
    use local::LocalAws;

    const QUEUE: &str = "live.fifo";

    /// Waits until so many messages are on the queue.
    async fn holds(aws: &LocalAws, count: i64) {
        let holds = async {
            while aws.queue_depth(QUEUE).1 != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), holds).await.expect("messages are deleted");
    }

    #[tokio::test]
    async fn a_batch_of_a_fifo_queue_goes_on_where_its_handler_stopped() {
        let aws = LocalAws::start(local::Options::default()).await.expect("started");
        let client = aws.clients().sqs();
        let create = client.create_queue().queue_name(QUEUE);
        create.attributes(QueueAttributeName::FifoQueue, "true").send().await.expect("created");
        let url = aws.queue_url(QUEUE);
        for body in ["1", "2", "3"] {
            let send = client.send_message().queue_url(&url).message_body(body);
            let send = send.message_group_id("job").message_deduplication_id(body);
            send.send().await.expect("sent");
        }
        let arn = format!("arn:aws:sqs:{}:000000000000:{QUEUE}", local::REGION);
        let poller = Poller { client, url, arn: arn.clone(), batch: 10, at_once: 4 };
        let (seen, mut batches) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let handle = move |batch: SqsEvent| {
            let mut response = SqsBatchResponse::default();
            if batch.records.len() == 3 {
                response.batch_item_failures = batch.records[1..]
                    .iter()
                    .map(|record| {
                        let mut failure = BatchItemFailure::default();
                        failure.item_identifier = record.message_id.clone().expect("an id");
                        failure
                    })
                    .collect();
            }
            seen.send(batch.records).expect("the test listens");
            std::future::ready(response)
        };
        let polling = tokio::spawn(poller.run(handle, stopped));
        let bodies = |records: &[SqsMessage]| -> Vec<_> {
            records.iter().filter_map(|record| record.body.clone()).collect()
        };

        let first = batches.recv().await.expect("a batch");
        assert_eq!(bodies(&first), ["1", "2", "3"]);
        let mut numbers = Vec::new();
        for record in &first {
            assert_eq!(record.event_source_arn.as_ref(), Some(&arn));
            assert_eq!(record.aws_region.as_deref(), Some(local::REGION));
            assert_eq!(record.attributes["MessageGroupId"], "job");
            assert_eq!(Some(&record.attributes["MessageDeduplicationId"]), record.body.as_ref());
            numbers.push(record.attributes["SequenceNumber"].clone());
        }
        assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 20));
        holds(&aws, 2).await;
        assert!(batches.try_recv().is_err(), "the group waits for its messages in flight");

        aws.skip_queue_time(Duration::from_secs(30));
        assert_eq!(bodies(&batches.recv().await.expect("a batch")), ["2", "3"]);
        holds(&aws, 0).await;
        stop.send(true).expect("polling");
        polling.await.expect("stopped");
        aws.stop().await;
    }
}
