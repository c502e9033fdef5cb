//! One doorbell names one delivery; one delivery gets at most one attempt. The answer of a listener
//! concludes one.

use adapters::Unavailable;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use dispatch::{batch, context::CallContext};
use domain::envelope::{Doorbell, MalformedMessage};

/// Everything a doorbell needs.
#[derive(Clone)]
pub struct Deliver {
    /// Storage, queues, the vault, the caller and the clock.
    pub calls: CallContext,
}

/// Why a doorbell goes back to the outbox, and after enough rounds to its dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// It is not a doorbell.
    #[error(transparent)]
    Malformed(#[from] MalformedMessage),
    /// It rings for something that is not done here.
    #[error("only deliveries have a place on the outbox")]
    Misplaced,
    /// The outside world.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Deliver {
    /// Attempts the whole batch at once; what could not be finished goes back alone.
    pub async fn handle(&self, batch: &SqsEvent) -> SqsBatchResponse {
        let context = &self.calls.context;
        let response = batch::each(&context.clock, batch, |message| self.message(message)).await;
        context.end_invocation().await;
        response
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
            | Doorbell::Content { .. }
            | Doorbell::Listener { .. } => Err(Unfinished::Misplaced),
        }
    }
}

#[cfg(test)]
mod tests;
