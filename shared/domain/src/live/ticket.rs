//! Tickets: texts that open one connection, once, within seconds.
//!
//! A browser cannot send a header with the upgrade of a WebSocket, and a key in a URL would lie in
//! logs. So a caller changes its key for a ticket, which is worth nothing after its use. The table
//! holds the ticket's hash, and whoever removes that has used the ticket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::grant::Grant;
use crate::time::Timestamp;

/// The time within which a ticket opens a connection.
pub const LIFE: Duration = Duration::from_secs(30);
/// The text that every ticket begins with.
const PREFIX: &str = "rlt_";
/// The length of a ticket behind its prefix: 32 random bytes in hex.
const DIGITS: usize = 64;

/// A ticket, as the table holds it under the hash of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The topics that the connection may hear, and until when.
    pub grant: Grant,
    /// The `Origin` of the request that made the ticket. The upgrade must have the same. `None` if the
    /// request had none, as a program's: the program gives the ticket to whom it likes.
    pub origin: Option<String>,
    /// The time from which the ticket opens nothing.
    pub expires_at: Timestamp,
}

impl Ticket {
    /// The text of a ticket made of 32 random bytes.
    pub fn text(bytes: [u8; 32]) -> String {
        format!("{PREFIX}{}", hex::encode(bytes))
    }

    /// The hash under which the table holds the ticket with this text: SHA-256 in hex. `None` if the
    /// text has not the form of a ticket. The text has 256 random bits, so a fast hash is enough.
    pub fn hash(text: &str) -> Option<String> {
        let digits = text.strip_prefix(PREFIX)?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (digits.len() == DIGITS && digits.bytes().all(hex))
            .then(|| hex::encode(Sha256::digest(text)))
    }

    /// Whether the ticket opens a connection whose upgrade has this `Origin`. A page's ticket opens none
    /// for `null`, which every page in a sandbox sends.
    pub fn admits(&self, origin: Option<&str>, now: Timestamp) -> bool {
        let fits = match self.origin.as_deref() {
            None => true,
            Some(own) => own != "null" && origin == Some(own),
        };
        now < self.expires_at && fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ApplicationId;

    #[test]
    fn a_ticket_opens_from_its_own_origin_within_its_time() {
        let now = Timestamp::from_secs(1_700_000_000);
        let end = now.plus(LIFE);
        let ticket = |origin: Option<&str>| Ticket {
            grant: Grant {
                scope: crate::key::KeyScope::Read,
                key: "k".to_owned(),
                application: Some(ApplicationId::named("acme")),
                only: None,
                portal: None,
                expires_at: now.plus(Duration::from_secs(7200)),
            },
            origin: origin.map(str::to_owned),
            expires_at: end,
        };
        let page = "https://app.example";
        for (made, asked, opens) in [
            (Some(page), Some(page), true),
            (None, None, true),
            (Some(page), None, false),
            (None, Some(page), true),
            (None, Some("null"), true),
            (Some(page), Some("https://app.example:444"), false),
            (Some(page), Some("http://app.example"), false),
            (Some(page), Some("https://evil.example"), false),
            (Some("null"), Some("null"), false),
        ] {
            assert_eq!(ticket(made).admits(asked, now), opens, "{made:?} {asked:?}");
            assert!(!ticket(made).admits(asked, end), "{made:?} {asked:?}");
        }
        assert!(ticket(None).admits(None, Timestamp(end.0 - 1)));
    }

    #[test]
    fn a_ticket_is_kept_by_its_hash() {
        let text = Ticket::text([7; 32]);
        let hash = Ticket::hash(&text).expect("a ticket");
        assert!(hash.len() == 64 && !text.contains(&hash));
        assert_ne!(Ticket::hash(&Ticket::text([8; 32])), Some(hash));
        let (upper, short) = (text.replace("07", "0A"), text[..text.len() - 1].to_owned());
        for other in ["", "rlt_", "rk_a_b", &upper, &short, &format!("{text}0"), &text[4..]] {
            assert_eq!(Ticket::hash(other), None, "{other}");
        }
    }
}
