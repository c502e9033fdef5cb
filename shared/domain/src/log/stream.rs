//! The name of a stream: one row of lines of a job, such as its standard output.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::id;

/// Longest name of a stream, in bytes. The positions of all the streams that a log shows stand in one
/// token, which has to fit into a URL.
pub const MAX_STREAM: usize = 128;
/// The name of the stream of a sender that names none.
pub const DEFAULT_STREAM: &str = "main";

/// The name of a stream: 1 to [`MAX_STREAM`] bytes without control characters. A copy costs no
/// memory, because each line of an answer has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamName(Arc<str>);

/// A text that cannot be the name of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has 1 to {MAX_STREAM} bytes, none of them a control character")]
pub struct InvalidStream;

impl StreamName {
    /// Reads the name of a stream.
    ///
    /// # Errors
    /// [`InvalidStream`] if the text is empty or too long, or has a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidStream> {
        let fits = (1..=MAX_STREAM).contains(&text.len()) && !text.contains(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(InvalidStream) }
    }

    /// The name of a stream of CloudWatch Logs, which has up to 512 characters: as it is where it fits,
    /// and else its beginning and a digest of the whole. `None` for an empty one.
    pub fn cloudwatch(name: &str) -> Option<Self> {
        let plain = name.replace(char::is_control, "\u{fffd}");
        match plain.len() {
            0 => None,
            1..=MAX_STREAM => Some(Self(plain.into())),
            _ => {
                let digest = id::digest(&[name]);
                let begin = &plain[..plain.floor_char_boundary(MAX_STREAM - digest.len() - 1)];
                Some(Self(format!("{begin}~{digest}").into()))
            }
        }
    }

    /// The name of the stream as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StreamName {
    type Error = InvalidStream;

    fn try_from(text: String) -> Result<Self, InvalidStream> {
        Self::parse(&text)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> Self {
        name.as_str().to_owned()
    }
}

impl Default for StreamName {
    fn default() -> Self {
        Self(DEFAULT_STREAM.into())
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_128_bytes_and_no_control_character() {
        for good in ["a", "stdout", "2026/11/27/[$LATEST]ab#1", "größe", &"x".repeat(128)] {
            assert_eq!(StreamName::parse(good).map(|name| name.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "a\nb", "a\0", &"x".repeat(129), &"ö".repeat(65)] {
            assert_eq!(StreamName::parse(bad), Err(InvalidStream), "{bad:?}");
        }
    }

    #[test]
    fn any_name_of_cloudwatch_has_a_stream_of_its_own() {
        let name = |text: &str| StreamName::cloudwatch(text).map(|name| name.to_string());
        assert_eq!(name("job-1").as_deref(), Some("job-1"));
        assert_eq!(name(""), None);
        let long = ["ö".repeat(500) + "a", "ö".repeat(500) + "b"].map(|long| name(&long));
        assert_ne!(long[0], long[1]);
        assert!(long.into_iter().flatten().all(|name| StreamName::parse(&name).is_ok()));
    }
}
