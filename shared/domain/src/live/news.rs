//! News: what one part of the relay tells `live` about changes, over a FIFO queue whose groups are
//! topics.
//!
//! News hold ids and new states and never a payload: the table is the truth. News of one thing replace
//! each other, so that what comes in between is merged. What cannot be carried, or comes too late,
//! becomes a *gap*: clients list anew. Log lines and ends are never dropped.

mod bulletin;
mod owner;

use serde::{Deserialize, Serialize};

pub use self::{
    bulletin::{Bulletin, MAX_BULLETIN, OUTDATED},
    owner::{RefusalNews, TaskNews},
};
use super::topic::Topic;
use crate::{
    batch::Batch,
    delivery::{Delivery, DeliveryState},
    envelope::MalformedMessage,
    event::{Event, EventOutcome},
    id::{BatchId, DeliveryId, EndpointId, EventId, JobId, LetterId},
    job::{Job, JobStatus},
    letter::{Letter, LetterState, LetterSubject},
    listener::HandOver,
    log::{LogBatch, Seq, StreamName},
    retry::ErrorClass,
    time::Timestamp,
};

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveMessage {
    /// A connection of Socket.IO was accepted and waits for its opening packet. Its group is the
    /// connection.
    Open(String),
    /// A connection of Socket.IO has had no traffic for so long that API Gateway would close it. Its
    /// group is the connection.
    Ping(String),
    /// A connection subscribed to a job or batch and is to be sent how that stands. Its group is the
    /// topic, so that no news of the topic come in between.
    CatchUp {
        /// The topic that the news belong to.
        topic: Topic,
        /// The id of the connection.
        connection: String,
    },
    /// Changes that the subscribers of a topic are told. Their group is the topic.
    Bulletin(Bulletin),
    /// A claimed delivery for the connection that listens. Its group is the topic of the listener.
    HandOver(Box<HandOver>),
}

/// One change of which watchers of a topic are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// An event was recorded for the first time.
    Event(EventNews),
    /// A delivery was attempted, or ended.
    Delivery(DeliveryNews),
    /// A job changed its state, or progressed.
    Job(JobNews),
    /// The counts of a batch changed, or it ended.
    Batch(BatchNews),
    /// A dead letter was parked, put back or settled.
    Letter(LetterNews),
    /// Lines of a job's log were kept.
    Lines(LinesNews),
    /// A task was started, did a step, or ended.
    Task(TaskNews),
    /// A request of a sender was refused.
    Refusal(RefusalNews),
}

/// The facts of an event that filters look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    /// The type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The name of the source; `None` for events that no source sent.
    pub source: Option<String>,
    /// The job that the event is about.
    pub job: Option<JobId>,
    /// The batch of that job, as its sender calls it.
    pub batch_id: Option<String>,
}

/// The facts of an event that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventNews {
    /// The id, with the prefix of the relay's own API.
    pub id: String,
    /// The facts that filters look at.
    #[serde(flatten)]
    pub facts: EventFacts,
    /// The time at which it arrived.
    pub at: Timestamp,
}

/// A delivery was attempted, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryNews {
    /// The id.
    pub id: DeliveryId,
    /// The event, with the prefix of the relay's own API.
    pub event: String,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The facts of the event that filters look at.
    #[serde(flatten)]
    pub facts: EventFacts,
    /// The state of the delivery after the change.
    pub state: DeliveryState,
    /// The number of attempts that were made.
    pub attempts: u32,
    /// The HTTP status of the last attempt, if the endpoint answered.
    pub status: Option<u16>,
    /// The class of the last attempt's error, if it failed.
    pub error: Option<ErrorClass>,
    /// The time of the next attempt, of a delivery that is pending.
    pub next_at: Option<Timestamp>,
    /// The time of the change.
    pub at: Timestamp,
}

/// A job changed its state, or progressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobNews {
    /// The relay's id.
    pub id: JobId,
    /// The sender's id.
    pub job_id: String,
    /// The name of the source.
    pub source: String,
    /// The project, as senders call it.
    pub project_id: Option<String>,
    /// The batch, as senders call it.
    pub batch_id: Option<String>,
    /// The state that was reported.
    pub status: JobStatus,
    /// The event that announces it, and holds what the sender said; the bare id.
    pub event: Option<EventId>,
    /// The number of the job's change.
    pub version: u64,
    /// The time of the change.
    pub at: Timestamp,
}

/// The counts of a batch changed, or it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchNews {
    /// The relay's id.
    pub id: BatchId,
    /// The senders' id.
    pub batch_id: String,
    /// The name of the state in the API.
    pub status: String,
    /// Whether the batch has ended.
    pub has_ended: bool,
    /// Jobs that have ended.
    pub ended: u64,
    /// Jobs that the batch has, as far as is known.
    pub total: u64,
    /// The number of the batch's change.
    pub version: u64,
    /// The time of the change.
    pub at: Timestamp,
}

/// A dead letter was parked, put back or settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterNews {
    /// The id.
    pub id: LetterId,
    /// The number.
    pub number: u64,
    /// The state of the letter after the change.
    pub state: LetterState,
    /// Whether the letter was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The class of the error.
    pub class: ErrorClass,
    /// The endpoint that was not reached, if it was a delivery that died.
    pub endpoint: Option<EndpointId>,
    /// The type of the event that was not delivered, if it was a delivery that died.
    pub event_type: Option<String>,
    /// The time of the change.
    pub at: Timestamp,
}

/// Lines of a job's log were kept: those of one stream from one number to another. The lines
/// themselves lie in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesNews {
    /// The job.
    pub job: JobId,
    /// The stream.
    pub stream: StreamName,
    /// The number of the first line.
    pub from: Seq,
    /// The number of the last line.
    pub to: Seq,
}

impl LiveMessage {
    /// Reads the body of a message.
    ///
    /// # Errors
    /// If the text is not JSON, or not of this kind.
    pub fn parse(text: &str) -> Result<Self, MalformedMessage> {
        serde_json::from_str(text).map_err(|error| MalformedMessage(error.to_string()))
    }

    /// The body of a message, as JSON.
    pub fn print(&self) -> String {
        serde_json::to_string(self).expect("plain data serialises")
    }

    /// The group of the message: messages of one group are worked on one after the other.
    pub fn group(&self) -> String {
        match self {
            Self::Open(connection) | Self::Ping(connection) => connection.clone(),
            Self::CatchUp { topic, .. } => topic.key(),
            Self::Bulletin(bulletin) => bulletin.topic.key(),
            Self::HandOver(handed) => handed.topic.key(),
        }
    }
}

impl News {
    /// Whether the news may be dropped for a gap: clients find the same by listing. An end is waited
    /// for by clients that list nothing, and a line is found nowhere else in time.
    pub const fn may_be_dropped(&self) -> bool {
        match self {
            Self::Event(_)
            | Self::Delivery(_)
            | Self::Letter(_)
            | Self::Task(_)
            | Self::Refusal(_) => true,
            Self::Job(job) => !job.status.is_terminal(),
            Self::Batch(batch) => !batch.has_ended,
            Self::Lines(_) => false,
        }
    }
}

impl EventFacts {
    /// The facts of an event.
    pub fn of(event: &Event) -> Self {
        Self {
            event_type: event.event_type.clone(),
            source: event.source().map(str::to_owned),
            job: event.job.clone(),
            batch_id: event.batch_id.clone(),
        }
    }
}

impl EventNews {
    /// The news of an event that was recorded.
    pub fn of(event: &Event) -> Self {
        Self { id: event.id.event(), facts: EventFacts::of(event), at: event.created_at }
    }
}

impl DeliveryNews {
    /// The news of a delivery, as it is after its change at `now`.
    pub fn of(delivery: &Delivery, event: &Event, now: Timestamp) -> Self {
        let last = delivery.attempts.last();
        Self {
            id: delivery.id.clone(),
            event: event.id.event(),
            endpoint: delivery.endpoint.clone(),
            facts: EventFacts::of(event),
            state: delivery.state,
            attempts: delivery.made,
            status: last.and_then(|attempt| attempt.status),
            error: last.and_then(|attempt| attempt.error),
            next_at: (delivery.state == DeliveryState::Pending).then(|| delivery.expected_at()),
            at: now,
        }
    }
}

impl JobNews {
    /// The news that a job was reported in this state, as the job is afterwards. `event` announces it.
    pub fn of(job: &Job, status: JobStatus, event: Option<&EventId>) -> Self {
        Self {
            id: job.id.clone(),
            job_id: job.external_id.clone(),
            source: job.source.clone(),
            project_id: job.project_id.clone(),
            batch_id: job.batch_id.clone(),
            status,
            event: event.cloned(),
            version: job.version,
            at: job.updated_at,
        }
    }
}

impl JobNews {
    /// The news that an event announces of its job; `None` if the event announces no state.
    pub fn announced(event: &Event, job: &Job) -> Option<Self> {
        let status = JobStatus::announced_by(&event.event_type)?;
        (event.outcome == EventOutcome::Announced).then(|| Self::of(job, status, Some(&event.id)))
    }
}

impl BatchNews {
    /// The news of a batch, as it is after its change.
    pub fn of(batch: &Batch) -> Self {
        Self {
            id: batch.id.clone(),
            batch_id: batch.external_id.clone(),
            status: batch.word().to_owned(),
            has_ended: batch.end.is_some(),
            ended: batch.counts.ended(),
            total: batch.total(),
            version: batch.version,
            at: batch.updated_at,
        }
    }
}

impl LinesNews {
    /// The news of a batch of lines that was kept.
    pub fn of(job: &JobId, batch: &LogBatch) -> Self {
        Self {
            job: job.clone(),
            stream: batch.stream.clone(),
            from: batch.first.clone(),
            to: batch.last().clone(),
        }
    }
}

impl LetterNews {
    /// The news of a letter, as it is after its change at `now`.
    pub fn of(letter: &Letter, now: Timestamp) -> Self {
        let (endpoint, event_type) = match &letter.what {
            LetterSubject::Delivery { endpoint, event_type, .. } => {
                (Some(endpoint.clone()), Some(event_type.clone()))
            }
            LetterSubject::Message { .. } => (None, None),
        };
        Self {
            id: letter.id.clone(),
            number: letter.number,
            state: letter.state,
            deleted: false,
            class: letter.error_class,
            endpoint,
            event_type,
            at: now,
        }
    }
}

#[cfg(test)]
mod tests;
