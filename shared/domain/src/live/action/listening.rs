//! Actions of listeners: taking deliveries, and telling how they went.

use serde::Deserialize;

use super::{MAX_NAME, bound, first};
use crate::{
    listener::{HandedOutcome, MAX_ANSWER, MAX_NAME as MAX_LISTENER},
    retry::ErrorClass,
};

/// Longest id of a delivery and longest token that a client may send, in bytes.
const MAX_TOKEN: usize = 256;
/// Longest time that a client may say a call took, in milliseconds: an hour.
const MAX_MS: u64 = 3_600_000;

/// The fields of `listen`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Listen {
    /// The name of the listener, which `PUT /v1/listeners/{name}` made.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LISTENER)))]
    pub listener: String,
    /// The application, needed by those who see several.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_NAME)))]
    pub application: Option<String>,
    /// The time, in milliseconds since 1970, before which deliveries are left waiting: `skipped_before_ms`
    /// of the listener. Without it everything that waits comes.
    #[serde(default)]
    pub after_ms: Option<u64>,
}

/// The fields of `concluded`. Either `status` or `error` is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct Conclusion {
    /// The id of the delivery, from the message `delivery`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_TOKEN)))]
    pub delivery: String,
    /// The token of the delivery, from the same message.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_TOKEN)))]
    pub token: String,
    /// The HTTP status of the answer, 100 to 599.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 100, max = 599)))]
    pub status: Option<u16>,
    /// The reason why there was no answer.
    #[serde(default)]
    pub error: Option<CallError>,
    /// The time that the call took, in milliseconds, an hour at most.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(max = MAX_MS)))]
    pub ms: u64,
    /// The first bytes of the answer's body as text, 1,024 at most. With `error`, the reason in words.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_ANSWER)))]
    pub body: String,
}

/// Why a listener got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CallError {
    /// The time for the call ran out.
    Timeout,
    /// The host's name did not resolve.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed, or the certificate is not valid.
    Tls,
    /// The connection broke, or the answer was not HTTP.
    Protocol,
}

impl Listen {
    /// The first value that passes its bound, in words.
    pub(super) fn beyond(&self) -> Option<String> {
        first([
            bound("listener", Some(&self.listener), MAX_LISTENER),
            bound("application", self.application.as_ref(), MAX_NAME),
        ])
    }
}

impl Conclusion {
    /// The first value that passes its bound, in words.
    pub(super) fn beyond(&self) -> Option<String> {
        let is_status = self.status.is_none_or(|status| (100..=599).contains(&status));
        first([
            bound("delivery", Some(&self.delivery), MAX_TOKEN),
            bound("token", Some(&self.token), MAX_TOKEN),
            (!is_status).then(|| "status: is 100 to 599".to_owned()),
            (MAX_MS < self.ms).then(|| format!("ms: is at most {MAX_MS}")),
            (MAX_ANSWER < self.body.len()).then(|| format!("body: is at most {MAX_ANSWER} bytes")),
            (self.status.is_some() == self.error.is_some())
                .then(|| "status: either it or `error` is there".to_owned()),
        ])
    }

    /// The result of the call. A conclusion that was read has either a status or an error.
    pub const fn outcome(&self) -> HandedOutcome {
        match (self.status, self.error) {
            (Some(status), _) => HandedOutcome::Status(status),
            (None, Some(error)) => HandedOutcome::Failed(error.class()),
            (None, None) => HandedOutcome::Unreached,
        }
    }
}

impl CallError {
    /// The class of the failed attempt.
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Timeout => ErrorClass::Timeout,
            Self::Dns => ErrorClass::Dns,
            Self::Connect => ErrorClass::Connect,
            Self::Tls => ErrorClass::Tls,
            Self::Protocol => ErrorClass::Protocol,
        }
    }
}
