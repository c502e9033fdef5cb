//! A call to be made, and the reason why it got no usable answer.

use std::time::Duration;

use domain::{address::Forbidden, retry::ErrorClass, time::Timestamp};
use http::HeaderMap;

/// Bytes of an answer that are kept.
pub const MAX_KEPT: usize = 1024;

/// What is to be sent.
pub struct OutboundCall<'a> {
    /// Where to.
    pub url: &'a str,
    /// With which headers, besides `host` and `content-length`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// How long all of it may take.
    pub timeout: Duration,
    /// The time now, for a `Retry-After` that is a date.
    pub now: Timestamp,
    /// What a queue or an event bus is told besides.
    pub label: Option<CallLabel<'a>>,
}

/// What stands on the outside of a message or an event.
#[derive(Clone, Copy, Debug)]
pub struct CallLabel<'a> {
    /// The `webhook-id`.
    pub id: &'a str,
    /// The endpoint: a queue keeps the order of what has the same.
    pub endpoint: &'a str,
    /// Its application.
    pub application: &'a str,
    /// Such as `job.succeeded`.
    pub event_type: &'a str,
    /// What stays the same when the same is sent again.
    pub once: &'a str,
    /// When it came about.
    pub happened: Timestamp,
}

/// Why there was no usable answer.
pub(crate) struct Failure(pub(crate) ErrorClass, pub(crate) String);

impl Failure {
    pub(crate) fn new(class: ErrorClass, error: impl std::fmt::Display) -> Self {
        Self(class, error.to_string())
    }
}

impl From<Forbidden> for Failure {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(ErrorClass::ForbiddenAddress, forbidden)
    }
}
