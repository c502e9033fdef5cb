//! Listeners: endpoints whose deliveries go to a program that is connected over WebSocket, such as
//! `relay listen`.
//!
//! A delivery to a listener is claimed as any other, and handed to the connection with the claim's
//! token. The program makes the call itself and sends back how it went. The token decides whether that
//! still counts. Nobody connected means that nothing is attempted: the delivery waits.

mod hand_over;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::hand_over::{
    HandOver, HandedAnswer, HandedDelivery, HandedOutcome, HandedRequest, HandedToken,
    InvalidToken, MAX_ANSWER, MAX_INLINE,
};
use crate::{
    id::{ApplicationId, EndpointId, is_identifier},
    live::protocol::Protocol,
    retry::Policy,
    time::Timestamp,
};

/// The text that the address of every listener begins with.
pub const SCHEME: &str = "listener:";
/// Longest name of a listener, in bytes.
pub const MAX_NAME: usize = 64;
/// The time after which a listener that nobody used is removed: seven days.
pub const UNSEEN: Duration = Duration::from_secs(7 * 86_400);
/// The time after which the sweep looks at a delivery that waits for its listener. Whoever begins to
/// listen has everything that waits rung at once; this is for a listener that was removed meanwhile.
pub const LOOK_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// Most waiting deliveries that are rung for at once. A listener that has worked them off asks again.
pub const PAGE: usize = 100;
/// Waits before each retry, in seconds: a server that is being edited is back within minutes.
const LADDER: [u32; 4] = [5, 30, 120, 600];

/// A listener, as the table holds it under its name. The endpoint lies beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The application whose events it hears.
    pub application: ApplicationId,
    /// The name, unique within the application.
    pub name: String,
    /// The endpoint that its deliveries are made to.
    pub endpoint: EndpointId,
    /// The time at which somebody last asked for it.
    pub seen_at: Timestamp,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

impl Listener {
    /// The time from which the listener is removed, unless somebody uses it before.
    pub fn ends_at(&self) -> Timestamp {
        self.seen_at.plus(UNSEEN)
    }

    /// The listener after somebody used it.
    #[must_use]
    pub fn seen(&self, now: Timestamp) -> Self {
        Self { seen_at: now.max(self.seen_at), version: self.version + 1, ..self.clone() }
    }
}

/// The connection that hears a listener. There is one at most: who comes later takes over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The id of the connection.
    pub connection: String,
    /// The protocol that the connection speaks.
    pub protocol: Protocol,
    /// The time at which the connection ends at the latest.
    pub until: Timestamp,
    /// The time from which on deliveries are wanted. Those that could be attempted before it are left
    /// waiting. `None` for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Timestamp>,
}

impl Listening {
    /// Whether a delivery that may be attempted from `next_at` on is handed to the connection at `now`.
    pub fn hears(&self, next_at: Timestamp, now: Timestamp) -> bool {
        now < self.until && self.after.is_none_or(|after| after <= next_at)
    }
}

/// Whether text can be the name of a listener: 1 to [`MAX_NAME`] of `A-Z a-z 0-9 - _ .`.
pub fn is_name(text: &str) -> bool {
    is_identifier(text, MAX_NAME)
}

/// The address of the listener of this name, in place of an endpoint's URL.
pub fn address(name: &str) -> String {
    format!("{SCHEME}{name}")
}

/// The name of the listener with this address; `None` for any other URL.
pub fn name_of(url: &str) -> Option<&str> {
    url.strip_prefix(SCHEME).filter(|name| is_name(name))
}

/// The retry policy of a listener, unless its owner sets another: five attempts within 13 minutes.
pub fn policy() -> Policy {
    let retries = u8::try_from(LADDER.len()).unwrap_or(u8::MAX);
    Policy { delays: LADDER.to_vec(), max_retries: retries, ..Policy::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_listener_names_it_and_no_url_does() {
        for name in ["a", "laptop-ann", "x.y_z", &"n".repeat(MAX_NAME)] {
            assert_eq!(name_of(&address(name)), Some(name));
        }
        let long = address(&"n".repeat(MAX_NAME + 1));
        for url in ["listener:", "listener:a b", "listener:a/b", "Listener:a", "https://a/", &long]
        {
            assert_eq!(name_of(url), None, "{url}");
        }
    }

    #[test]
    fn a_connection_hears_until_it_ends_and_not_what_came_before_it_began_to() {
        let now = Timestamp::from_secs(1_700_000_000);
        for (until, after, hears) in [
            (1, None, true),
            (0, None, false),
            (1, Some(now), true),
            (1, Some(Timestamp(now.0 + 1)), false),
        ] {
            let until = Timestamp(now.0 + until);
            let connection = "c=".to_owned();
            let listening = Listening { connection, protocol: Protocol::Json, until, after };
            assert_eq!(listening.hears(now, now), hears, "{listening:?}");
        }
    }

    #[test]
    fn a_listener_is_removed_seven_days_after_it_was_last_seen() {
        let now = Timestamp::from_secs(1_700_000_000);
        let (application, endpoint) = (ApplicationId::named("a"), EndpointId::derive(&["e"]));
        let listener =
            Listener { application, name: "a".to_owned(), endpoint, seen_at: now, version: 1 };
        let later = now.plus(Duration::from_secs(60));
        let seen = listener.seen(later);
        assert_eq!((seen.seen_at, seen.version), (later, 2));
        assert_eq!(seen.ends_at(), later.plus(UNSEEN));
        assert_eq!(seen.seen(now).seen_at, later, "a clock that is late takes nothing back");
    }

    #[test]
    fn the_ladder_of_a_listener_is_within_the_bounds_of_any_policy() {
        let delays = LADDER.iter().map(|delay| i64::from(*delay)).collect();
        assert_eq!(Policy::of(None, None, Some(delays)), Ok(policy()));
    }
}
