//! The few header bytes that are looked at before the MAC holds: bounded, in one spelling only.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::SignatureRefusal;
use crate::time::Timestamp;

/// Longest timestamp that is looked at, in bytes: twice what RFC 3339 needs.
pub(super) const MAX_TIMESTAMP: usize = 40;

/// How a time of signing is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampForm {
    /// Seconds since the Unix epoch.
    #[default]
    Seconds,
    /// Milliseconds since the Unix epoch.
    Millis,
    /// ISO 8601, in UTC where it names no offset.
    Iso,
}

impl TimestampForm {
    /// Reads a time, in seconds.
    pub fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Seconds => digits(text, 12),
            Self::Millis => digits(text, 15).map(|millis| millis / 1000),
            Self::Iso if MAX_TIMESTAMP < text.len() => None,
            Self::Iso => Timestamp::parse_rfc3339(text).map(Timestamp::secs),
        }
    }

    /// Spells a time.
    pub fn print(self, at: Timestamp) -> String {
        match self {
            Self::Seconds => at.secs().to_string(),
            Self::Millis => at.0.to_string(),
            Self::Iso => at.rfc3339(),
        }
    }
}

/// Digits, no sign, no leading zero, so many of them at most.
fn digits(text: &str, most: usize) -> Option<u64> {
    let plain = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

/// The one value of a header, if it is printable ASCII of bounded length.
pub(super) fn single<'h>(
    headers: &'h HeaderMap,
    name: &str,
    max: usize,
) -> Result<&'h str, SignatureRefusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Err(SignatureRefusal::Missing(name.to_owned())) };
    if values.next().is_some() {
        return Err(SignatureRefusal::Doubled(name.to_owned()));
    }
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= max => Ok(text),
        _ => Err(SignatureRefusal::Malformed(name.to_owned())),
    }
}
