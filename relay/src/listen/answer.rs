//! Answers of calls, as the relay is told them.

use std::time::Duration;

use domain::{
    listener::{HandedDelivery, MAX_ANSWER},
    retry::ErrorClass,
};
use serde_json::{Value, json};

/// The result of a call that forwards a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallAnswer {
    /// The HTTP status, or the word for why there was none.
    pub(super) outcome: Result<u16, &'static str>,
    /// The first bytes of the answer's body, or the reason in words.
    pub(super) text: String,
    /// The time that the call took.
    pub(super) took: Duration,
}

impl CallAnswer {
    /// An answer with this status and without a body.
    pub(super) const fn status(status: u16) -> Self {
        Self { outcome: Ok(status), text: String::new(), took: Duration::ZERO }
    }

    /// An answer of a server.
    pub(super) const fn answered(status: u16, took: Duration, text: String) -> Self {
        Self { outcome: Ok(status), text, took }
    }

    /// A call without an answer.
    pub(super) const fn failed(class: ErrorClass, text: String) -> Self {
        // The words that `concluded` knows.
        let word = match class {
            ErrorClass::Timeout => "timeout",
            ErrorClass::Dns => "dns",
            ErrorClass::Tls => "tls",
            ErrorClass::Protocol => "protocol",
            _ => "connect",
        };
        Self { outcome: Err(word), text, took: Duration::ZERO }
    }

    /// Whether the server took the delivery, by the usual rule. The relay judges by the endpoint's own.
    pub(super) fn is_success(&self) -> bool {
        matches!(self.outcome, Ok(status) if (200..300).contains(&status))
    }

    /// The action that tells the relay, with the token that counts now.
    pub(super) fn action(&self, delivery: &HandedDelivery, token: &str) -> Value {
        let ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
        let body = &self.text[..self.text.floor_char_boundary(MAX_ANSWER)];
        let mut action = json!({ "action": "concluded", "delivery": delivery.delivery,
            "token": token, "ms": ms, "body": body });
        match self.outcome {
            Ok(status) => action["status"] = json!(status),
            Err(word) => action["error"] = json!(word),
        }
        action
    }
}
