//! Bytes that must never be printed.

mod pair;
mod rotation;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

pub use self::{
    pair::{InvalidKeyPair, KeyPair, PublicKey, SecretKind},
    rotation::{DEFAULT_OVERLAP, MAX_OVERLAP, MAX_REPLACED, TooManySecrets, rotate},
};

/// Key material in the clear. `Debug` prints nothing, there is no `Display`, and it does not
/// serialise: what is stored is [`SealedSecret`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes ownership of key material.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The key material, for the one call that needs it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// A `whsec_` secret from 24 to 64 random bytes.
    pub fn symmetric(bytes: &[u8]) -> Self {
        Self(format!("{SYMMETRIC_PREFIX}{}", STANDARD.encode(bytes)).into_bytes())
    }

    /// The same key as Standard Webhooks spells it: a `whsec_` or `whsk_` secret as it is, any other
    /// text as `whsec_` and its bytes in base64.
    pub fn standard(&self) -> Self {
        if self.pair().is_some() {
            return self.clone();
        }
        let digits = self.as_str().and_then(|text| text.strip_prefix(SYMMETRIC_PREFIX));
        match digits.and_then(|digits| STANDARD.decode(digits).ok()) {
            Some(_) => self.clone(),
            None => Self::symmetric(&self.0),
        }
    }

    /// Whether these are one key, however each is spelled; takes the same time wherever they differ.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.standard().expose().ct_eq(other.standard().expose()).into()
    }

    /// How it signs by Standard Webhooks.
    pub fn kind(&self) -> SecretKind {
        if self.pair().is_some() { SecretKind::Ed25519 } else { SecretKind::Hmac }
    }

    /// The key pair, if it is one: `whsk_` and 64 bytes in base64.
    pub fn pair(&self) -> Option<KeyPair> {
        KeyPair::parse(self.as_str()?).ok()
    }

    /// The secret as text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

/// What a Standard Webhooks symmetric secret begins with.
pub const SYMMETRIC_PREFIX: &str = "whsec_";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret as it lies in the table: AES-256-GCM, nonce in front, base64.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(pub String);

impl fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_a_standard_spelling() {
        let standard = |text: &str| Secret::new(text).standard().as_str().map(str::to_owned);
        assert_eq!(standard("whsec_c2VjcmV0").as_deref(), Some("whsec_c2VjcmV0"));
        assert_eq!(
            standard("your_shared_secret").as_deref(),
            Some("whsec_eW91cl9zaGFyZWRfc2VjcmV0")
        );
        assert_eq!(standard("whsec_!").as_deref(), Some("whsec_d2hzZWNfIQ=="));
    }

    #[test]
    fn a_secret_does_not_print() {
        let printed =
            format!("{:?} {:?}", Secret::new(*b"hunter2"), SealedSecret("hunter2".into()));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
