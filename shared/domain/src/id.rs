//! Names of things. Ids are derived wherever doing a step again must give the same id, so that a
//! conditional write collapses the repetition. No id contains a dot: the signed content of
//! Standard Webhooks is joined with dots.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The text is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    kind: &'static str,
}

/// Longest id that is looked at.
const MAX_LEN: usize = 80;

/// Whether the text could be the part of an id behind its prefix.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_LEN
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// 128 bits of SHA-256 over the parts, each with its length in front, as hex.
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
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The same id for the same parts, whoever asks and whenever.
            pub fn derive(parts: &[&str]) -> Self {
                Self(format!("{}{}", $prefix, digest(parts)))
            }

            /// An id from 16 random bytes.
            pub fn random(bytes: [u8; 16]) -> Self {
                Self(format!("{}{}", $prefix, hex::encode(bytes)))
            }

            /// Reads an id that somebody sent us.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix($prefix) {
                    Some(rest) if is_plain(rest) => Ok(Self(text.to_owned())),
                    _ => Err(InvalidId { kind: stringify!($name) }),
                }
            }

            /// The id as text.
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
    /// One tenant: whose endpoints hear of an event.
    ApplicationId, "app_");
id!(
    /// A subscriber's endpoint.
    EndpointId, "ep_");
id!(
    /// One event on its way to one endpoint.
    DeliveryId, "dlv_");
id!(
    /// One HTTP call of a delivery.
    AttemptId, "atmpt_");
id!(
    /// A unit of work on a platform.
    JobId, "job_");
id!(
    /// Jobs that belong together.
    BatchId, "batch_");
id!(
    /// Something that died and was parked.
    LetterId, "dl_");
id!(
    /// Work the relay gives itself, such as putting letters back at a rate.
    TaskId, "task_");

/// What a producer said, once. Derived from (source, idempotency key) or, for an event published
/// over the API, from (application, `eventId`) when there is one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// How our own API and the `webhook-id` header of a job's event spell it.
    pub const PREFIX: &'static str = "evt_";
    /// How the Svix-compatible API spells it.
    pub const MESSAGE_PREFIX: &'static str = "msg_";

    /// The same id for the same parts.
    pub fn derive(parts: &[&str]) -> Self {
        Self(digest(parts))
    }

    /// An id from 16 random bytes.
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// Reads either spelling.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let rest =
            text.strip_prefix(Self::PREFIX).or_else(|| text.strip_prefix(Self::MESSAGE_PREFIX));
        match rest {
            Some(rest) if is_plain(rest) => Ok(Self(rest.to_owned())),
            _ => Err(InvalidId { kind: "event" }),
        }
    }

    /// The id without a prefix: what keys are made of.
    pub fn bare(&self) -> &str {
        &self.0
    }

    /// `evt_…`
    pub fn event(&self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }

    /// `msg_…`
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
    /// The application a name stands for: an id as it is, a `uid` by derivation, so that a source
    /// can name its application before anybody has created it.
    pub fn named(id_or_uid: &str) -> Self {
        Self::parse(id_or_uid).unwrap_or_else(|_| Self::derive(&["application", id_or_uid]))
    }
}

impl DeliveryId {
    /// The one delivery of `event` to `endpoint`; a replay is the next generation.
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
    /// The job that `source` calls `external`.
    pub fn of(source: &str, external: &str) -> Self {
        Self::derive(&["job", source, external])
    }
}

impl EndpointId {
    /// The endpoint that hears of one job at this URL, however often it is registered.
    pub fn of_job(job: &JobId, url: &str) -> Self {
        Self::derive(&["job webhook", job.as_str(), url])
    }

    /// The endpoint that hears of one batch at this URL.
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
    /// The task that brings an endpoint's letters back once it answers again.
    pub fn recovery(endpoint: &EndpointId) -> Self {
        Self::derive(&["recovery", endpoint.as_str()])
    }
}

/// Whether text that a caller chose can be an identifier of ours (`uid`, `eventId`, source name):
/// 1 to `max` of `A–Z a–z 0–9 - _ .`, as Svix allows.
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
