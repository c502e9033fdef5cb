//! API keys: bearer tokens `rk_<id>_<secret>`, of which the table holds a hash; and the
//! administrator's key, which is deployed with the relay.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{id::ApplicationId, secret::Secret, time::Timestamp};

/// The operations that a key allows; each scope includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Reads everything except secrets.
    Read,
    /// Reads what [`Self::Read`] does, and publishes messages.
    Publish,
    /// Does everything that the API offers.
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
    /// The name that people read in the list of keys.
    pub name: String,
    /// The time at which the key was made.
    pub created_at: Timestamp,
    /// A time of a request with the key, at most [`USE_NOTED_EVERY`] before the last one; `None` if there
    /// was none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// Time within which uses of a key are noted once.
pub const USE_NOTED_EVERY: Duration = Duration::from_secs(600);

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

    /// Whether a use of the key at this time is to be noted.
    pub fn is_use_to_note(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|last| USE_NOTED_EVERY <= now.since(last))
    }

    /// Whether `secret` is the secret part of this key; compared in constant time.
    pub fn opens(&self, secret: &str) -> bool {
        Self::hash(secret).as_bytes().ct_eq(self.hash.as_bytes()).into()
    }
}

/// The id of the administrator's key, which is not in the table and cannot be revoked.
pub const ADMIN_ID: &str = "admin";
/// Shortest administrator's key, in characters.
pub const MIN_ADMIN_KEY: usize = 24;
/// Prefix of the deployed administrator's key, which its stored text may lack.
const ADMIN_PREFIX: &str = "rk_admin_";

/// The administrator's key: any text of at least [`MIN_ADMIN_KEY`] characters that can stand in a
/// header. Its `Debug` prints nothing of it.
#[derive(Clone, Debug)]
pub struct AdminKey(Secret);

/// The reason why a text is no administrator's key. The text is not part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdminKey {
    /// The text has fewer than [`MIN_ADMIN_KEY`] characters.
    #[error(
        "the admin key has {0} characters and needs at least {MIN_ADMIN_KEY}; choose a longer one"
    )]
    Short(usize),
    /// The text has control characters, or spaces at an end.
    #[error(
        "the admin key begins or ends with a space or holds a control character, which no header can carry"
    )]
    Unprintable,
}

impl AdminKey {
    /// Takes a text as the key.
    ///
    /// # Errors
    /// [`InvalidAdminKey`] if the text is too short or cannot stand in a header.
    pub fn parse(text: &str) -> Result<Self, InvalidAdminKey> {
        if text.trim() != text || text.contains(char::is_control) {
            return Err(InvalidAdminKey::Unprintable);
        }
        match text.chars().count() {
            short if short < MIN_ADMIN_KEY => Err(InvalidAdminKey::Short(short)),
            _ => Ok(Self(Secret::new(text))),
        }
    }

    /// The text, for whoever may see it.
    pub fn reveal(&self) -> &str {
        self.0.as_str().unwrap_or_default()
    }

    /// Whether a bearer token is the key; compared in constant time. A key whose text lacks the prefix
    /// `rk_admin_` may be sent with it or without.
    pub fn opens(&self, bearer: &str) -> bool {
        let same = |sent: &str| -> bool {
            Sha256::digest(sent).ct_eq(&Sha256::digest(self.reveal())).into()
        };
        let bare = bearer.strip_prefix(ADMIN_PREFIX);
        let bare = bare.filter(|_| !self.reveal().starts_with(ADMIN_PREFIX));
        same(bearer) || bare.is_some_and(same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_of_24_characters_is_an_admin_key() {
        let texts = [
            "my-own-admin-key-of-40-characters-000000",
            "rk_x_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "rk_admin_0123456789abcdef",
            "four words and a space in them",
            "schlüssel-mit-24-zeichen",
        ];
        for text in texts {
            let key = AdminKey::parse(text).expect(text);
            assert!(key.opens(text), "{text}");
            assert!(!key.opens(&text[1..]) && !key.opens(""), "{text}");
            assert!(!format!("{key:?}").contains(text), "{text}");
            assert_eq!(key.opens(&format!("rk_admin_{text}")), !text.starts_with("rk_admin_"));
        }
        // As it stands in Secrets Manager, and as it is sent.
        let deployed =
            AdminKey::parse("0123456789abcdefghijABCDEFGHIJ0123456789abc").expect("long");
        assert!(deployed.opens("rk_admin_0123456789abcdefghijABCDEFGHIJ0123456789abc"));
    }

    #[test]
    fn a_short_admin_key_is_refused_with_the_reason() {
        for short in ["", "my-key", "rk_admin_a", "12345678901234567890123"] {
            let refused = AdminKey::parse(short).expect_err("refused");
            assert_eq!(refused, InvalidAdminKey::Short(short.len()));
            assert!(short.is_empty() || !refused.to_string().contains(short));
        }
        for odd in [
            " 123456789012345678901234",
            "123456789012345678901234\n",
            "1234567890\u{0}12345678901234",
        ] {
            assert_eq!(AdminKey::parse(odd).expect_err("refused"), InvalidAdminKey::Unprintable);
        }
    }

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
            last_used_at: None,
        };
        assert!(key.opens(secret));
        assert!(!key.opens("0123456789abcdef01234568"));
        for bad in ["", "rk_", "rk_abc", "rk__0123456789abcdef01234567", "rk_a_short", "Bearer x"] {
            assert!(ApiKey::split(bad).is_none(), "{bad}");
        }
        assert!(KeyScope::Read < KeyScope::Publish && KeyScope::Publish < KeyScope::Admin);
    }
}
