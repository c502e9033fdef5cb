//! A call to be made, and the reason why it got no usable answer.

use std::time::Duration;

use domain::{address::Forbidden, retry::ErrorClass, time::Timestamp};
use http::HeaderMap;

/// Bytes of an answer that are kept.
pub const MAX_KEPT: usize = 1024;

/// A call to be made to an endpoint.
pub struct OutboundCall<'a> {
    /// The URL to call, or the ARN of a queue or bus.
    pub url: &'a str,
    /// The headers to send, besides `host` and `content-length`.
    pub headers: HeaderMap,
    /// The body, as it is sent.
    pub body: Vec<u8>,
    /// The longest time for the whole call, from the lookup of the name to the end of the answer.
    pub timeout: Duration,
    /// The time now, for a `Retry-After` that is a date.
    pub now: Timestamp,
    /// Facts beside the body, for a queue or an event bus.
    pub label: Option<CallLabel<'a>>,
}

/// Facts that stand beside the body of a message or an event, as attributes or fields.
#[derive(Clone, Copy, Debug)]
pub struct CallLabel<'a> {
    /// The value of the header `webhook-id`.
    pub id: &'a str,
    /// The endpoint. A FIFO queue keeps the order of the messages to one endpoint.
    pub endpoint: &'a str,
    /// The application that the endpoint belongs to.
    pub application: &'a str,
    /// The type of the event, such as `job.succeeded`.
    pub event_type: &'a str,
    /// A text that stays the same when the same delivery is sent again.
    pub once: &'a str,
    /// The time at which the event was recorded.
    pub happened: Timestamp,
}

/// The reason why a call got no usable answer: its class, and a description for people.
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
