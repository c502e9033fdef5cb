//! What the owner of a source chooses about polling.

use serde::{Deserialize, Serialize};

/// Seconds between two looks at one job.
pub const INTERVAL: u64 = 60;
/// How many of a source's jobs are asked for at the same time.
pub const CONCURRENCY: usize = 4;
/// Longest deadline, and longest time past it: seven days each, which together is the shortest
/// retention.
pub const MAX_DEADLINE: u64 = 604_800;

/// How webhooks and polling share the work (R0.22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PollMode {
    /// The platform is asked from the start, beside its webhooks, and the two are compared.
    Dual,
    /// The platform is asked once an answer is overdue.
    Primary,
    /// The platform is never asked.
    Only,
}

/// How a platform is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PollPace {
    /// Seconds between two looks at one job; what is overdue for longer is looked at less often.
    pub interval_seconds: Option<u64>,
    /// Seconds past the deadline after which a job has timed out.
    pub give_up_after_seconds: Option<u64>,
    /// How many of a source's jobs are asked for at the same time.
    pub concurrency: Option<usize>,
}
