//! Ids of the relay's things.
//!
//! An id is derived wherever doing a step again must give the same id, so that a conditional write
//! collapses the repetition. No id contains a dot, because the signed content of Standard Webhooks
//! is joined with dots.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A text that is no id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    kind: &'static str,
}

/// Longest id that is read, in bytes behind the prefix: more than twice the 32 digits of the
/// relay's own.
const MAX_LEN: usize = 80;

/// Longest id that a sender gives a job, a call, a batch, a run or a project, in bytes. Longer than
/// any platform's (an ARN has at most 2048 characters), and short enough that all of them fit the
/// 400 KB of an item, in JSON's longest spelling.
pub const MAX_EXTERNAL_ID: usize = 2048;

/// Whether the text could be the part of an id behind its prefix.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LEN
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The first 128 bits of SHA-256 over the parts, each preceded by its length, in hex.
pub fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(&hasher.finalize()[..16])
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text that every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id that follows from these parts: equal parts give equal ids.
            pub fn derive(parts: &[&str]) -> Self {
                Self(format!("{}{}", $prefix, digest(parts)))
            }

            /// An id from 16 random bytes.
            pub fn random(bytes: [u8; 16]) -> Self {
                Self(format!("{}{}", $prefix, hex::encode(bytes)))
            }

            /// Reads an id that a caller sent.
            ///
            /// # Errors
            /// If the text does not begin with [`PREFIX`](Self::PREFIX), or is not followed by 1 to
            /// 80 of `A–Z a–z 0–9 - _`.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_plain(rest) => Ok(Self(text.to_owned())),
                    _ => Err(InvalidId { kind: stringify!($name) }),
                }
            }

            /// The id as text, its prefix included.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The id of an application.
    ApplicationId, "app_");
id!(
    /// The identity of a source: random, made when the source is created, and never given again.
    /// Another source of the same name has another identity.
    SourceId, "src_");
id!(
    /// The id of an endpoint.
    EndpointId, "ep_");
id!(
    /// The id of a delivery.
    DeliveryId, "dlv_");
id!(
    /// The id of an attempt.
    AttemptId, "atmpt_");
id!(
    /// The id of a job.
    JobId, "job_");
id!(
    /// The id of a batch.
    BatchId, "batch_");
id!(
    /// The id of a dead letter.
    LetterId, "dl_");
id!(
    /// The id of a task.
    TaskId, "task_");

/// A source while it belongs to one application. The ids of the source's jobs and events are derived
/// from both, so that neither the next source of a name nor the next application of a source meets
/// jobs or events of the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tenure {
    /// The source that belongs to the application.
    pub source: SourceId,
    /// The application that the source belongs to.
    pub application: ApplicationId,
}

#[cfg(test)]
impl Tenure {
    /// The source `s` of the application `acme`.
    pub(crate) fn sample() -> Self {
        Self { source: SourceId::derive(&["s"]), application: ApplicationId::named("acme") }
    }
}

/// The id of an event. It is derived from tenure and idempotency key or, for an event published
/// over the API, from application and `eventId`, if there is one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The prefix in the relay's own API and in the `webhook-id` of events that were not published.
    pub const PREFIX: &'static str = "evt_";
    /// The prefix in the Svix-compatible API and in the `webhook-id` of published events.
    pub const MESSAGE_PREFIX: &'static str = "msg_";

    /// The id that follows from these parts: equal parts give equal ids.
    pub fn derive(parts: &[&str]) -> Self {
        Self(digest(parts))
    }

    /// An id from 16 random bytes.
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// Reads an id with either prefix.
    ///
    /// # Errors
    /// If the text has neither prefix, or is not followed by 1 to 80 of `A–Z a–z 0–9 - _`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let rest =
            text.strip_prefix(Self::PREFIX).or_else(|| text.strip_prefix(Self::MESSAGE_PREFIX));
        match rest {
            Some(rest) if is_plain(rest) => Ok(Self(rest.to_owned())),
            _ => Err(InvalidId { kind: "event" }),
        }
    }

    /// The id without prefix, as keys of the table have it.
    pub fn bare(&self) -> &str {
        &self.0
    }

    /// The id with the prefix `evt_`.
    pub fn event(&self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }

    /// The id with the prefix `msg_`.
    pub fn message(&self) -> String {
        format!("{}{}", Self::MESSAGE_PREFIX, self.0)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Self::PREFIX, self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl ApplicationId {
    /// The id that stands for all applications together where something is kept by application, as live
    /// topics are. No application bears it: ids that are made are longer.
    pub fn every() -> Self {
        Self("app_every".to_owned())
    }

    /// The id of the first application that bears this uid; an id is taken as it is. After a rename
    /// or a deletion another application may bear the uid under another id, so that only the table
    /// can say which application a caller means.
    pub fn named(id_or_uid: &str) -> Self {
        Self::parse(id_or_uid).unwrap_or_else(|_| Self::derive(&["application", id_or_uid]))
    }
}

impl DeliveryId {
    /// The one delivery of `event` to `endpoint` in this generation; a replay begins the next
    /// generation.
    pub fn of(event: &EventId, endpoint: &EndpointId, generation: u32) -> Self {
        Self::derive(&["delivery", event.bare(), endpoint.as_str(), &generation.to_string()])
    }
}

impl AttemptId {
    /// The attempt number `number` of a delivery, counted from 0 over all its rounds.
    pub fn of(delivery: &DeliveryId, number: u32) -> Self {
        Self::derive(&["attempt", delivery.as_str(), &number.to_string()])
    }
}

impl JobId {
    /// The job that a source calls `external` while it belongs to an application.
    pub fn of(tenure: &Tenure, external: &str) -> Self {
        Self::derive(&["job", tenure.source.as_str(), tenure.application.as_str(), external])
    }
}

impl EndpointId {
    /// The endpoint that receives the events of one job at this URL, however often that is
    /// registered.
    pub fn of_job(job: &JobId, url: &str) -> Self {
        Self::derive(&["job webhook", job.as_str(), url])
    }

    /// The endpoint that receives the events of one batch at this URL, however often that is
    /// registered.
    pub fn of_batch(batch: &BatchId, url: &str) -> Self {
        Self::derive(&["batch webhook", batch.as_str(), url])
    }
}

impl BatchId {
    /// The batch that senders to an application call `external`.
    pub fn of(application: &ApplicationId, external: &str) -> Self {
        Self::derive(&["batch", application.as_str(), external])
    }
}

impl TaskId {
    /// The task that redrives an endpoint's dead letters once the endpoint answers again.
    pub fn recovery(endpoint: &EndpointId) -> Self {
        Self::derive(&["recovery", endpoint.as_str()])
    }

    /// The task that puts messages of the inbox back which could be read but not processed.
    pub fn resend() -> Self {
        Self::derive(&["resend"])
    }
}

/// Whether a text that a caller chose can be an identifier (`uid`, `eventId`, name of a source): 1
/// to `max` of `A–Z a–z 0–9 - _ .`, as the Svix contract allows.
pub fn is_identifier(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_run_into_each_other() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
    }

    #[test]
    fn an_event_has_two_spellings_and_one_name() {
        let id = EventId::derive(&["source", "key"]);
        assert_eq!(EventId::parse(&id.event()), Ok(id.clone()));
        assert_eq!(EventId::parse(&id.message()), Ok(id));
    }

    #[test]
    fn ids_with_dots_spaces_or_300_characters_are_refused() {
        for bad in ["", "dlv_", "dlv_a.b", "dlv_a b", "evt_x", &format!("dlv_{}", "a".repeat(300))]
        {
            assert!(DeliveryId::parse(bad).is_err(), "{bad}");
        }
    }
}
