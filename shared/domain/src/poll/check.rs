//! Which settings about polling can be kept.

use super::{
    platform::{InvalidPlatform, PollPlatform},
    schedule::PollSchedule,
    settings::{MAX_DEADLINE, PollMode},
};
use crate::source::SourceOptions;

/// Why polling cannot be set up as asked. The caller may read this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolling {
    /// Out of bounds.
    #[error("is 1 to {MAX_DEADLINE}")]
    Deadline,
    /// Nobody to ask.
    #[error("`dual` and `primary` ask the platform, so they need `platform`")]
    Mode,
    /// Nobody to believe.
    #[error(
        "senders of this profile do not sign, so how a job ended is believed once its platform says so; it needs `platform`, and a mode that asks it"
    )]
    Unsigned,
    /// Out of bounds.
    #[error("interval_seconds is 1 to 3600")]
    Interval,
    /// Out of bounds.
    #[error("give_up_after_seconds is 1 to {MAX_DEADLINE}")]
    GiveUp,
    /// Out of bounds.
    #[error("concurrency is 1 to 32")]
    Concurrency,
    /// The platform itself.
    #[error("{0}")]
    Platform(#[from] InvalidPlatform),
}

impl InvalidPolling {
    /// The field of the request that is wrong.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Deadline => "deadline_seconds",
            Self::Mode => "mode",
            Self::Interval | Self::GiveUp | Self::Concurrency => "poll",
            Self::Platform(_) | Self::Unsigned => "platform",
        }
    }
}

/// Checks what a source says about asking; one whose senders do not sign must have somebody to ask.
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
