//! Secrets: bytes that are never printed.

mod pair;
mod rotation;
mod standard;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::{
    pair::{InvalidKeyPair, KeyPair, PublicKey, SecretKind},
    rotation::{DEFAULT_OVERLAP, MAX_OVERLAP, MAX_REPLACED, TooManySecrets, rotate},
};

/// Key material in the clear. `Debug` prints nothing of it, there is no `Display`, and it does not
/// serialise: what is stored is [`SealedSecret`].
///
/// Two secrets compare in a time that depends on their lengths alone. The bytes are wiped when the
/// secret is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Secret {
    /// Takes ownership of key material.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The key material, for the one call that needs it. Do not copy it into anything that is not
    /// wiped.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A `whsec_` secret of 24 to 64 random bytes.
    pub fn symmetric(bytes: &[u8]) -> Self {
        let digits = Zeroizing::new(STANDARD.encode(bytes));
        Self::new(format!("{SYMMETRIC_PREFIX}{}", *digits))
    }

    /// The secret as text; `None` if it is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// The text that a symmetric secret of Standard Webhooks begins with.
pub const SYMMETRIC_PREFIX: &str = "whsec_";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret as the table holds it: AES-256-GCM with the nonce in front, in base64.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(pub String);

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_by_their_bytes() {
        let secret = Secret::new(*b"hunter2");
        assert_eq!(secret, secret.clone());
        for other in ["hunter3", "Hunter2", "hunter", "hunter22", ""] {
            assert_ne!(secret, Secret::new(other));
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let printed =
            format!("{:?} {:?}", Secret::new(*b"hunter2"), SealedSecret("hunter2".into()));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
