//! A body inside a message or an item of the table, or a claim to one in the bucket.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::malformed::MalformedMessage;

/// A body inside a message or an item, or a claim to one in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredBody {
    /// UTF-8 text as it is.
    Text(String),
    /// Anything else in base64.
    Base64(String),
    /// The key of an object in the bucket.
    Claim(String),
}

impl StoredBody {
    /// Carries these bytes inline.
    pub fn inline(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The bytes, or the key of the object that holds the bytes.
    ///
    /// # Errors
    /// If the body is kept as base64 and is not valid base64.
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

/// A stored body once it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenedBody {
    /// The bytes were stored inline.
    Bytes(Vec<u8>),
    /// The key of the object in the bucket that holds the bytes.
    Claim(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_out_as_they_went_in() {
        for body in [&b"{}"[..], b"", b"\xff\x00", "é\u{1}".as_bytes()] {
            let opened = StoredBody::inline(body).open().expect("ours");
            assert_eq!(opened, OpenedBody::Bytes(body.to_vec()));
        }
    }
}
