//! Polling: a job's platform is asked about a completion that never came, until the relay stops
//! asking.
//!
//! A job carries the time of the next poll (`poll_at`), written in the same step that makes the
//! poll necessary, so no crash loses it. The time is moved on before the platform is asked: of two
//! workers, the second finds it moved.

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
    compose::{ComposedReport, compose, end_report, timed_out},
    method::CancelMethod,
    missed::missed_event,
    platform::{AnswerPaths, InvalidPlatform, PlatformKind, PollPlatform, PollRequest},
    schedule::{PollSchedule, PollStep, expect, heard, missed, postponed},
    settings::{CONCURRENCY, INTERVAL, MAX_DEADLINE, PollMode, PollPace},
};

#[cfg(test)]
mod tests;
