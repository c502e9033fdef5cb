//! Connections: how long they live, and what is kept of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{grant::Grant, protocol::Protocol};
use crate::time::Timestamp;

/// The time after which API Gateway closes a connection, whatever it does.
pub const LIFE: Duration = Duration::from_secs(2 * 3600);
/// The time for which items of a connection are kept, unless they are removed with it: the life of
/// the connection, and ten minutes for what is still under way.
pub const KEPT: Duration = Duration::from_secs(2 * 3600 + 600);
/// The time after which the key behind a connection is looked at again, when something is pushed. A
/// connection whose key was revoked hears nothing from then on.
pub const RECHECK: Duration = Duration::from_secs(300);
/// The time without traffic after which a connection of Socket.IO is sent a packet. API Gateway closes
/// what is silent for ten minutes, and the sweep that looks for such connections runs every minute.
pub const SILENCE: Duration = Duration::from_secs(480);
/// The time for which an application counts as watched after somebody looked. News of an application
/// that nobody watches are not sent.
pub const WATCHED: Duration = Duration::from_secs(600);

/// A connection, as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveConnection {
    /// The id that API Gateway gave it.
    pub id: String,
    /// The protocol that it speaks.
    pub protocol: Protocol,
    /// The topics that it may hear, and until when.
    pub grant: Grant,
    /// The time at which it was accepted.
    pub opened_at: Timestamp,
}

impl LiveConnection {
    /// The time at which the connection ends: its own end, or before that the end of its right.
    pub fn ends_at(&self) -> Timestamp {
        self.opened_at.plus(LIFE).min(self.grant.expires_at)
    }
}

/// Whether a connection whose last traffic was then has been silent for [`SILENCE`].
pub fn is_silent(last_traffic: Timestamp, now: Timestamp) -> bool {
    last_traffic.plus(SILENCE) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_silent_two_rounds_of_the_sweep_before_it_is_closed() {
        let now = Timestamp::from_secs(1_700_000_000);
        let silent = |secs| is_silent(now, now.plus(Duration::from_secs(secs)));
        assert!(!silent(0) && !silent(479) && silent(480) && silent(599));
    }

    #[test]
    fn a_connection_ends_with_its_life_or_its_right() {
        let now = Timestamp::from_secs(1_700_000_000);
        for (right, end) in [(60, 60), (7200, 7200), (86_400, 7200)] {
            let connection = LiveConnection {
                id: "c=".to_owned(),
                protocol: Protocol::Json,
                grant: Grant {
                    key: "k".to_owned(),
                    scope: crate::key::KeyScope::Read,
                    application: None,
                    only: None,
                    portal: None,
                    expires_at: now.plus(Duration::from_secs(right)),
                },
                opened_at: now,
            };
            assert_eq!(connection.ends_at(), now.plus(Duration::from_secs(end)));
        }
    }
}
