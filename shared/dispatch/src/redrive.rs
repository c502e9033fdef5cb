//! Putting a dead letter back: the same delivery, tried again with the same bytes and the same
//! `webhook-id`; or the same message on the queue it died on.

use std::time::Duration;

use adapters::{
    Unavailable,
    bells::Outbox,
    bucket::Bucket,
    clock::Clock,
    queue::{Outgoing, Queue},
    table::{Redriven, Table, Written},
};
use domain::{
    delivery::{Delivery, Round, State},
    endpoint::Endpoint,
    event::Event,
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
    pub outbox: Outbox,
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
        letter: Letter,
        round: Round,
        at: Timestamp,
    ) -> Result<Redriven, Unavailable> {
        let Some(delivery) = self.reopen(&letter, round, at, false).await? else {
            return Ok(Redriven::No);
        };
        if let Err(error) = self.outbox.ring([&delivery], self.clock.now()).await {
            warn!(%error, "a redriven delivery was not rung for; the sweep will");
        }
        Ok(Redriven::Yes)
    }

    /// Opens a letter's delivery again without ringing for it: the caller attempts it. `force` opens
    /// one that has arrived, too.
    pub async fn reopen(
        &self,
        letter: &Letter,
        round: Round,
        at: Timestamp,
        force: bool,
    ) -> Result<Option<Delivery>, Unavailable> {
        let What::Delivery { event, delivery, application, endpoint, .. } = &letter.what else {
            return Ok(None);
        };
        let Some(mut delivery) = self.table.delivery(event, delivery).await? else {
            return Ok(None);
        };
        let was = delivery.state;
        if was != State::Dead && !(force && was == State::Delivered) {
            return Ok(None);
        }
        let endpoint = self.table.endpoint_of(application, &delivery.scope, endpoint).await?;
        let policy = endpoint.map(|endpoint| endpoint.policy).unwrap_or_default();
        delivery.redrive(round, at);
        delivery.letter = Some(letter.id.clone());
        let now = self.clock.now();
        let letter = Letter {
            state: LetterState::Redriven,
            retried_at: Some(now),
            retry_success: None,
            ..letter.clone()
        };
        let redriven = self.table.redrive_delivery(&letter, &delivery, was, &policy, now).await?;
        Ok((redriven == Redriven::Yes).then_some(delivery))
    }

    /// Sends an event to an endpoint at `at`, again or for the first time; whether it is on its way
    /// now and was not before. `latest` is its latest delivery there.
    pub async fn send_again(
        &self,
        event: &Event,
        endpoint: &Endpoint,
        latest: Option<Delivery>,
        at: Timestamp,
    ) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        // A parked one goes back together with its letter.
        if let Some(delivery) = &latest
            && delivery.state == State::Dead
            && let Some(letter) = &delivery.letter
            && let Some(letter) = self.table.letter(letter).await?
            && self.redrive(&letter, Round::Policy, at).await? == Redriven::Yes
        {
            return Ok(true);
        }
        let delivery = match latest {
            None => Delivery { next_at: at, ..Delivery::new(event, endpoint, 0, now) },
            Some(delivery) if delivery.state == State::Pending => {
                self.outbox.ring([&delivery], now).await?;
                return Ok(false);
            }
            Some(mut delivery) => {
                delivery.redrive(Round::Policy, at);
                delivery
            }
        };
        if self.table.reopen(&delivery, &endpoint.policy, now).await? == Written::Refused {
            return Ok(false);
        }
        if let Err(error) = self.outbox.ring([&delivery], now).await {
            warn!(%error, "a delivery that is sent again was not rung for; the sweep will");
        }
        Ok(true)
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
            letter::Queue::Outbox => &self.outbox.0,
        };
        queue.send(Outgoing { body, delay: Duration::ZERO, group: None }).await?;
        letter.state = LetterState::Resolved;
        letter.retry_success = Some(true);
        self.table.update_letter(&letter, self.clock.now()).await?;
        Ok(Redriven::Yes)
    }
}
