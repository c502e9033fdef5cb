//! Checks of the settings about polling.

use super::{
    platform::{InvalidPlatform, PollPlatform},
    schedule::PollSchedule,
    settings::{MAX_DEADLINE, PollMode},
};
use crate::source::SourceOptions;

/// The reason why settings about polling are refused. The message may be shown to the caller.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolling {
    /// `deadline_seconds` is out of bounds.
    #[error("is 1 to {MAX_DEADLINE}")]
    Deadline,
    /// The mode asks the platform, and there is none.
    #[error("`dual` and `primary` ask the platform, so they need `platform`")]
    Mode,
    /// The senders do not sign, and no platform could confirm what they report.
    #[error(
        "senders of this profile do not sign, so how a job ended is believed once its platform says so; it needs `platform`, and a mode that asks it"
    )]
    Unsigned,
    /// `interval_seconds` is out of bounds.
    #[error("interval_seconds is 1 to 3600")]
    Interval,
    /// `give_up_after_seconds` is out of bounds.
    #[error("give_up_after_seconds is 1 to {MAX_DEADLINE}")]
    GiveUp,
    /// `concurrency` is out of bounds.
    #[error("concurrency is 1 to 32")]
    Concurrency,
    /// The platform cannot be asked as described.
    #[error("{0}")]
    Platform(#[from] InvalidPlatform),
}

impl InvalidPolling {
    /// The field of the request that is to be corrected.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline_seconds",
            Self::Mode => "mode",
            Self::Interval | Self::GiveUp | Self::Concurrency => "poll",
            Self::Platform(_) | Self::Unsigned => "platform",
        }
    }
}

/// Checks the settings about polling. `unsigned` says that the source's senders do not sign.
///
/// # Errors
/// If a value is out of bounds, the platform cannot be asked as described, or a platform is needed
/// and there is none.
pub fn validate(options: &SourceOptions, unsigned: bool) -> Result<(), InvalidPolling> {
    let within = |value: Option<u64>, most: u64| value.is_none_or(|n| (1..=most).contains(&n));
    if !within(options.deadline_seconds, MAX_DEADLINE) {
        return Err(InvalidPolling::Deadline);
    }
    if options.platform.is_none()
        && matches!(options.mode, Some(PollMode::Dual | PollMode::Primary))
    {
        return Err(InvalidPolling::Mode);
    }
    if unsigned && PollSchedule::of(options).mode == PollMode::Only {
        return Err(InvalidPolling::Unsigned);
    }
    if let Some(pace) = &options.poll {
        if !within(pace.interval_seconds, 3600) {
            return Err(InvalidPolling::Interval);
        }
        if !within(pace.give_up_after_seconds, MAX_DEADLINE) {
            return Err(InvalidPolling::GiveUp);
        }
        if pace.concurrency.is_some_and(|n| !(1..=32).contains(&n)) {
            return Err(InvalidPolling::Concurrency);
        }
    }
    options.platform.as_ref().map_or(Ok(()), PollPlatform::validate).map_err(Into::into)
}
