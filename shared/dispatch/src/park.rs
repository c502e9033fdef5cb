//! Messages that could not be worked with: kept to the byte, as dead letters. Keeping one twice makes
//! one letter, because its id is derived from the message.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    metrics::{self, NAMESPACE, Unit},
    table::WriteOutcome,
};
use aws_lambda_events::sqs::SqsMessage;
use domain::{
    envelope::{Doorbell, InboxMessage},
    id::{LetterId, TaskId},
    letter::{Letter, LetterQueue, LetterState, LetterSubject},
    retry::ErrorClass,
    task::{self, Task},
    time::Timestamp,
    trouble::Trouble,
};
use tracing::warn;

use crate::{batch::receives, context::Context};

/// Tries to park a letter, or to touch or create the task that puts it back, while other workers do.
const TRIES: u32 = 5;

impl Context {
    /// Parks a message that died on a queue, and sees to it that it goes back if it could be read.
    ///
    /// # Errors
    /// Fails if DynamoDB or S3 does; the message has to stay on its queue then.
    pub async fn park_message(
        &self,
        queue: LetterQueue,
        message: &SqsMessage,
    ) -> Result<(), Unavailable> {
        let text = message.body.as_deref().unwrap_or_default();
        let why = self.why(queue, text).await;
        let letter =
            contested::write(TRIES, || self.try_to_park(queue, message, why.clone())).await?;
        if letter.goes_back_by_itself() {
            contested::write(TRIES, || self.try_to_resend()).await?;
        }
        Ok(())
    }

    /// One try to keep the letter of a message.
    async fn try_to_park(
        &self,
        queue: LetterQueue,
        message: &SqsMessage,
        (readable, error): (bool, String),
    ) -> Result<TryOutcome<Letter>, Unavailable> {
        let text = message.body.as_deref().unwrap_or_default();
        let id = LetterId::of_message(text);
        let now = self.clock.now();
        if let Some(known) = self.table.letter(&id).await? {
            let was = known.state;
            let waiting = Letter {
                error,
                state: LetterState::Waiting,
                retry_success: known.retried_at.map(|_| false),
                last_attempt_at: Some(now),
                ..known
            };
            return Ok(self.table.park(&waiting, Some(was)).await?.settles(waiting));
        }
        let body = self.bucket.carry(&format!("letters/{id}"), text.as_bytes()).await?;
        let letter = Letter {
            number: self.table.next_letter_number().await?,
            what: LetterSubject::Message { queue, body, readable },
            error,
            error_class: ErrorClass::Relay,
            attempts: receives(message),
            last_attempt_at: Some(sent(message).unwrap_or(now)),
            created_at: now,
            retried_at: None,
            retry_success: None,
            state: LetterState::Waiting,
            expires_at: Some(self.table.letter_expiry(now, now)),
            version: 0,
            id,
        };
        let parked = self.table.park(&letter, None).await?;
        if parked == WriteOutcome::Done {
            let (letter, number) = (letter.id.as_str(), letter.number);
            warn!(letter, number, ?queue, readable, "a message was parked");
            let count = [("message_parked", Unit::Count, 1.0)];
            metrics::emit(NAMESPACE, now, &count, &[("letter", letter)]);
            metrics::trouble(now, Trouble::MessageParked, &[("letter", letter)]);
        }
        Ok(parked.settles(letter))
    }

    /// Whether a message could be read, so that another try may work, and why it was poisoned, as far
    /// as can be told afterwards.
    async fn why(&self, queue: LetterQueue, text: &str) -> (bool, String) {
        let read = match queue {
            LetterQueue::Inbox => InboxMessage::parse(text).map(Some),
            LetterQueue::Outbox => Doorbell::parse(text).map(|_| None),
        };
        let unknown = || "it could be read, but not processed; the log says why".to_owned();
        match read {
            Err(error) => (false, error.to_string()),
            Ok(Some(InboxMessage::Request(envelope))) => {
                // A body that is gone or cannot be read now must not keep the letter from being made.
                let why = self.unrecordable_envelope(&envelope).await.unwrap_or_default();
                // The next version may know the profile.
                let unknown_profile = envelope.options.profile(&envelope.profile).is_none();
                (why.is_none() || unknown_profile, why.unwrap_or_else(unknown))
            }
            Ok(Some(InboxMessage::Batch(_) | InboxMessage::FanOut { .. }) | None) => {
                (true, unknown())
            }
        }
    }

    /// One try to make sure that the task which puts messages back looks at what was parked now.
    async fn try_to_resend(&self) -> Result<TryOutcome<()>, Unavailable> {
        let now = self.clock.now();
        if self.table.touch_task(&TaskId::resend(), now).await? == WriteOutcome::Done {
            return Ok(TryOutcome::Settled(()));
        }
        let due = now.plus(task::probe_interval(0));
        let task = Task::resend(now);
        let created = self.table.create_task(&task, due).await?;
        if created == WriteOutcome::Done {
            self.note_task(&task);
        }
        Ok(created.settles(()))
    }
}

/// When SQS took the message. A clock that is far off is no evidence.
fn sent(message: &SqsMessage) -> Option<Timestamp> {
    let millis = message.attributes.get("SentTimestamp")?.parse().ok()?;
    let at = Timestamp(millis);
    (Duration::ZERO < at.since(Timestamp(0))).then_some(at)
}
