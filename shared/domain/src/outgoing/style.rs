//! The names under which the headers of Standard Webhooks are sent.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The names of the three headers of Standard Webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderStyle {
    /// The headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
    #[default]
    Standard,
    /// The standard headers and, with the same values, `svix-id`, `svix-timestamp` and `svix-signature`, for
    /// receivers that read these by hand.
    Svix,
}

/// The text names no style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is standard or svix")]
pub struct InvalidHeaderStyle;

impl HeaderStyle {
    /// The word for the style.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Svix => "svix",
        }
    }
}

impl FromStr for HeaderStyle {
    type Err = InvalidHeaderStyle;

    fn from_str(text: &str) -> Result<Self, InvalidHeaderStyle> {
        [Self::Standard, Self::Svix]
            .into_iter()
            .find(|style| style.word() == text)
            .ok_or(InvalidHeaderStyle)
    }
}
