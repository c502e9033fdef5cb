//! Outcome of an attempt, and the reason for which it is made.

use std::time::Duration;

use domain::{delivery::Delivery, time::Timestamp};

/// Outcome of trying to attempt a delivery.
#[derive(Debug)]
pub enum AttemptOutcome {
    /// The endpoint was called; the delivery as it is after the call.
    Called(Box<Delivery>),
    /// The delivery was handed to whoever listens, and is concluded when the answer comes.
    HandedOver(Box<Delivery>),
    /// Nothing was called: the delivery had ended before, or ended now without a call.
    Ended(Box<Delivery>),
    /// Another worker holds the delivery.
    Busy,
    /// The delivery is not attempted before this time, and no attempt was spent.
    Early(Timestamp),
    /// Another worker took the delivery during the call. The outcome of the call was not written down.
    Stale,
    /// There is no such delivery.
    Unknown,
}

/// Reason for which an attempt is made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptReason {
    /// Whether a person asked for the attempt, and waits for its outcome.
    pub(crate) manual: bool,
    /// Longest time that the call may take, if that is less than the policy allows.
    pub(crate) limit: Option<Duration>,
    /// Number of the doorbell in its chain, where each attempt rang for the next one.
    pub(crate) hops: u8,
}
