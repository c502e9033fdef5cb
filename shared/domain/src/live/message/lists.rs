//! Entries of the lists in messages, with the names that the HTTP API has for the same things.
//! Entries of one id merge: the one with the later time stands.

use serde::{Deserialize, Serialize};

use crate::{
    delivery::DeliveryState,
    letter::LetterState,
    live::news::{DeliveryNews, EventNews, LetterNews, RefusalNews, TaskNews},
    log::{LogLine, Seq, StreamName},
    refusals::RefusalReason,
    retry::ErrorClass,
    task::{TaskState, TaskWord},
};

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LineEntry {
    /// The number of the line in its stream; of lines from CloudWatch the id of the event, as text.
    pub seq: Seq,
    /// The text.
    pub message: String,
    /// The time of the line, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub timestamp: String,
    /// The stream: a job may have several.
    pub stream: StreamName,
    /// The level in small letters, if the sender gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// An event that was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventEntry {
    /// The id.
    pub id: String,
    /// The type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The source that sent it; `null` if no source did.
    pub source: Option<String>,
    /// The relay's id of the job that it is about.
    pub job_id: Option<String>,
    /// The batch of that job, as its sender calls it.
    pub batch_id: Option<String>,
    /// The time at which it arrived, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
}

/// A delivery, as it is after an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryEntry {
    /// The id.
    pub id: String,
    /// The event.
    pub event_id: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// The type of the event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The state.
    pub state: DeliveryState,
    /// The number of attempts that were made.
    pub attempts_made: u32,
    /// The HTTP status of the last attempt, if the endpoint answered.
    pub status: Option<u16>,
    /// The class of the last attempt's error, if it failed.
    pub error_class: Option<ErrorClass>,
    /// The time of the next attempt, in RFC 3339, of a delivery that is pending.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub next_attempt_at: Option<String>,
    /// The time of the change, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
}

/// A dead letter, as it is after its change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LetterEntry {
    /// The number.
    pub id: u64,
    /// The id.
    pub letter_id: String,
    /// The state.
    pub state: LetterState,
    /// Whether the letter was deleted; `false` is left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The class of the last failure.
    pub error_class: ErrorClass,
    /// The endpoint that was not reached; `null` if it was a message that died.
    pub endpoint_id: Option<String>,
    /// The type of the event that was not delivered.
    pub event_type: Option<String>,
    /// The time of the change, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
}

/// A task, as it is after a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TaskEntry {
    /// The id.
    pub id: String,
    /// The kind.
    pub kind: TaskWord,
    /// The state.
    pub state: TaskState,
    /// Letters or messages that were meant, of those looked at so far.
    pub matched: u64,
    /// Letters or messages looked at so far.
    pub scanned: u64,
    /// Letters or messages put back, sent or thrown away so far.
    pub redriven: u64,
    /// Letters or messages per second.
    pub rate: u32,
    /// The time of the change, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub updated_at: String,
}

/// A request of a sender that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefusalEntry {
    /// The name of the source.
    pub source: String,
    /// Why the request was refused, as a word.
    pub reason: RefusalReason,
    /// Why the request was refused, as a sentence.
    pub sentence: String,
    /// The time of arrival, in RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub at: String,
}

impl From<&TaskNews> for TaskEntry {
    fn from(news: &TaskNews) -> Self {
        Self {
            id: news.id.to_string(),
            kind: news.kind,
            state: news.state,
            matched: news.matched,
            scanned: news.scanned,
            redriven: news.redriven,
            rate: news.rate,
            updated_at: news.at.rfc3339(),
        }
    }
}

impl From<&RefusalNews> for RefusalEntry {
    fn from(news: &RefusalNews) -> Self {
        Self {
            source: news.source.clone(),
            reason: news.reason,
            sentence: news.sentence.clone(),
            at: news.at.rfc3339(),
        }
    }
}

impl From<&EventNews> for EventEntry {
    fn from(news: &EventNews) -> Self {
        let facts = &news.facts;
        Self {
            id: news.id.clone(),
            event_type: facts.event_type.clone(),
            source: facts.source.clone(),
            job_id: facts.job.as_ref().map(ToString::to_string),
            batch_id: facts.batch_id.clone(),
            created_at: news.at.rfc3339(),
        }
    }
}

impl From<&DeliveryNews> for DeliveryEntry {
    fn from(news: &DeliveryNews) -> Self {
        Self {
            id: news.id.to_string(),
            event_id: news.event.clone(),
            endpoint_id: news.endpoint.to_string(),
            event_type: news.facts.event_type.clone(),
            state: news.state,
            attempts_made: news.attempts,
            status: news.status,
            error_class: news.error,
            next_attempt_at: news.next_at.map(|at| at.rfc3339()),
            updated_at: news.at.rfc3339(),
        }
    }
}

impl From<&LetterNews> for LetterEntry {
    fn from(news: &LetterNews) -> Self {
        Self {
            id: news.number,
            letter_id: news.id.to_string(),
            state: news.state,
            deleted: news.deleted,
            error_class: news.class,
            endpoint_id: news.endpoint.as_ref().map(ToString::to_string),
            event_type: news.event_type.clone(),
            updated_at: news.at.rfc3339(),
        }
    }
}

impl From<&LogLine> for LineEntry {
    fn from(line: &LogLine) -> Self {
        Self {
            seq: line.seq.clone(),
            message: line.message.clone(),
            timestamp: line.at.rfc3339(),
            stream: line.stream.clone(),
            level: line.level.clone(),
        }
    }
}
