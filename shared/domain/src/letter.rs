//! Something that died, parked with its whole story until somebody, or the relay itself, puts it
//! back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::EndpointScope,
    envelope::StoredBody,
    id::{ApplicationId, DeliveryId, EndpointId, EventId, JobId, LetterId},
    retry::ErrorClass,
    time::Timestamp,
};

/// A dead letter, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Its id, derived from what died: the same thing dying again is the same letter.
    pub id: LetterId,
    /// Its number, for those who count (R3.10).
    pub number: u64,
    /// What died.
    pub what: LetterSubject,
    /// Why.
    pub error: String,
    /// Why, in one word.
    pub error_class: ErrorClass,
    /// Attempts made.
    pub attempts: u32,
    /// When the last one was.
    pub last_attempt_at: Option<Timestamp>,
    /// When it was parked.
    pub created_at: Timestamp,
    /// When it was last put back.
    pub retried_at: Option<Timestamp>,
    /// What came of that, once it is known.
    pub retry_success: Option<bool>,
    /// Where it is.
    pub state: LetterState,
    /// When it goes, and what it holds with it; letters of earlier versions stay.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// How long after an event was recorded its last letter may be parked without going any earlier for
/// it: longer than the longest ladder, shorter than what large bodies are kept beyond their event.
pub const LATEST_PARKING: Duration = Duration::from_secs(14 * 86_400);

/// What died.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LetterSubject {
    /// A delivery that is spent.
    Delivery {
        /// Its event, which has the payload.
        event: EventId,
        /// The delivery, which has the attempts.
        delivery: DeliveryId,
        /// Whom it did not reach.
        endpoint: EndpointId,
        /// Whose it is.
        application: ApplicationId,
        /// What the endpoint hears of.
        #[serde(default)]
        scope: EndpointScope,
        /// The event's type.
        event_type: String,
        /// Where it was to go.
        url: String,
        /// The job it is about.
        job: Option<JobId>,
        /// That job's batch.
        batch_id: Option<String>,
    },
    /// A message that could not be read or processed.
    Message {
        /// The queue it died on.
        queue: LetterQueue,
        /// Its bytes as they were.
        body: StoredBody,
    },
}

/// Where a message died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterQueue {
    /// Accepted requests.
    Inbox,
    /// Doorbells.
    Outbox,
}

/// Where a letter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// Parked.
    Waiting,
    /// Put back; what comes of it is not known yet.
    Redriven,
    /// It arrived after all.
    Resolved,
}

impl LetterId {
    /// The letter of a delivery.
    pub fn of_delivery(delivery: &DeliveryId) -> Self {
        Self::derive(&["delivery", delivery.as_str()])
    }

    /// The letter of a message with this body.
    pub fn of_message(body: &str) -> Self {
        Self::derive(&["message", body])
    }
}

impl Letter {
    /// The endpoint it did not reach.
    pub const fn endpoint(&self) -> Option<&EndpointId> {
        match &self.what {
            LetterSubject::Delivery { endpoint, .. } => Some(endpoint),
            LetterSubject::Message { .. } => None,
        }
    }
}

/// Which letters somebody means. What is not set matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LetterFilter {
    /// Letters to this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Letters of this application.
    pub application: Option<ApplicationId>,
    /// Letters of this event type.
    pub event_type: Option<String>,
    /// Letters of this batch.
    pub batch_id: Option<String>,
    /// Letters that died for this reason.
    pub error_class: Option<ErrorClass>,
    /// Letters parked at this time or later.
    pub since: Option<Timestamp>,
    /// Letters parked before this time.
    pub until: Option<Timestamp>,
    /// Letters that are in this state.
    pub state: Option<LetterState>,
    /// Letters about this job.
    pub job: Option<JobId>,
}

impl LetterFilter {
    /// Whether a letter is meant.
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
