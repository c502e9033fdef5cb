//! The signing secrets of an endpoint, and the texts that cannot be one.

use serde::{Deserialize, Serialize};

use crate::{
    secret::{InvalidKeyPair, SealedSecret, SecretKind},
    time::Timestamp,
};

/// A signing secret of an endpoint, with the time of its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// The secret, sealed with [`Endpoint::owner`](super::Endpoint::owner).
    pub sealed: SealedSecret,
    /// The time from which the secret signs; `None` for a secret that an earlier version stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The time at which a replaced secret stops signing.
    pub expires_at: Option<Timestamp>,
    /// The algorithm by which the secret signs.
    #[serde(default)]
    pub kind: SecretKind,
}

impl EndpointSecret {
    /// A secret that signs until it is replaced.
    pub const fn new(sealed: SealedSecret, kind: SecretKind) -> Self {
        Self { sealed, since: None, expires_at: None, kind }
    }

    /// Whether the secret signs at this time.
    pub fn signs(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// Greatest length of a secret that is plain text, in bytes.
pub const MAX_PLAIN_SECRET: usize = 128;

/// The reason why a text cannot be a signing secret. The message may be shown to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// The text is no secret of Standard Webhooks.
    #[error("is whsec_ and 24 to 64 bytes in base64")]
    Standard,
    /// The text is neither that nor a secret that the profile's system takes.
    #[error(
        "is 16 to {MAX_PLAIN_SECRET} printable ASCII characters without white space around them, or whsec_ and 24 to 64 bytes in base64"
    )]
    Text,
    /// The text begins like a key pair but is none, or is the public half of one.
    #[error(transparent)]
    Pair(#[from] InvalidKeyPair),
    /// The text is a key pair, and only a shared secret can sign here.
    #[error("is a key pair; what this is for is signed with a shared secret, such as whsec_…")]
    Shared,
}
