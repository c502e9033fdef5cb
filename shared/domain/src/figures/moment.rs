//! The minutes and hours that figures belong to.

use std::time::Duration;

use crate::time::Timestamp;

/// Items that one minute of an application is spread over, so that instances seldom write to the same
/// one at the same moment.
pub const SHARDS: u8 = 4;
/// The time for which figures are kept by the minute.
pub const MINUTES_KEPT: Duration = Duration::from_secs(48 * 3600);
/// The time after the end of an hour at which its minutes are added up. No function runs for longer
/// than six minutes, so that nothing is added to the hour any more.
pub const FOLD_AFTER: Duration = Duration::from_secs(600);

/// A minute, counted from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(pub u64);

/// An hour, counted from 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hour(pub u64);

impl Minute {
    /// The minute that this instant lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.secs() / 60)
    }

    /// The first instant of the minute.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(60))
    }

    /// The hour that the minute lies in.
    pub const fn hour(self) -> Hour {
        Hour(self.0 / 60)
    }
}

impl Hour {
    /// The hour that this instant lies in.
    pub const fn of(at: Timestamp) -> Self {
        Self(at.secs() / 3600)
    }

    /// The first instant of the hour.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(3600))
    }

    /// The hour after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The first minute of the hour.
    pub const fn minute(self) -> Minute {
        Minute(self.0.saturating_mul(60))
    }

    /// The last hour whose minutes can be added up at this time: it ended [`FOLD_AFTER`] ago.
    pub fn last_complete(now: Timestamp) -> Self {
        let settled = Timestamp(now.0.saturating_sub(millis(FOLD_AFTER)));
        Self(Self::of(settled).0.saturating_sub(1))
    }

    /// The first hour of which all minutes are still kept at this time.
    pub fn first_kept(now: Timestamp) -> Self {
        Self::of(Timestamp(now.0.saturating_sub(millis(MINUTES_KEPT)))).next()
    }
}

const fn millis(duration: Duration) -> u64 {
    duration.as_secs() * 1000
}
