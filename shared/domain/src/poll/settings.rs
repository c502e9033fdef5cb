//! The settings about polling that the owner of a source chooses.

use serde::{Deserialize, Serialize};

/// Default of `interval_seconds`: a minute, which is how often the sweep comes.
pub const INTERVAL: u64 = 60;
/// Default of `concurrency`: few, so that polling stays below a platform's rate limit.
pub const CONCURRENCY: usize = 4;
/// Longest deadline, and longest time past it, in seconds: seven days each, which together is the
/// shortest retention.
pub const MAX_DEADLINE: u64 = 604_800;

/// The part that polling has beside webhooks (R0.22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollMode {
    /// The platform is asked from the start, beside its webhooks, and the two are compared.
    Dual,
    /// Webhooks come first; the platform is asked once a report is overdue.
    Primary,
    /// The platform is never asked.
    Only,
}

/// The intervals and bounds of polling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PollPace {
    /// Shortest wait between two polls of one job, in seconds; [`INTERVAL`] if not set. A job that
    /// is long overdue is polled less often.
    pub interval_seconds: Option<u64>,
    /// Seconds past the deadline after which a job times out.
    pub give_up_after_seconds: Option<u64>,
    /// The number of the source's jobs that are polled at the same time; [`CONCURRENCY`] if not
    /// set.
    pub concurrency: Option<usize>,
}
