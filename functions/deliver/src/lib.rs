//! One doorbell names one delivery; one delivery gets at most one attempt. The answer of a listener
//! concludes one.

use adapters::Unavailable;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::{batch, context::CallContext};
use domain::{
    envelope::{Doorbell, MalformedMessage},
    retry,
};
use tracing::warn;

/// The parts with which a doorbell is answered.
#[derive(Clone)]
pub struct Deliver {
    /// Storage, queues, the vault, the caller and the clock.
    pub calls: CallContext,
}

/// The reason why a doorbell goes back to the outbox. After the rounds that the queue allows, SQS moves it to
/// the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The message is not a doorbell.
    #[error(transparent)]
    Malformed(#[from] MalformedMessage),
    /// The doorbell rings for something other than a delivery.
    #[error("only deliveries have a place on the outbox")]
    Misplaced,
    /// An AWS service did not do what was asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Deliver {
    /// Attempts the whole batch at once; what could not be finished goes back alone.
    pub async fn handle(&self, batch: &SqsEvent) -> SqsBatchResponse {
        let context = &self.calls.context;
        let work = async |message| match self.message(message).await {
            Err(error @ Unfinished::Unavailable(_)) => {
                self.put_off(message).await;
                Err(error)
            }
            done => done,
        };
        let response = batch::each(&context.clock, batch, work).await;
        context.end_invocation().await;
        response
    }

    /// Has a bell come again soon after AWS failed. It may be all that stands for its delivery, and the
    /// queue's own time to hide it is 36 minutes.
    async fn put_off(&self, message: &SqsMessage) {
        let Some(receipt) = &message.receipt_handle else { return };
        let hidden = retry::bell_hidden_after(batch::receives(message));
        if let Err(error) = self.calls.context.outbox.0.hide(receipt, hidden).await {
            warn!(%error, "a bell stays hidden for the queue's own time");
        }
    }

    /// Whatever came of an attempt is in the table. A delivery that is busy, early, ended or gone
    /// needs no second bell: what is still to happen to it is due.
    async fn message(&self, message: &SqsMessage) -> Result<(), Unfinished> {
        match Doorbell::parse(message.body.as_deref().unwrap_or_default())? {
            Doorbell::Delivery { event, delivery, hops } => {
                self.calls.attempt_rung(&event, &delivery, hops).await?;
                Ok(())
            }
            Doorbell::Answer { answer } => {
                self.calls.conclude_answered(*answer).await?;
                Ok(())
            }
            Doorbell::Task { .. }
            | Doorbell::Gate { .. }
            | Doorbell::Batch { .. }
            | Doorbell::FanOut { .. }
            | Doorbell::Content { .. }
            | Doorbell::Listener { .. } => Err(Unfinished::Misplaced),
        }
    }
}

#[cfg(test)]
mod tests;
