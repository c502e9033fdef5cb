//! Dead letters: deliveries and messages that failed for good, kept until they are put back or
//! expire.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::EndpointScope,
    envelope::StoredBody,
    id::{ApplicationId, DeliveryId, EndpointId, EventId, JobId, LetterId},
    retry::ErrorClass,
    time::Timestamp,
};

/// A dead letter, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The id, derived from what died: if the same thing dies again, that is the same letter.
    pub id: LetterId,
    /// A number that counts up, for APIs that name letters by numbers (R3.10).
    pub number: u64,
    /// The delivery or message that died.
    pub what: LetterSubject,
    /// The reason why the delivery or message died, as a text for people.
    pub error: String,
    /// The class of the error by which the delivery or message died.
    pub error_class: ErrorClass,
    /// Attempts made before the letter was parked.
    pub attempts: u32,
    /// The time of the last attempt.
    pub last_attempt_at: Option<Timestamp>,
    /// The time at which the letter was parked, the last time if it died again.
    pub created_at: Timestamp,
    /// The time at which the letter was last put back.
    pub retried_at: Option<Timestamp>,
    /// Whether the last redrive delivered, once that is known.
    pub retry_success: Option<bool>,
    /// Whether the letter waits, was put back, or is settled.
    pub state: LetterState,
    /// The time at which letter, delivery and event expire. `None` for letters of versions that
    /// kept them for ever.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// The number of writes; each is conditional on the version that was read. 0 before the first.
    #[serde(default)]
    pub version: u64,
}

/// Longest time after an event was recorded for which a letter of it may be parked and still be
/// kept for the whole retention. Longer than the longest retry policy takes (12 days), and shorter
/// than the time for which large bodies outlive their event.
pub const LATEST_PARKING: Duration = Duration::from_secs(14 * 86_400);

/// The content of a dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LetterSubject {
    /// A delivery whose attempts are used up.
    Delivery {
        /// The event, which holds the payload.
        event: EventId,
        /// The delivery, which holds the attempts.
        delivery: DeliveryId,
        /// The endpoint that the delivery did not reach.
        endpoint: EndpointId,
        /// The application of the endpoint.
        application: ApplicationId,
        /// The scope of the endpoint.
        #[serde(default)]
        scope: EndpointScope,
        /// The type of the event.
        event_type: String,
        /// The URL of the endpoint when the delivery died.
        url: String,
        /// The job that the event is about.
        job: Option<JobId>,
        /// The batch of that job as its sender calls it.
        batch_id: Option<String>,
    },
    /// A queue message that could not be read or processed.
    Message {
        /// The queue on which the message died.
        queue: LetterQueue,
        /// The message's text, unchanged from what the queue held.
        body: StoredBody,
        /// Whether the message could be read, so that only a fault of the relay or of AWS stopped it.
        #[serde(default)]
        readable: bool,
    },
}

/// The queue on which a message died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterQueue {
    /// The queue of accepted requests.
    Inbox,
    /// The queue of doorbells for deliveries.
    Outbox,
}

/// Whether a dead letter waits, was put back, or is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// The letter is parked and waits to be put back.
    Waiting,
    /// The letter was put back; the result is not known yet.
    Redriven,
    /// The delivery arrived after all, or the message was put back on its queue.
    Resolved,
}

impl LetterId {
    /// The id of a delivery's letter.
    pub fn of_delivery(delivery: &DeliveryId) -> Self {
        Self::derive(&["delivery", delivery.as_str()])
    }

    /// The id of the letter of a message with this text.
    pub fn of_message(body: &str) -> Self {
        Self::derive(&["message", body])
    }
}

impl Letter {
    /// Whether the letter was put back at `since` or later. A letter that a worker only meant to put
    /// back, and died before it did, was not.
    pub fn was_put_back_since(&self, since: Timestamp) -> bool {
        let meant = self.state == LetterState::Waiting && self.retry_success.is_none();
        !meant && self.retried_at.is_some_and(|at| since <= at)
    }

    /// Whether the letter is a message of the inbox that goes back without anybody's doing: what stopped
    /// it was no fault of the message.
    pub const fn goes_back_by_itself(&self) -> bool {
        matches!(
            self.what,
            LetterSubject::Message { queue: LetterQueue::Inbox, readable: true, .. }
        )
    }

    /// The endpoint that was not reached; `None` for a message.
    pub const fn endpoint(&self) -> Option<&EndpointId> {
        match &self.what {
            LetterSubject::Delivery { endpoint, .. } => Some(endpoint),
            LetterSubject::Message { .. } => None,
        }
    }
}

/// The dead letters that a caller means. A field that is not set matches every letter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LetterFilter {
    /// Only letters of deliveries to this endpoint; `None` for all.
    pub endpoint: Option<EndpointId>,
    /// Only letters of this application; `None` for all.
    pub application: Option<ApplicationId>,
    /// Letters of this event type.
    pub event_type: Option<String>,
    /// Only letters of jobs in this batch; `None` for all.
    pub batch_id: Option<String>,
    /// Letters that died for a reason of this class.
    pub error_class: Option<ErrorClass>,
    /// Letters parked at this time or later.
    pub since: Option<Timestamp>,
    /// Letters parked before this time.
    pub until: Option<Timestamp>,
    /// Letters that are in this state.
    pub state: Option<LetterState>,
    /// Only letters about this job; `None` for all.
    pub job: Option<JobId>,
}

impl LetterFilter {
    /// Whether `letter` is one of those that the caller means.
    pub fn matches(&self, letter: &Letter) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted.as_ref() == found
        }
        let (application, event_type, batch_id, job) = match &letter.what {
            LetterSubject::Delivery { application, event_type, batch_id, job, .. } => {
                (Some(application), Some(event_type), batch_id.as_ref(), job.as_ref())
            }
            LetterSubject::Message { .. } => (None, None, None, None),
        };
        fits(&self.endpoint, letter.endpoint())
            && fits(&self.application, application)
            && fits(&self.event_type, event_type)
            && fits(&self.batch_id, batch_id)
            && fits(&self.job, job)
            && fits(&self.state, Some(&letter.state))
            && fits(&self.error_class, Some(&letter.error_class))
            && self.since.is_none_or(|since| since <= letter.created_at)
            && self.until.is_none_or(|until| letter.created_at < until)
    }
}
