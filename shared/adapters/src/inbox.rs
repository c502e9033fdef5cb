//! Accepted requests on their way to `process`. Whoever puts one here has made a promise.

use std::time::Duration;

use domain::envelope::{Envelope, StoredBody};

use crate::{
    Unavailable,
    bucket::Bucket,
    queue::{MAX_MESSAGE, Queue, QueueMessage},
};

/// Puts an accepted request on the inbox. If it is too large for a message, its body goes to the
/// bucket first, under a key that only this arrival has, and the claim to it travels.
pub async fn put(
    inbox: &Queue,
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
    inbox.send(QueueMessage { body: message, delay: Duration::ZERO, group: None }).await
}
