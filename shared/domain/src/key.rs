//! API keys: bearer tokens `rk_<id>_<secret>`, of which the table holds a hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{id::ApplicationId, time::Timestamp};

/// The operations that a key allows; each scope includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Reading everything but secrets.
    Read,
    /// Reading, and publishing messages.
    Publish,
    /// All operations.
    Admin,
}

/// An API key, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The first part of the key, which may be shown.
    pub id: String,
    /// SHA-256 of the secret part, as hex. The secret is 256 random bits, so a fast hash is enough.
    pub hash: String,
    /// The operations that the key allows.
    pub scope: KeyScope,
    /// The one application that the key sees; `None` for all of them.
    pub application: Option<ApplicationId>,
    /// A name for people.
    pub name: String,
    /// The time of creation.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Splits a bearer token `rk_<id>_<secret>` into id and secret. `None` unless both are letters
    /// and digits, the id 1 to 32 and the secret 24 to 128 of them.
    pub fn split(bearer: &str) -> Option<(&str, &str)> {
        let (id, secret) = bearer.strip_prefix("rk_")?.split_once('_')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = (1..=32).contains(&id.len()) && (24..=128).contains(&secret.len());
        (fits && plain(id) && plain(secret)).then_some((id, secret))
    }

    /// The hash of a key's secret part that the table holds: SHA-256 in hex.
    pub fn hash(secret: &str) -> String {
        hex::encode(Sha256::digest(secret))
    }

    /// Whether `secret` is the secret part of this key; compared in constant time.
    pub fn opens(&self, secret: &str) -> bool {
        Self::hash(secret).as_bytes().ct_eq(self.hash.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_opens_with_its_own_secret_only() {
        let (id, secret) = ApiKey::split("rk_abc_0123456789abcdef01234567").expect("a key");
        let key = ApiKey {
            id: id.to_owned(),
            hash: ApiKey::hash(secret),
            scope: KeyScope::Read,
            application: None,
            name: String::new(),
            created_at: Timestamp(0),
        };
        assert!(key.opens(secret));
        assert!(!key.opens("0123456789abcdef01234568"));
        for bad in ["", "rk_", "rk_abc", "rk__0123456789abcdef01234567", "rk_a_short", "Bearer x"] {
            assert!(ApiKey::split(bad).is_none(), "{bad}");
        }
        assert!(KeyScope::Read < KeyScope::Publish && KeyScope::Publish < KeyScope::Admin);
    }
}
