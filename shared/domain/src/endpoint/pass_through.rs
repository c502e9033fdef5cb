//! Pass-through: the parts of a sender's own request that an endpoint receives.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The parts of the request that an event came with which an endpoint receives. An event without a request
/// is sent as the relay's own notice, without headers of a sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassThrough {
    /// The body that is sent.
    #[serde(default)]
    pub body: SentBody,
    /// The names of the sender's headers that are sent along, in lower case, as
    /// [`forwarded`](crate::headers::forwarded) checks them.
    #[serde(default)]
    pub headers: Vec<String>,
}

/// The body that an endpoint receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentBody {
    /// The relay's notice or, with a profile, the body in the form of the profile's system.
    #[default]
    Notice,
    /// The sender's own body, byte for byte.
    Original,
}

/// The text names no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is notice or original")]
pub struct InvalidSentBody;

impl SentBody {
    /// The word for the body.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Original => "original",
        }
    }
}

impl FromStr for SentBody {
    type Err = InvalidSentBody;

    fn from_str(text: &str) -> Result<Self, InvalidSentBody> {
        let known = [Self::Notice, Self::Original].into_iter().find(|body| body.word() == text);
        known.ok_or(InvalidSentBody)
    }
}

impl PassThrough {
    /// Whether the endpoint receives nothing of a sender's request.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
