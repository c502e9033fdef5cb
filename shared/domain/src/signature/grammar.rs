//! The header bytes that are read before the MAC holds: bounded, and in one form only.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::SignatureRefusal;
use crate::time::Timestamp;

/// Longest timestamp that is read, in bytes: longer than any form of RFC 3339 that senders write.
pub(super) const MAX_TIMESTAMP: usize = 40;

/// The form of a time of signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampForm {
    /// Seconds since the Unix epoch.
    #[default]
    Seconds,
    /// Milliseconds since the Unix epoch.
    Millis,
    /// RFC 3339, in UTC if there is no offset.
    Iso,
}

impl TimestampForm {
    /// Reads a time of signing, in seconds since the Unix epoch.
    pub fn parse(self, text: &str) -> Option<u64> {
        match self {
            Self::Seconds => digits(text, 12),
            Self::Millis => digits(text, 15).map(|millis| millis / 1000),
            Self::Iso if MAX_TIMESTAMP < text.len() => None,
            Self::Iso => Timestamp::parse_rfc3339(text).map(Timestamp::secs),
        }
    }

    /// Writes a time of signing.
    pub fn print(self, at: Timestamp) -> String {
        match self {
            Self::Seconds => at.secs().to_string(),
            Self::Millis => at.0.to_string(),
            Self::Iso => at.rfc3339(),
        }
    }
}

/// Whether a time in the form of RFC 3339 says how far its clock is from UTC.
pub(super) fn has_offset(text: &str) -> bool {
    let zone = text.get(text.len().saturating_sub("+00:00".len())..).unwrap_or_default();
    text.ends_with('Z') || (zone.starts_with(['+', '-']) && zone.as_bytes().get(3) == Some(&b':'))
}

/// Reads a number of at most `most` digits, without sign or leading zero.
fn digits(text: &str, most: usize) -> Option<u64> {
    let plain = text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0'))).then(|| text.parse().ok()).flatten()
}

/// The value of a header that must occur once, as printable ASCII of at most `max` bytes.
///
/// # Errors
/// If the header is missing, occurs twice, or has another value.
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
