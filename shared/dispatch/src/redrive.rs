//! Putting a dead letter back: the same delivery, tried again with the same bytes and the same
//! `webhook-id`; or the same message on the queue it died on.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    inbox::Inbox,
    queue::{Queue, QueueMessage},
    table::WriteOutcome,
};
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    endpoint::Endpoint,
    envelope::{Envelope, InboxMessage, StoredBody},
    event::Event,
    letter::{Letter, LetterQueue, LetterState, LetterSubject},
    time::Timestamp,
};
use tracing::warn;

use crate::context::Context;

/// Tries to note that a letter is put back, while workers park it.
const TRIES: u32 = 8;

impl Context {
    /// Puts a letter back: its delivery is attempted at `at`, or its message goes to the queue that
    /// it died on. Of several callers at once one succeeds. The others get `Refused`, as do those whose
    /// letter does not wait any more or has lost what it held.
    ///
    /// # Errors
    /// Fails if AWS does.
    pub async fn redrive(
        &self,
        inbox: &Inbox,
        letter: &Letter,
        round: AttemptRound,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        match &letter.what {
            LetterSubject::Delivery { .. } => self.redrive_delivery(letter, round, at).await,
            LetterSubject::Message { queue, body, .. } => {
                if self.unrecordable(letter).await?.is_some() {
                    return Ok(WriteOutcome::Refused);
                }
                let queue = match queue {
                    LetterQueue::Inbox => &inbox.0,
                    LetterQueue::Outbox => &self.outbox.0,
                };
                self.redrive_message(letter, queue, body).await
            }
        }
    }

    /// Why a parked message of the inbox can never be recorded, in words, so that putting it back
    /// would only bring it here again; `None` for any other letter.
    ///
    /// # Errors
    /// If the bucket cannot be read.
    pub async fn unrecordable(&self, letter: &Letter) -> Result<Option<String>, Unavailable> {
        let LetterSubject::Message { queue: LetterQueue::Inbox, body, .. } = &letter.what else {
            return Ok(None);
        };
        let text = self.bucket.open(body.clone()).await?;
        match std::str::from_utf8(&text).ok().map(InboxMessage::parse) {
            Some(Ok(InboxMessage::Request(envelope))) => {
                self.unrecordable_envelope(&envelope).await
            }
            // It is no request; the message that says so is the letter's.
            _ => Ok(None),
        }
    }

    /// The same of a request that was accepted.
    ///
    /// # Errors
    /// If the bucket cannot be read.
    pub async fn unrecordable_envelope(
        &self,
        envelope: &Envelope,
    ) -> Result<Option<String>, Unavailable> {
        let body = self.bucket.open(envelope.body.clone()).await?;
        Ok(envelope.unrecordable(&body))
    }

    async fn redrive_delivery(
        &self,
        letter: &Letter,
        round: AttemptRound,
        at: Timestamp,
    ) -> Result<WriteOutcome, Unavailable> {
        let Some(delivery) = self.reopen(letter, round, at, false).await? else {
            return Ok(WriteOutcome::Refused);
        };
        if let Err(error) = self.outbox.ring([&delivery], self.clock.now()).await {
            warn!(%error, "a redriven delivery was not rung for; the sweep will");
        }
        Ok(WriteOutcome::Done)
    }

    /// Makes the delivery of a letter pending without ringing for it, because the caller attempts
    /// it. `force` also reopens a delivery that has arrived. `None` if the delivery is gone or in
    /// another state.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn reopen(
        &self,
        letter: &Letter,
        round: AttemptRound,
        at: Timestamp,
        force: bool,
    ) -> Result<Option<Delivery>, Unavailable> {
        let read = || self.table.letter(&letter.id);
        contested::rewrite_or(TRIES, None, Some(letter.clone()), read, |latest| async move {
            match latest {
                Some(letter) => self.try_to_reopen(letter, round, at, force).await,
                None => Ok(TryOutcome::Settled(None)),
            }
        })
        .await
    }

    /// One try to reopen the delivery of a letter as it was read. A worker may park the letter at the
    /// same time, once more, because two bells rang for it.
    async fn try_to_reopen(
        &self,
        letter: Letter,
        round: AttemptRound,
        at: Timestamp,
        force: bool,
    ) -> Result<TryOutcome<Option<Delivery>>, Unavailable> {
        let LetterSubject::Delivery { event, delivery, application, endpoint, .. } = &letter.what
        else {
            return Ok(TryOutcome::Settled(None));
        };
        let Some(mut delivery) = self.table.delivery(event, delivery).await? else {
            return Ok(TryOutcome::Settled(None));
        };
        let was = delivery.state;
        if was != DeliveryState::Dead && !(force && was == DeliveryState::Delivered) {
            return Ok(TryOutcome::Settled(None));
        }
        let endpoint = self.table.endpoint_of(application, &delivery.scope, endpoint).await?;
        let policy = endpoint.map(|endpoint| endpoint.policy).unwrap_or_default();
        delivery.redrive(round, at);
        delivery.letter = Some(letter.id.clone());
        let (now, letter_was) = (self.clock.now(), letter.state);
        let letter = Letter {
            state: LetterState::Redriven,
            retried_at: Some(now),
            retry_success: None,
            ..letter
        };
        let table = &self.table;
        let written =
            table.redrive_delivery(&letter, letter_was, &delivery, was, &policy, now).await?;
        if written == WriteOutcome::Done {
            self.note_letter(&letter);
        }
        Ok(written.settles(Some(delivery)))
    }

    /// Sends an event to an endpoint at `at`, again or for the first time. `latest` is the latest
    /// delivery of the event to the endpoint; one that waits for a later time is brought forward. Returns whether a
    /// delivery became pending.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or SQS refuses the doorbell of a delivery that was pending before.
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
            && self.redrive_delivery(&letter, AttemptRound::Policy, at).await? == WriteOutcome::Done
        {
            return Ok(true);
        }
        let delivery = match latest {
            None => Delivery { next_at: at, ..Delivery::new(event, endpoint, 0, now) },
            Some(mut delivery) if delivery.state == DeliveryState::Pending => {
                if at < delivery.next_at {
                    // Refused: a worker has it in hand, which is as soon as can be.
                    let policy = &endpoint.policy;
                    self.table.bring_forward(&delivery, policy, at, now).await?.either_way();
                }
                // The bell keeps to the rate, though the delivery may be attempted before.
                delivery.next_at = at;
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
        self.note_delivery(&delivery, event, now);
        if let Err(error) = self.outbox.ring([&delivery], now).await {
            warn!(%error, "a delivery that is sent again was not rung for; the sweep will");
        }
        Ok(true)
    }

    /// Notes in the letter that it was put back, sends the message, and settles the letter unless the
    /// message was parked again by then. A crash in between leads to a second redrive, and whoever
    /// reads the queue works off a message that comes twice as one.
    async fn redrive_message(
        &self,
        letter: &Letter,
        queue: &Queue,
        body: &StoredBody,
    ) -> Result<WriteOutcome, Unavailable> {
        let text = self.bucket.open(body.clone()).await?;
        let body = String::from_utf8_lossy(&text).into_owned();
        // As it was when it was accepted.
        let group = match InboxMessage::parse(&body) {
            Ok(InboxMessage::Request(envelope)) => Some(envelope.source),
            Ok(InboxMessage::Batch(_) | InboxMessage::FanOut { .. }) | Err(_) => None,
        };
        let Some(retried) = self.note_retried(letter).await? else {
            return Ok(WriteOutcome::Refused);
        };
        queue.send(QueueMessage { body, delay: Duration::ZERO, group }).await?;
        let was = retried.state;
        let settled = Letter { state: LetterState::Resolved, retry_success: Some(true), ..retried };
        self.table.update_letter(&settled, was, self.clock.now()).await?.either_way();
        Ok(WriteOutcome::Done)
    }

    /// Notes the time at which a letter is put back, so that whoever parks it from then on finds that
    /// it was. The letter as it was written; `None` if it is gone.
    async fn note_retried(&self, letter: &Letter) -> Result<Option<Letter>, Unavailable> {
        let read = || self.table.letter(&letter.id);
        contested::rewrite(TRIES, Some(letter.clone()), read, |latest| async {
            let Some(latest) = latest else { return Ok(TryOutcome::Settled(None)) };
            let now = self.clock.now();
            let retried = Letter { retried_at: Some(now), retry_success: None, ..latest };
            let written = self.table.update_letter(&retried, retried.state, now).await?;
            let version = retried.version + 1;
            Ok::<_, Unavailable>(written.settles(Some(Letter { version, ..retried })))
        })
        .await
    }
}
