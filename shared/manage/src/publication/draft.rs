//! The draft of a message, and its check.

use std::time::Duration;

use domain::{event::PublishOptions, id::is_identifier, time::Timestamp};
use serde_json::value::RawValue;

use crate::{
    Refusal,
    messages::MAX_EVENT_ID,
    names::{self, MAX_CHANNEL, must_be_event_type},
};

/// Most channels of a message.
pub const MAX_CHANNELS: usize = 5;
/// Most tags of a message.
pub const MAX_TAGS: usize = 8;
/// Most bytes of a tag.
const MAX_TAG: usize = 128;
/// A minute, the least time ahead of a message that is delivered later.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// A day, the most time ahead of a message that is delivered later.
pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// Shortest retention of a payload in days.
pub const MIN_RETENTION_DAYS: i64 = 5;
/// Longest retention of a payload in days.
pub const MAX_RETENTION_DAYS: i64 = 90;
/// Shortest retention of a payload in hours.
pub const MIN_RETENTION_HOURS: i64 = 1;
/// Longest retention of a payload in hours: 90 days.
pub const MAX_RETENTION_HOURS: i64 = MAX_RETENTION_DAYS * 24;

/// A message to be published.
#[derive(Clone, Debug)]
pub struct MessageDraft {
    /// Event type, such as `invoice.paid`.
    pub event_type: String,
    /// Payload that subscribers receive, to the byte; a JSON object.
    pub payload: Box<RawValue>,
    /// Payload that subscribers receive instead, which need not be JSON.
    pub raw_payload: Option<RawPayload>,
    /// Publisher's own id, 1 to [`MAX_EVENT_ID`] of `A-Z a-z 0-9 - _ .`.
    pub event_id: Option<String>,
    /// Channels of the message, 1 to [`MAX_CHANNELS`].
    pub channels: Option<Vec<String>>,
    /// Tags that the message can be found by, [`MAX_TAGS`] at most.
    pub tags: Vec<String>,
    /// Time before which the message is not delivered, a minute to a day ahead.
    pub deliver_at: Option<Timestamp>,
    /// Days after which the payload is neither shown nor sent.
    pub payload_retention_period: Option<i64>,
    /// Hours after which the payload is neither shown nor sent; not beside the days.
    pub payload_retention_hours: Option<i64>,
    /// Idempotency key of the request that publishes the message.
    pub idempotency_key: Option<String>,
}

/// A payload that is sent as it is.
#[derive(Clone, Debug)]
pub struct RawPayload {
    /// The bytes of the payload.
    pub bytes: Vec<u8>,
    /// Media type; JSON if there is none.
    pub content_type: Option<String>,
}

/// A message whose every field can be used.
pub(super) struct CheckedMessage {
    pub(super) event_type: String,
    pub(super) payload: Vec<u8>,
    pub(super) event_id: Option<String>,
    pub(super) channels: Vec<String>,
    pub(super) options: PublishOptions,
    pub(super) idempotency_key: Option<String>,
}

impl MessageDraft {
    /// The message, if every field can be used.
    pub(super) fn check(self, now: Timestamp) -> Result<CheckedMessage, Refusal> {
        must_be_event_type("event_type", &self.event_type)?;
        if self.event_id.as_ref().is_some_and(|id| !is_identifier(id, MAX_EVENT_ID)) {
            let why = format!("is 1 to {MAX_EVENT_ID} of A-Z a-z 0-9 - _ .");
            return Err(Refusal::field("event_id", why));
        }
        must_be_object(&self.payload)?;
        let tags = tags(self.tags)?;
        let (payload, content_type) = match self.raw_payload {
            Some(RawPayload { bytes, content_type }) => (bytes, content_type),
            None => (self.payload.get().into(), None),
        };
        if content_type.as_deref().is_some_and(|kind| !is_header_value(kind)) {
            return Err(Refusal::field("raw_payload", "has a content-type that is no header"));
        }
        // The publisher's clock may differ from the relay's by half a minute.
        let in_time = |at: Timestamp| (MINUTE / 2..=DAY + MINUTE).contains(&at.since(now));
        if self.deliver_at.is_some_and(|at| !in_time(at)) {
            return Err(Refusal::field("deliver_at", "is a time a minute to a day ahead"));
        }
        let deliver_at = self.deliver_at;
        let kept = (self.payload_retention_period, self.payload_retention_hours);
        let content_until = content_until(kept, now)?;
        Ok(CheckedMessage {
            event_type: self.event_type,
            payload,
            event_id: self.event_id,
            channels: channels(self.channels)?,
            options: PublishOptions { tags, content_type, deliver_at, content_until },
            idempotency_key: self.idempotency_key,
        })
    }
}

/// End of the payload's retention, which is given in days or in hours; `None` if the payload is kept
/// as long as the message.
fn content_until(
    given: (Option<i64>, Option<i64>),
    now: Timestamp,
) -> Result<Option<Timestamp>, Refusal> {
    let within =
        |name, given: i64, least: i64, most: i64, unit| match (least..=most).contains(&given) {
            true => Ok(given),
            false => Err(Refusal::field(name, format!("is {least} to {most} {unit}"))),
        };
    let (days, hours) = ("payload_retention_period", "payload_retention_hours");
    let kept = match given {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Refusal::field(hours, "cannot stand beside payloadRetentionPeriod"));
        }
        (Some(given), None) => {
            within(days, given, MIN_RETENTION_DAYS, MAX_RETENTION_DAYS, "days")? * 24
        }
        (None, Some(given)) => {
            within(hours, given, MIN_RETENTION_HOURS, MAX_RETENTION_HOURS, "hours")?
        }
    };
    let hours = u64::try_from(kept).unwrap_or_default();
    Ok(Some(now.plus(Duration::from_secs(hours * 3600))))
}

/// Requires a payload that is a JSON object.
pub(super) fn must_be_object(payload: &RawValue) -> Result<(), Refusal> {
    match payload.get().starts_with('{') {
        true => Ok(()),
        false => Err(Refusal::field("payload", "must be a JSON object")),
    }
}

/// The channels of a message, without repetitions.
pub(super) fn channels(given: Option<Vec<String>>) -> Result<Vec<String>, Refusal> {
    names::distinct("channels", given, MAX_CHANNEL, MAX_CHANNELS)
}

fn tags(tags: Vec<String>) -> Result<Vec<String>, Refusal> {
    let fits = |tag: &String| {
        let plain = |char: char| !char.is_control() && char != ',';
        (1..=MAX_TAG).contains(&tag.len()) && tag.chars().all(plain)
    };
    if MAX_TAGS < tags.len() || !tags.iter().all(fits) {
        let why = format!("has at most {MAX_TAGS} entries of 1 to {MAX_TAG} characters");
        return Err(Refusal::field("tags", why));
    }
    Ok(tags)
}

/// Whether text can be the value of a header: printable ASCII, spaces and tabs.
fn is_header_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}
