//! Polling of a queue as Lambda's event source mapping does it: receives batches, passes them to a
//! handler and deletes the messages that the handler does not report as failed. A failed message
//! becomes visible again when its visibility timeout ends; after `maxReceiveCount` receives SQS moves
//! the message to the dead-letter queue.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName},
};
use tokio::{sync::watch, task::JoinSet};
use tracing::warn;

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
        F: Future<Output = SqsBatchResponse> + Send,
    {
        let handler = Arc::new(handler);
        let mut workers = JoinSet::new();
        for _ in 0..self.at_once {
            let (poller, handler, mut stop) = (self.clone(), Arc::clone(&handler), stop.clone());
            workers.spawn(async move {
                while !*stop.borrow() {
                    let received = tokio::select! {
                        received = poller.receive() => received,
                        _ = stop.changed() => break,
                    };
                    if !received.is_empty() {
                        poller.work(received, &*handler).await;
                    }
                }
            });
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

    async fn work<H, F>(&self, received: Vec<Message>, handler: &H)
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
