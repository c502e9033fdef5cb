//! Who may use the API: bearer keys `rk_<id>_<secret>`, hashed at rest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::time::Timestamp;

/// What a key may do; each scope contains the ones after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Read everything but secrets.
    Read,
    /// Read, and publish messages.
    Publish,
    /// Everything.
    Admin,
}

/// A key, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The part that may be shown.
    pub id: String,
    /// SHA-256 of the secret part, as hex. The secret is 256 random bits, so a fast hash is enough.
    pub hash: String,
    /// What it may do.
    pub scope: KeyScope,
    /// The one application it may see, by id; all of them if `None`.
    pub application: Option<String>,
    /// For people.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Splits `rk_<id>_<secret>`.
    pub fn split(bearer: &str) -> Option<(&str, &str)> {
        let (id, secret) = bearer.strip_prefix("rk_")?.split_once('_')?;
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = (1..=32).contains(&id.len()) && (24..=128).contains(&secret.len());
        (fits && plain(id) && plain(secret)).then_some((id, secret))
    }

    /// What is kept of a secret part.
    pub fn hash(secret: &str) -> String {
        hex::encode(Sha256::digest(secret))
    }

    /// Whether this is the secret, in constant time.
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
