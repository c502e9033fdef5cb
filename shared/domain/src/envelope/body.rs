//! A body in a message or in an item of the table, or the key of the object in the bucket that
//! holds it.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::malformed::MalformedMessage;

/// A body in a message or in an item of the table, or a claim check for a body in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredBody {
    /// The body itself, if it is UTF-8.
    Text(String),
    /// The body in base64, if it is not UTF-8.
    Base64(String),
    /// The key of the object in the bucket that holds the body. If the object holds several bodies, the key
    /// is followed by the bytes of this one: `<key>#<first>-<behind the last>`.
    Claim(String),
}

impl StoredBody {
    /// The claim of a body that lies with others in one object.
    pub fn part(key: &str, bytes: Range<usize>) -> Self {
        Self::Claim(format!("{key}#{}-{}", bytes.start, bytes.end))
    }

    /// The key of the object that holds the body; `None` for a body that is stored here.
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::Claim(claim) => Some(object_part(claim).0),
            Self::Text(_) | Self::Base64(_) => None,
        }
    }

    /// Stores `bytes` in the message or item itself.
    pub fn inline(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes, or the key of the object that holds the bytes.
    ///
    /// # Errors
    /// If the body is stored in base64 and cannot be decoded.
    pub fn open(self) -> Result<OpenedBody, MalformedMessage> {
        match self {
            Self::Text(text) => Ok(OpenedBody::Bytes(text.into_bytes())),
            Self::Base64(text) => match STANDARD.decode(text) {
                Ok(bytes) => Ok(OpenedBody::Bytes(bytes)),
                Err(error) => Err(MalformedMessage(error.to_string())),
            },
            Self::Claim(key) => Ok(OpenedBody::Claim(key)),
        }
    }
}

/// The key of the object that a claim names, and the bytes of the object that are meant; `None` for all.
pub fn object_part(claim: &str) -> (&str, Option<Range<usize>>) {
    let part = claim.rsplit_once('#').and_then(|(key, bytes)| {
        let (first, end) = bytes.split_once('-')?;
        Some((key, first.parse().ok()?..end.parse().ok()?))
    });
    part.map_or((claim, None), |(key, bytes)| (key, Some(bytes)))
}

/// The content of a stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenedBody {
    /// The bytes, which were stored in the message or item.
    Bytes(Vec<u8>),
    /// The claim of the bytes, which [`object_part`] reads.
    Claim(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_an_object_or_a_part_of_one() {
        let part = StoredBody::part("events/e/bodies", 7..1024);
        assert_eq!(part, StoredBody::Claim("events/e/bodies#7-1024".to_owned()));
        assert_eq!(part.object(), Some("events/e/bodies"));
        assert_eq!(StoredBody::inline(b"{}").object(), None);
        for (claim, key, bytes) in [
            ("events/e/bodies#7-1024", "events/e/bodies", Some(7..1024)),
            ("events/e/said", "events/e/said", None),
            ("a#b", "a#b", None),
            ("a#1-", "a#1-", None),
        ] {
            assert_eq!(object_part(claim), (key, bytes), "{claim}");
        }
    }

    #[test]
    fn bodies_come_out_as_they_went_in() {
        for body in [&b"{}"[..], b"", b"\xff\x00", "é\u{1}".as_bytes()] {
            let opened = StoredBody::inline(body).open().expect("ours");
            assert_eq!(opened, OpenedBody::Bytes(body.to_vec()));
        }
    }
}
