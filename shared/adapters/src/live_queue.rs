//! The queue of live updates: FIFO, with a group per topic, so that what belongs to one topic is worked
//! on by one worker and in order.

use domain::live::news::LiveMessage;

use crate::{Unavailable, queue::Queue, random};

/// The queue that `live` reads.
#[derive(Clone, Debug)]
pub struct LiveQueue(pub Queue);

impl LiveQueue {
    /// Sends a message. If the answer is lost and the client sends again, SQS drops the repetition.
    ///
    /// # Errors
    /// Fails if SQS does. A push is a hint, so nothing depends on it.
    pub async fn tell(&self, message: &LiveMessage) -> Result<(), Unavailable> {
        self.0.send_in_order(message.print(), message.group(), random::token()).await
    }
}
