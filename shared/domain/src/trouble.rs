//! Troubles of the whole relay: what the sweep finds wrong from round to round, so that one alarm can
//! stand for many.
//!
//! CloudWatch would judge each figure by an alarm of its own and bills each. The sweep has the figures
//! anyway, and keeps what it needs of earlier rounds (a [`Watch`], less than a kilobyte) in the item that
//! it writes in each round.

mod watch;

use serde::{Deserialize, Serialize};

pub use self::watch::{MinuteCounts, RoundFacts, Watch, WatchedQueue};

/// Receives after which a message that fails again goes back "again and again". The first is no news, and
/// the second may meet the same short fault of AWS.
pub const TROUBLED_RECEIVES: u32 = 3;

/// A kind of trouble that the relay finds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// A message became a dead letter, because it could not be read or not be processed for days.
    MessageParked,
    /// A message has gone back to its queue for the third time or more.
    ItemsFailed,
    /// For 30 minutes the inbox has held more than was recorded in a minute.
    InboxStuck,
    /// For 30 minutes the outbox has held more than five times what was attempted in a minute.
    OutboxStuck,
    /// For an hour the dead-letter queue has not been found empty.
    DeadLettersStuck,
    /// A message about live updates failed three times.
    LiveDeadLetters,
    /// In three of five rounds something had been due for more than five minutes.
    DueLag,
    /// Within 75 minutes, a delivery was seen that had not been attempted for 15 minutes.
    OldestWaiting,
    /// In three of six periods of five minutes many requests of sources were refused.
    Refusals,
    /// In each of three periods of five minutes deliveries were attempted and none arrived.
    NothingDelivered,
}

impl Trouble {
    /// Every kind of trouble.
    pub const ALL: [Self; 10] = [
        Self::MessageParked,
        Self::ItemsFailed,
        Self::InboxStuck,
        Self::OutboxStuck,
        Self::DeadLettersStuck,
        Self::LiveDeadLetters,
        Self::DueLag,
        Self::OldestWaiting,
        Self::Refusals,
        Self::NothingDelivered,
    ];

    /// The name in the API, in logs and as the property `kind` of the metric `trouble`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::MessageParked => "message_parked",
            Self::ItemsFailed => "items_failed",
            Self::InboxStuck => "inbox_stuck",
            Self::OutboxStuck => "outbox_stuck",
            Self::DeadLettersStuck => "dead_letters_stuck",
            Self::LiveDeadLetters => "live_dead_letters",
            Self::DueLag => "due_lag",
            Self::OldestWaiting => "oldest_waiting",
            Self::Refusals => "refusals",
            Self::NothingDelivered => "nothing_delivered",
        }
    }

    /// A sentence that says what is wrong and where to look.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::MessageParked => {
                "A message could not be read, or not be processed for days, and waits as a dead letter."
            }
            Self::ItemsFailed => {
                "Messages go back to their queues again and again. See the log of the queue's function."
            }
            Self::InboxStuck => {
                "Accepted events are not being processed. See the log of the process function."
            }
            Self::OutboxStuck => {
                "Deliveries are not being made. See the log of the deliver function and its concurrency."
            }
            Self::DeadLettersStuck => {
                "Dead letters are not being parked and tasks stand still. See the log of the redeliver function."
            }
            Self::LiveDeadLetters => {
                "Messages about live updates could not be worked on. See the log of the live function."
            }
            Self::DueLag => {
                "What is due is rung for more than five minutes late. See the log of the sweep function."
            }
            Self::OldestWaiting => {
                "A delivery that is due was not attempted for 15 minutes. See the log of the deliver function."
            }
            Self::Refusals => {
                "Many requests of senders are refused; a secret may have been changed. GET /v1/refusals says which and why."
            }
            Self::NothingDelivered => {
                "Deliveries are attempted and none arrives. See the way out of the deliver function, and GET /v1/endpoints."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_stored_under_its_word() {
        for trouble in Trouble::ALL {
            let word = serde_json::to_value(trouble).expect("plain data");
            assert_eq!(word, trouble.word());
        }
    }
}
