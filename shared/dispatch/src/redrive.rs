//! Putting a dead letter back: the same delivery, tried again with the same bytes and the same
//! `webhook-id`; or the same message on the queue it died on.

use std::time::Duration;

use adapters::{
    Unavailable,
    bells::Outbox,
    bucket::Bucket,
    clock::Clock,
    queue::{Queue, QueueMessage},
    table::{RedriveOutcome, Table, WriteOutcome},
};
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    letter::{self, Letter, LetterState, LetterSubject},
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
        round: AttemptRound,
        at: Timestamp,
    ) -> Result<RedriveOutcome, Unavailable> {
        let mut next = letter.clone();
        next.retried_at = Some(self.clock.now());
        match &letter.what {
            LetterSubject::Delivery { .. } => self.delivery(next, round, at).await,
            LetterSubject::Message { queue, body } => {
                let text = self.bucket.open(body.clone()).await?;
                let text = String::from_utf8_lossy(&text).into_owned();
                self.message(next, *queue, text).await
            }
        }
    }

    async fn delivery(
        &self,
        letter: Letter,
        round: AttemptRound,
        at: Timestamp,
    ) -> Result<RedriveOutcome, Unavailable> {
        let Some(delivery) = self.reopen(&letter, round, at, false).await? else {
            return Ok(RedriveOutcome::Refused);
        };
        if let Err(error) = self.outbox.ring([&delivery], self.clock.now()).await {
            warn!(%error, "a redriven delivery was not rung for; the sweep will");
        }
        Ok(RedriveOutcome::Done)
    }

    /// Opens a letter's delivery again without ringing for it: the caller attempts it. `force` opens
    /// one that has arrived, too.
    pub async fn reopen(
        &self,
        letter: &Letter,
        round: AttemptRound,
        at: Timestamp,
        force: bool,
    ) -> Result<Option<Delivery>, Unavailable> {
        let LetterSubject::Delivery { event, delivery, application, endpoint, .. } = &letter.what
        else {
            return Ok(None);
        };
        let Some(mut delivery) = self.table.delivery(event, delivery).await? else {
            return Ok(None);
        };
        let was = delivery.state;
        if was != DeliveryState::Dead && !(force && was == DeliveryState::Delivered) {
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
        Ok((redriven == RedriveOutcome::Done).then_some(delivery))
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
            && delivery.state == DeliveryState::Dead
            && let Some(letter) = &delivery.letter
            && let Some(letter) = self.table.letter(letter).await?
            && self.redrive(&letter, AttemptRound::Policy, at).await? == RedriveOutcome::Done
        {
            return Ok(true);
        }
        let delivery = match latest {
            None => Delivery { next_at: at, ..Delivery::new(event, endpoint, 0, now) },
            Some(delivery) if delivery.state == DeliveryState::Pending => {
                self.outbox.ring([&delivery], now).await?;
                return Ok(false);
            }
            Some(mut delivery) => {
                delivery.redrive(AttemptRound::Policy, at);
                delivery
            }
        };
        if self.table.reopen(&delivery, &endpoint.policy, now).await? == WriteOutcome::Refused {
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
        queue: letter::LetterQueue,
        body: String,
    ) -> Result<RedriveOutcome, Unavailable> {
        let queue = match queue {
            letter::LetterQueue::Inbox => &self.inbox,
            letter::LetterQueue::Outbox => &self.outbox.0,
        };
        queue.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await?;
        letter.state = LetterState::Resolved;
        letter.retry_success = Some(true);
        self.table.update_letter(&letter, self.clock.now()).await?;
        Ok(RedriveOutcome::Done)
    }
}
