//! A body in a message or in an item of the table, or the key of the object in the bucket that
//! holds it.

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
    /// The key of the object in the bucket that holds the body.
    Claim(String),
}

impl StoredBody {
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

/// The content of a stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenedBody {
    /// The bytes, which were stored in the message or item.
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
