//! Deliveries in the form of another system, as the `out` section of its profile says.
//!
//! The Standard Webhooks headers are always sent, signed over the very bytes that go out. The
//! system's own headers and signature come on top, so that a receiver of the old system works
//! unchanged.

mod body;
mod headers;
mod notice;
mod omtx;
mod status;
mod style;

pub use self::{
    body::body,
    headers::{HEADERS_OF_OURS, HEADERS_OF_SVIX, HeaderContext, headers},
    status::{DeliveryResult, STATUS_REDIS, status},
    style::{HeaderStyle, InvalidHeaderStyle},
};
use crate::{
    event::Event,
    profile::{AttemptLimit, OutgoingProfile, Profile},
    retry::{InvalidPolicy, Policy},
};

/// The error of a failed job in words, read from the relay's own notice of it; `None` if the payload is
/// no such notice.
pub fn error_in_words(payload: &[u8]) -> Option<String> {
    notice::Notice::read(payload).map(|notice| notice.message()).filter(|words| !words.is_empty())
}

impl OutgoingProfile {
    /// The `out` section of the profile of this name; `None` if it has none.
    pub fn of(profile: &str) -> Option<&'static Self> {
        Profile::named(profile)?.out.as_ref()
    }

    /// The names of the profiles with an `out` section.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Profile::names().filter(|name| Self::of(name).is_some())
    }

    /// The system's word for an event type; the type itself if the system has no word.
    pub fn word<'a>(&'a self, event_type: &'a str) -> &'a str {
        self.events.get(event_type).map_or(event_type, String::as_str)
    }

    /// The relay's event types for which the system uses this word.
    pub fn types_of<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(_, its): &(&String, &String)| *its == word;
        self.events.iter().filter(same).map(|(ours, _)| ours.as_str())
    }

    /// Whether the system knows events of this type.
    pub fn speaks_of(&self, event_type: &str) -> bool {
        self.events.is_empty() || self.events.contains_key(event_type)
    }

    /// The system's own retry policy.
    pub fn policy(&self) -> Policy {
        Policy {
            delays: self.delays.clone(),
            max_retries: self.attempts.retries(),
            timeout_seconds: self.timeout_seconds,
            ..Policy::default()
        }
    }

    /// The system's own retry policy with the values that a caller of the system set. They are
    /// counted as the system counts: `max_retries` of the batch server are attempts in all, those
    /// of Hokusai come after the first.
    ///
    /// # Errors
    /// If a value is out of the bounds of [`Policy::of`], or there would be no attempt at all.
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
                AttemptLimit::Tries(_) => {
                    bounds.max_retries.checked_sub(1).ok_or(InvalidPolicy::MaxRetries)?
                }
            };
        }
        if timeout_seconds.is_some() {
            policy.timeout_seconds = bounds.timeout_seconds;
        }
        Ok(policy)
    }
}

/// The facts beside the payload that a body is made of.
#[derive(Clone, Copy, Debug)]
pub struct BodyContext<'a> {
    /// The event that is delivered.
    pub event: &'a Event,
    /// Whether the endpoint asked for the traceback in a sender's error.
    pub include_traceback: bool,
}

/// The metadata key by which an endpoint asks for tracebacks.
pub const INCLUDE_TRACEBACK: &str = "include_traceback";

#[cfg(test)]
mod tests;
