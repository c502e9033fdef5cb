//! The results of checks, and the words in which they are told.

use std::{fmt::Write, time::Duration};

use domain::time::Timestamp;

/// The results of the checks, one line each.
#[derive(Debug, Default)]
pub(super) struct Findings {
    text: String,
    failed: bool,
}

impl Findings {
    /// Adds a line for a check that passed.
    pub(super) fn pass(&mut self, what: &str, found: impl std::fmt::Display) {
        let _ = writeln!(self.text, "ok    {what}: {found}");
    }

    /// Adds a line for a check that failed, which makes the whole fail.
    pub(super) fn fail(&mut self, what: &str, found: impl std::fmt::Display) {
        self.failed = true;
        let _ = writeln!(self.text, "FAIL  {what}: {found}");
    }

    /// Adds something that its owner should look at, although nothing failed.
    pub(super) fn warn(&mut self, what: &str, found: impl std::fmt::Display) {
        let _ = writeln!(self.text, "look  {what}: {found}");
    }

    /// Whether one of the checks failed.
    pub(super) const fn failed(&self) -> bool {
        self.failed
    }

    /// The results of all checks as text, a line each.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A time that has passed: `40 minutes`, `1 second`, `3 days`.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(count, unit)
}

/// The number with its noun, in the plural unless it is 1: `1 request`, `14 requests`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// The distance of a time of the API from now, such as `5 minutes ago`; `at an unknown time` if it cannot be
/// read.
pub(super) fn ago(at: Option<&str>, now: Timestamp) -> String {
    match at.and_then(Timestamp::parse_rfc3339) {
        Some(at) => format!("{} ago", span(now.since(at))),
        None => "at an unknown time".to_owned(),
    }
}

/// A text of the relay's API that strangers may have chosen, without control characters and cut.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(300).collect()
}
