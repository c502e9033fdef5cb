//! Putting a dead letter back: the same delivery, tried again with the same bytes and the same
//! `webhook-id`; or the same message on the queue it died on.

use std::time::Duration;

use adapters::{
    Unavailable,
    bells::Bells,
    bucket::Bucket,
    clock::Clock,
    queue::{Outgoing, Queue},
    table::{Redriven, Table},
};
use domain::{
    delivery::{Round, State},
    letter::{self, Letter, LetterState, What},
    time::Timestamp,
};
use tracing::warn;

/// Puts letters back.
#[derive(Clone, Debug)]
pub struct Redrive {
    /// Where everything is kept.
    pub table: Table,
    /// Where large bodies lie.
    pub bucket: Bucket,
    /// How deliveries are rung for.
    pub bells: Bells,
    /// Where accepted requests go.
    pub inbox: Queue,
    /// What time it is.
    pub clock: Clock,
}

impl Redrive {
    /// Puts a letter back, a delivery to be attempted at `at`. Of several who try at once, one does.
    pub async fn redrive(
        &self,
        letter: &Letter,
        round: Round,
        at: Timestamp,
    ) -> Result<Redriven, Unavailable> {
        let mut next = letter.clone();
        next.retried_at = Some(self.clock.now());
        match &letter.what {
            What::Delivery { .. } => self.delivery(next, round, at).await,
            What::Message { queue, body } => {
                let text = self.bucket.open(body.clone()).await?;
                let text = String::from_utf8_lossy(&text).into_owned();
                self.message(next, *queue, text).await
            }
        }
    }

    async fn delivery(
        &self,
        mut letter: Letter,
        round: Round,
        at: Timestamp,
    ) -> Result<Redriven, Unavailable> {
        let What::Delivery { event, delivery, application, endpoint, .. } = &letter.what else {
            return Ok(Redriven::No);
        };
        let Some(mut delivery) = self.table.delivery(event, delivery).await? else {
            return Ok(Redriven::No);
        };
        if delivery.state != State::Dead {
            return Ok(Redriven::No);
        }
        let endpoint = self.table.endpoint(application, endpoint).await?;
        let policy = endpoint.map(|endpoint| endpoint.policy).unwrap_or_default();
        delivery.redrive(round, at);
        delivery.letter = Some(letter.id.clone());
        letter.state = LetterState::Redriven;
        letter.retry_success = None;
        let now = self.clock.now();
        let redriven = self.table.redrive_delivery(&letter, &delivery, &policy, now).await?;
        if redriven == Redriven::Yes
            && let Err(error) = self.bells.ring([&delivery], now).await
        {
            warn!(%error, "a redriven delivery was not rung for; the sweep will");
        }
        Ok(redriven)
    }

    /// The message first, the letter after: a crash in between puts it back twice, and twice is
    /// once to whoever reads it.
    async fn message(
        &self,
        mut letter: Letter,
        queue: letter::Queue,
        body: String,
    ) -> Result<Redriven, Unavailable> {
        let queue = match queue {
            letter::Queue::Inbox => &self.inbox,
            letter::Queue::Outbox => &self.bells.outbox,
        };
        queue.send(Outgoing { body, delay: Duration::ZERO, group: None }).await?;
        letter.state = LetterState::Resolved;
        letter.retry_success = Some(true);
        self.table.update_letter(&letter, self.clock.now()).await?;
        Ok(Redriven::Yes)
    }
}
