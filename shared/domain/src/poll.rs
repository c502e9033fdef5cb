//! Completions that never came: when a job's platform is asked, and when the relay stops asking.
//!
//! A job carries the time of the next look (`poll_at`), written in the same step that makes it
//! necessary, so no crash loses it. Marking comes before asking: who asks first moves that time on,
//! and whoever comes second finds it moved.

mod answer;
mod cancel;
mod check;
mod compose;
mod method;
mod missed;
mod platform;
mod schedule;
mod settings;

pub use self::{
    answer::{PollAnswer, PollResult},
    cancel::{CancelCall, CancelSettings},
    check::{InvalidPolling, validate},
    compose::{ComposedReport, compose, timed_out},
    method::CancelMethod,
    missed::missed_event,
    platform::{AnswerPaths, InvalidPlatform, PlatformKind, PollPlatform, PollRequest},
    schedule::{PollSchedule, PollStep, expect, heard, missed, postponed},
    settings::{CONCURRENCY, INTERVAL, MAX_DEADLINE, PollMode, PollPace},
};

#[cfg(test)]
mod tests;
