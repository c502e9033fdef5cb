//! Sessions: the right of a web page to call the API for some hours, without the API key that it was
//! made from.
//!
//! A key makes a one-time code, which may travel in the fragment of a URL. Whoever has the code changes
//! it for a session, once and within a minute. The table holds only hashes of codes and sessions.
//!
//! A key also hands out portals ([`crate::portal`]): sessions with less than the key's right.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{id::ApplicationId, key::KeyScope, portal::Portal, time::Timestamp};

/// The time within which a code opens a session.
pub const CODE_LIFE: Duration = Duration::from_secs(60);
/// The time after which a session ends by itself.
pub const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Wrong codes that an address may send within a minute.
pub const MAX_WRONG: u32 = 5;
/// The text that every code begins with.
const CODE_PREFIX: &str = "rc_";
/// The text that every session begins with.
const PREFIX: &str = "rs_";
/// The length of both behind the prefix: 32 random bytes in hex.
const DIGITS: usize = 64;

/// The right that a code or a session carries: that of its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionGrant {
    /// The id of the API key. The right ends when that key is revoked.
    pub key: String,
    /// A mark of the administrator's key, which keeps its id when it is changed; `None` for keys of the
    /// table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_mark: Option<String>,
    /// The scope of the key.
    pub scope: KeyScope,
    /// The one application that the key sees; `None` for all of them.
    pub application: Option<ApplicationId>,
    /// The right of a portal's session, which is not the right of the key; `None` for the others. One
    /// that was kept before there were portals has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<Portal>,
}

/// A code or a session, as the table holds it under the hash of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The right that it carries.
    pub grant: SessionGrant,
    /// The time at which the session was opened.
    pub created_at: Timestamp,
    /// The time from which it opens nothing.
    pub expires_at: Timestamp,
}

impl Session {
    /// A right that begins now and lasts for `life`.
    pub fn new(grant: SessionGrant, now: Timestamp, life: Duration) -> Self {
        Self { grant, created_at: now, expires_at: now.plus(life) }
    }

    /// The session that this code opens at `now`: for [`LIFE`], or until its portal ends.
    pub fn opened(self, now: Timestamp) -> Self {
        let mut session = Self::new(self.grant, now, LIFE);
        if let Some(portal) = &session.grant.portal {
            session.expires_at = portal.ends_at;
        }
        session
    }

    /// Whether it still opens anything.
    pub fn lasts(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// The text of a code made of 32 random bytes.
    pub fn code(bytes: [u8; 32]) -> String {
        format!("{CODE_PREFIX}{}", hex::encode(bytes))
    }

    /// The text of a session made of 32 random bytes.
    pub fn token(bytes: [u8; 32]) -> String {
        format!("{PREFIX}{}", hex::encode(bytes))
    }

    /// The hash under which the table holds the code with this text: SHA-256 in hex. `None` if the text
    /// has not the form of a code. The text has 256 random bits, so a fast hash is enough.
    pub fn code_hash(text: &str) -> Option<String> {
        hash(CODE_PREFIX, text)
    }

    /// The hash under which the table holds the session with this text; `None` if the text has not the
    /// form of one.
    pub fn token_hash(text: &str) -> Option<String> {
        hash(PREFIX, text)
    }
}

fn hash(prefix: &str, text: &str) -> Option<String> {
    let digits = text.strip_prefix(prefix)?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (digits.len() == DIGITS && digits.bytes().all(hex)).then(|| hex::encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_no_session_and_neither_is_kept_as_it_is() {
        let (code, token) = (Session::code([7; 32]), Session::token([7; 32]));
        let (kept, held) = (Session::code_hash(&code), Session::token_hash(&token));
        let (kept, held) = (kept.expect("a code"), held.expect("a session"));
        assert_ne!(kept, held);
        assert!(kept.len() == 64 && !code.contains(&kept) && !token.contains(&held));
        assert_eq!((Session::code_hash(&token), Session::token_hash(&code)), (None, None));
        let (upper, short) = (code.replace("07", "0A"), &code[..code.len() - 1]);
        for other in ["", "rc_", "rk_a_b", &upper, short, &format!("{code}0"), &code[3..]] {
            assert_eq!(Session::code_hash(other), None, "{other}");
        }
    }

    #[test]
    fn a_session_lasts_until_its_end() {
        let now = Timestamp::from_secs(1_700_000_000);
        let grant = SessionGrant {
            key: "k".to_owned(),
            admin_mark: None,
            scope: KeyScope::Read,
            application: None,
            portal: None,
        };
        let session = Session::new(grant, now, CODE_LIFE);
        let end = now.plus(CODE_LIFE);
        assert!(session.lasts(Timestamp(end.0 - 1)) && !session.lasts(end));
    }
}
