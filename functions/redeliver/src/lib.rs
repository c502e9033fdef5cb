//! The function `redeliver`. It parks messages that died, with all that is known of them, and puts letters
//! back: one that somebody chose, those that a filter fits, or those of an endpoint once it answers again.
//!
//! Six kinds of message come here: a poisoned message, moved by SQS from the queue it died on; a
//! doorbell for a delivery that is spent; one for a task that is due; one for a gate that is due; one
//! for content whose time is over; and one for a listener that nobody has used for long.

mod gate;
mod park;
mod purge;
mod recover;
mod replay;
mod resend;
mod tasks;
mod walk;

use adapters::{Unavailable, bells::DeadLetters, inbox::Inbox};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::{batch, context::Context, expunge};
use domain::{
    envelope::{Doorbell, InboxMessage},
    letter::LetterQueue,
};

/// The attribute of a message that SQS moved to a dead-letter queue: the ARN of the queue it died on.
const DIED_ON: &str = "DeadLetterQueueSourceArn";

/// Everything a dead letter needs.
#[derive(Clone, Debug)]
pub struct Redeliver {
    /// Storage, the outbox and the clock.
    pub context: Context,
    /// Queue that messages which died on the inbox go back to.
    pub inbox: Inbox,
    /// Queue on which the next steps of tasks are rung for.
    pub dead_letters: DeadLetters,
    /// Name of the inbox. SQS says of a message that it moved here on which queue it died.
    pub inbox_name: String,
}

impl Redeliver {
    /// Works through a batch; what could not be finished goes back alone.
    pub async fn handle(&self, batch: &SqsEvent) -> SqsBatchResponse {
        let context = &self.context;
        let response = batch::each(&context.clock, batch, |message| self.message(message)).await;
        context.end_invocation().await;
        response
    }

    async fn message(&self, message: &SqsMessage) -> Result<(), Unavailable> {
        let body = message.body.as_deref().unwrap_or_default();
        match Doorbell::parse(body) {
            Ok(Doorbell::Delivery { event, delivery, .. }) => self.died(&event, &delivery).await,
            Ok(Doorbell::Task { task, hops }) => self.task(&task, hops).await,
            Ok(Doorbell::Gate { gate, hops }) => self.gate(&gate, hops).await,
            Ok(Doorbell::Content { content }) => expunge::expire(&self.context, &content).await,
            Ok(Doorbell::Listener { application, listener }) => {
                self.context.remove_unseen(&application, &listener).await
            }
            // A batch and a fan-out are due as well, wherever their bells ended; so is a delivery whose claim has ended
            // without its answer.
            Ok(Doorbell::Batch { .. } | Doorbell::FanOut { .. } | Doorbell::Answer { .. }) => {
                Ok(())
            }
            Err(_) => self.context.park_message(self.died_on(message), message).await,
        }
    }

    /// The queue that a message which is no doorbell died on. A request died on the inbox, whatever SQS
    /// says. The name of a queue is the last part of its ARN.
    fn died_on(&self, message: &SqsMessage) -> LetterQueue {
        let body = message.body.as_deref().unwrap_or_default();
        let source = message.attributes.get(DIED_ON).and_then(|arn| arn.rsplit(':').next());
        match InboxMessage::parse(body).is_ok() || source == Some(self.inbox_name.as_str()) {
            true => LetterQueue::Inbox,
            false => LetterQueue::Outbox,
        }
    }
}

#[cfg(test)]
mod tests;
