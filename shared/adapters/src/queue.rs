//! The one place that knows how SQS is sent to. A message on the outbox is only a doorbell, so a
//! send that fails after the table was written costs a minute, not a delivery.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{QueueAttributeName, SendMessageBatchRequestEntry},
};

use crate::Unavailable;

/// Largest message that is sent: SQS takes 1 MiB, attributes included.
pub const MAX_MESSAGE: usize = 1_000_000;

/// A queue of SQS, named by its URL.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

/// Sends to queues of the same account and region, by name.
#[derive(Clone, Debug)]
pub(crate) struct SiblingQueues {
    /// The client of the queue that they lie beside.
    pub(crate) client: Client,
    account: String,
}

impl SiblingQueues {
    /// The URL of the queue of this name.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.account)
    }
}

/// A message that is to be sent to a queue.
#[derive(Clone, Debug)]
pub struct QueueMessage {
    /// The text of the message.
    pub body: String,
    /// The time for which SQS holds the message back; at most 900 s.
    pub delay: Duration,
    /// The tenant whose message it is, for SQS's fair queues.
    pub group: Option<String>,
}

/// The number of messages that a queue holds, approximately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that can be received now.
    pub waiting: u64,
    /// Messages that were received and neither deleted nor given back.
    pub in_flight: u64,
    /// Messages whose delay has not ended.
    pub delayed: u64,
}

impl Queue {
    /// Opens a queue by URL.
    pub const fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// A sender to the queues of this queue's account and region.
    pub(crate) fn beside(&self) -> SiblingQueues {
        let account = self.url.rsplit_once('/').map_or("", |(account, _)| account);
        SiblingQueues { client: self.client.clone(), account: account.to_owned() }
    }

    /// Sends one message to the queue.
    ///
    /// # Errors
    /// Fails if SQS does.
    pub async fn send(&self, message: QueueMessage) -> Result<(), Unavailable> {
        let delay = seconds(message.delay);
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .set_delay_seconds((delay != 0).then_some(delay))
            .set_message_group_id(message.group)
            .send()
            .await
            .map_err(|error| Unavailable::aws("sending a message", &error))?;
        Ok(())
    }

    /// Sends one message to a FIFO queue. Messages of one `group` are received in order, and a message
    /// of a `deduplication` that was sent within the last five minutes is dropped.
    ///
    /// # Errors
    /// Fails if SQS does.
    pub async fn send_in_order(
        &self,
        body: String,
        group: String,
        deduplication: String,
    ) -> Result<(), Unavailable> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .message_group_id(group)
            .message_deduplication_id(deduplication)
            .send()
            .await
            .map_err(|error| Unavailable::aws("sending a message in order", &error))?;
        Ok(())
    }

    /// Sends messages, ten at a time. A message that SQS refuses does not hold up the others; the
    /// item that it names is due, so that the sweep rings again.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the error is the first one.
    pub async fn send_all(&self, messages: Vec<QueueMessage>) -> Result<(), Unavailable> {
        let mut failed = Ok(());
        for chunk in messages.chunks(10) {
            let sent = match chunk {
                [message] => self.send(message.clone()).await,
                _ => self.send_ten(chunk).await,
            };
            failed = failed.and(sent);
        }
        failed
    }

    /// Hides a message that was received for `time` from now on, 12 h at most.
    ///
    /// # Errors
    /// Fails if SQS does, or if the message is visible again already; the message then comes back
    /// when the visibility timeout of its queue ends.
    pub async fn hide(&self, receipt: &str, time: Duration) -> Result<(), Unavailable> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(i32::try_from(time.as_secs().min(43_200)).unwrap_or(43_200))
            .send()
            .await
            .map_err(|error| Unavailable::aws("hiding a message", &error))?;
        Ok(())
    }

    /// The number of messages on the queue. SQS counts them approximately.
    ///
    /// # Errors
    /// Fails if SQS does, or does not say.
    pub async fn depth(&self) -> Result<QueueDepth, Unavailable> {
        let doing = "counting messages";
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let asked = self.client.get_queue_attributes().queue_url(&self.url);
        let asked = asked.set_attribute_names(Some(names.to_vec())).send().await;
        let told = asked.map_err(|error| Unavailable::aws(doing, &error))?;
        let count = |name: &QueueAttributeName| {
            let text = told.attributes().and_then(|all| all.get(name));
            let count = text.and_then(|text| text.parse().ok());
            count.ok_or_else(|| Unavailable::new(doing, format!("SQS does not say {name}")))
        };
        let [waiting, in_flight, delayed] = &names;
        Ok(QueueDepth {
            waiting: count(waiting)?,
            in_flight: count(in_flight)?,
            delayed: count(delayed)?,
        })
    }

    async fn send_ten(&self, messages: &[QueueMessage]) -> Result<(), Unavailable> {
        let entry = |(index, message): (usize, &QueueMessage)| {
            let delay = seconds(message.delay);
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&message.body)
                .set_delay_seconds((delay != 0).then_some(delay))
                .set_message_group_id(message.group.clone())
                .build()
                .expect("id and body are set")
        };
        let sent = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(messages.iter().enumerate().map(entry).collect()))
            .send()
            .await
            .map_err(|error| Unavailable::aws("sending messages", &error))?;
        let refused = sent.failed();
        refused.first().map_or(Ok(()), |first| {
            let said = format!("{} of {} refused, first: {first:?}", refused.len(), messages.len());
            Err(Unavailable::new("sending messages", said))
        })
    }
}

/// Whole seconds, rounded up: a bell must not ring before its time.
fn seconds(delay: Duration) -> i32 {
    i32::try_from(delay.as_millis().div_ceil(1000).min(900)).unwrap_or(900)
}
