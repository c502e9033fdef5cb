//! What a sender says about a job, in our words.

use serde::{Deserialize, Serialize};

/// What a sender says about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Known, not started.
    Pending,
    /// Started.
    Running,
    /// Still running; a report, not a state.
    Progress,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ran out of time.
    TimedOut,
    /// Stopped by somebody.
    Cancelled,
}

impl JobStatus {
    /// Our word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running | Self::Progress => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the usual words mean; a profile may add its own.
    pub fn usual(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "pending" | "queued" | "in_queue" | "starting" | "created" => Self::Pending,
            "running" | "processing" | "in_progress" | "started" => Self::Running,
            "progress" => Self::Progress,
            "success" | "succeeded" | "successful" | "completed" | "complete" | "ok" => {
                Self::Succeeded
            }
            "failure" | "failed" | "error" => Self::Failed,
            "timeout" | "timed_out" | "timedout" => Self::TimedOut,
            "cancelled" | "canceled" | "stopped" | "aborted" => Self::Cancelled,
            _ => return None,
        })
    }

    /// Whether nothing follows it.
    pub const fn is_terminal(self) -> bool {
        3 <= self.rank()
    }

    /// pending < running < the terminal states; a job's rank never falls. A timed-out job ranks
    /// between: it may still be completed by the real answer.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running | Self::Progress => 1,
            Self::TimedOut => 3,
            Self::Succeeded | Self::Failed | Self::Cancelled => 4,
        }
    }

    /// The type of the event that tells subscribers.
    pub const fn event_type(self) -> Option<&'static str> {
        match self {
            Self::Pending => None,
            Self::Running => Some("job.started"),
            Self::Progress => Some("job.progress"),
            Self::Succeeded => Some("job.succeeded"),
            Self::Failed => Some("job.failed"),
            Self::TimedOut => Some("job.timed_out"),
            Self::Cancelled => Some("job.cancelled"),
        }
    }
}
