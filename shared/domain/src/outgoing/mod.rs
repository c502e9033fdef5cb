//! What a profile says about how its system calls subscribers: the `out` section of a profile.
//!
//! The Standard Webhooks headers are always sent and are signed over the very bytes that go out;
//! what stands here comes on top, and so do the headers of the profile's scheme, so that a receiver of
//! the old system holds as it is.

mod body;
mod headers;
mod omtx;
mod status;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    body::body,
    headers::{HEADERS_OF_OURS, HeaderContext, headers},
    status::{DeliveryResult, STATUS_REDIS, status},
};
use crate::{
    event::Event,
    profile::Profile,
    retry::{InvalidPolicy, Policy},
};

/// How a system calls its subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingProfile {
    /// Whether the headers of its scheme stay away from an endpoint whose owner set no secret.
    #[serde(default)]
    pub only_with_secret: bool,
    /// The header of the time of the attempt in RFC 3339, where that is no part of its scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The id by which a receiver tells a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdHeader>,
    /// The header of the event's type, in the system's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What its bodies are made of.
    #[serde(default)]
    pub shape: BodyShape,
    /// How its bodies are written.
    #[serde(default)]
    pub form: BodyForm,
    /// Our event types in the system's words. If there are any, it speaks of nothing else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
    /// The statuses that it takes for success.
    #[serde(default)]
    pub success: SuccessStatuses,
    /// Seconds to wait before each retry; the last one repeats.
    pub delays: Vec<u32>,
    /// Its limit of attempts, as it counts them.
    pub attempts: AttemptLimit,
    /// How long one attempt may take, in seconds.
    pub timeout_seconds: u16,
}

/// The header of the id by which a receiver tells a repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdHeader {
    /// Its name, in lower case.
    pub header: String,
    /// The field of the body that holds it; the `webhook-id` if it is not there.
    pub field: String,
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyShape {
    /// What its publisher or source said; of a job or batch, our own notice.
    #[default]
    Said,
    /// WEPPcloud's `{event, job_id, runid, …}`.
    Wepp,
    /// The batch server's batch object.
    Batch,
    /// OMTX's `{event, job_id, status, data}`.
    Omtx,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyForm {
    /// As it is.
    #[default]
    Raw,
    /// As `JSON.stringify` writes it.
    Compact,
    /// As Python's `json.dumps(…, sort_keys=True)` writes it.
    PythonSorted,
}

/// The statuses that are a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SuccessStatuses {
    /// From the first to the last, both included.
    Range {
        /// The first.
        from: u16,
        /// The last.
        to: u16,
    },
    /// These.
    List(Vec<u16>),
}

impl Default for SuccessStatuses {
    fn default() -> Self {
        Self::Range { from: 200, to: 299 }
    }
}

impl SuccessStatuses {
    /// Whether an answer with this status is one.
    pub fn is(&self, status: u16) -> bool {
        match self {
            Self::Range { from, to } => (*from..=*to).contains(&status),
            Self::List(list) => list.contains(&status),
        }
    }
}

/// A limit of attempts, as a system counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptLimit {
    /// After the first.
    Retries(u8),
    /// In all.
    Tries(u8),
}

impl AttemptLimit {
    const fn retries(self) -> u8 {
        match self {
            Self::Retries(retries) => retries,
            Self::Tries(tries) => tries.saturating_sub(1),
        }
    }
}

impl OutgoingProfile {
    /// What the profile of this name says, if it says anything about calling subscribers.
    pub fn of(profile: &str) -> Option<&'static Self> {
        Profile::named(profile)?.out.as_ref()
    }

    /// The profiles that say something about it.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Profile::names().filter(|name| Self::of(name).is_some())
    }

    /// An event's type in the system's words; our own word for what it has none for.
    pub fn word<'a>(&'a self, event_type: &'a str) -> &'a str {
        self.events.get(event_type).map_or(event_type, String::as_str)
    }

    /// Our types that the system's word stands for.
    pub fn types_of<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(_, its): &(&String, &String)| *its == word;
        self.events.iter().filter(same).map(|(ours, _)| ours.as_str())
    }

    /// Whether the system has anything to say about events of this type.
    pub fn speaks_of(&self, event_type: &str) -> bool {
        self.events.is_empty() || self.events.contains_key(event_type)
    }

    /// The system's own policy.
    pub fn policy(&self) -> Policy {
        Policy {
            delays: self.delays.clone(),
            max_retries: self.attempts.retries(),
            timeout_seconds: self.timeout_seconds,
            ..Policy::default()
        }
    }

    /// The same with what a caller of the system sets, counted as the system counts: `max_retries`
    /// of the batch server are attempts in all, those of Hokusai come after the first.
    pub fn policy_of(
        &self,
        max_retries: Option<i64>,
        timeout_seconds: Option<i64>,
    ) -> Result<Policy, InvalidPolicy> {
        let bounds = Policy::of(max_retries, timeout_seconds, None)?;
        let mut policy = self.policy();
        if max_retries.is_some() {
            policy.max_retries = match self.attempts {
                AttemptLimit::Retries(_) => bounds.max_retries,
                AttemptLimit::Tries(_) => bounds.max_retries - 1,
            };
        }
        if timeout_seconds.is_some() {
            policy.timeout_seconds = bounds.timeout_seconds;
        }
        Ok(policy)
    }
}

/// What an attempt knows of its event and endpoint, beyond the body.
#[derive(Clone, Copy, Debug)]
pub struct BodyContext<'a> {
    /// The event.
    pub event: &'a Event,
    /// Whether the endpoint asked for the sender's traceback.
    pub include_traceback: bool,
}

/// The metadata key by which an endpoint asks for tracebacks.
pub const INCLUDE_TRACEBACK: &str = "include_traceback";

#[cfg(test)]
mod tests;
