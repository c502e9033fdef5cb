//! The inbox: accepted requests on their way to `process`, and bells for batches to be counted and
//! for deliveries to be created.

use std::time::Duration;

use domain::{
    envelope::{Doorbell, Envelope, StoredBody},
    id::{ApplicationId, BatchId, EventId},
};

use crate::{
    Unavailable,
    bucket::Bucket,
    queue::{MAX_MESSAGE, Queue, QueueMessage},
};

/// The queue that `process` reads.
#[derive(Clone, Debug)]
pub struct Inbox(pub Queue);

impl Inbox {
    /// Puts an accepted request on the inbox. The body of a request that is too large for a message is
    /// put into the bucket first, under a key that belongs to this arrival alone, and its claim is sent.
    /// If the message is still too large, the body as it came encoded is put there as well. The message's
    /// group is the source: fair queues then keep one noisy source from delaying the
    /// others.
    ///
    /// # Errors
    /// Fails if S3 or SQS does; the request is not accepted then, and its sender has to send it again.
    pub async fn put(
        &self,
        bucket: &Bucket,
        mut envelope: Envelope,
        body: &[u8],
    ) -> Result<(), Unavailable> {
        let mut message = envelope.print();
        if MAX_MESSAGE < message.len() {
            let key = format!("inbox/{}/{}", envelope.event.bare(), envelope.arrival);
            bucket.put(&key, body.to_vec()).await?;
            envelope.body = StoredBody::Claim(key);
            message = envelope.print();
        }
        if MAX_MESSAGE < message.len()
            && let Some(encoded) = envelope.encoded.take()
        {
            let key = format!("inbox/{}/{}-encoded", envelope.event.bare(), envelope.arrival);
            bucket.put(&key, bucket.open(encoded).await?).await?;
            envelope.encoded = Some(StoredBody::Claim(key));
            message = envelope.print();
        }
        let group = Some(envelope.source);
        self.0.send(QueueMessage { body: message, delay: Duration::ZERO, group }).await
    }

    /// Rings for further deliveries of an event to be created, after `hops` bells of the same chain. The
    /// message's group is the application: fair queues then keep a large one from delaying the others.
    ///
    /// # Errors
    /// Fails if SQS does; the sweep rings for the fan-out then, because it is due.
    pub async fn fan_out(
        &self,
        event: &EventId,
        application: &ApplicationId,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let body = Doorbell::FanOut { fan: event.clone(), hops }.print();
        let group = Some(application.to_string());
        self.0.send(QueueMessage { body, delay: Duration::ZERO, group }).await
    }

    /// Rings for a batch to be counted, with a delay of one second: jobs that end together are then
    /// counted together.
    ///
    /// # Errors
    /// Fails if SQS does; the sweep rings for the batch then, because its markers are due.
    pub async fn batch(&self, batch: &BatchId) -> Result<(), Unavailable> {
        let body = Doorbell::Batch { batch: batch.clone() }.print();
        let group = Some(batch.to_string());
        self.0.send(QueueMessage { body, delay: Duration::from_secs(1), group }).await
    }
}
