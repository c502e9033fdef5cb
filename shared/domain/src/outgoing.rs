//! What a profile says about how its system calls subscribers: the `out` section of a profile.
//!
//! The Standard Webhooks headers are always sent and are signed over the very bytes that go out;
//! what stands here comes on top, and so do the headers of the profile's scheme, so that a receiver of
//! the old system holds as it is.

mod body;
mod headers;
mod notice;
mod omtx;
mod status;

pub use self::{
    body::body,
    headers::{HEADERS_OF_OURS, HeaderContext, headers},
    status::{DeliveryResult, STATUS_REDIS, status},
};
use crate::{
    event::Event,
    profile::{AttemptLimit, OutgoingProfile, Profile},
    retry::{InvalidPolicy, Policy},
};

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
