//! The states that senders report of a job, in the relay's words.

use serde::{Deserialize, Serialize};

/// A state that a sender reports of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// The job is known and has not started.
    Pending,
    /// The job has started and has not ended.
    Running,
    /// The job is still running. This is a report, not a state that a job has.
    Progress,
    /// The job ended with success.
    Succeeded,
    /// The job ended with an error.
    Failed,
    /// No end was reported in time. The job may still be completed by a late report.
    TimedOut,
    /// The job was stopped on request.
    Cancelled,
}

impl JobStatus {
    /// The name of the state in the API.
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

    /// The state that a usual word of senders means, in any case and with spaces, hyphens or
    /// underscores between its parts; a profile may add words of its own.
    pub fn usual(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Some(match word.as_str() {
            "pending" | "queued" | "in_queue" | "starting" | "created" | "submitted"
            | "runnable" => Self::Pending,
            "running" | "processing" | "in_progress" | "inprogress" | "started" => Self::Running,
            "progress" => Self::Progress,
            "success" | "succeeded" | "successful" | "completed" | "complete" | "ok" | "done"
            | "finished" => Self::Succeeded,
            "failure" | "failed" | "error" | "errored" | "crashed" => Self::Failed,
            "timeout" | "timed_out" | "timedout" | "expired" => Self::TimedOut,
            "cancelled" | "canceled" | "stopped" | "aborted" | "terminated" => Self::Cancelled,
            _ => return None,
        })
    }

    /// Whether no other state follows.
    pub const fn is_terminal(self) -> bool {
        3 <= self.rank()
    }

    /// The rank of the state: a job's rank never falls. A timed-out job ranks below the other
    /// terminal states, because a late report may still complete it.
    pub(super) const fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Running | Self::Progress => 1,
            Self::TimedOut => 3,
            Self::Succeeded | Self::Failed | Self::Cancelled => 4,
        }
    }

    /// The type of the event that announces the state; `None` if it is not announced.
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

impl JobStatus {
    /// The state that an event of this type announces; `None` if it announces none.
    pub fn announced_by(event_type: &str) -> Option<Self> {
        let states = [
            Self::Running,
            Self::Progress,
            Self::Succeeded,
            Self::Failed,
            Self::TimedOut,
            Self::Cancelled,
        ];
        states.into_iter().find(|state| state.event_type() == Some(event_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_ours_announces_its_state() {
        for (kind, state) in [
            ("job.started", Some(JobStatus::Running)),
            ("job.progress", Some(JobStatus::Progress)),
            ("job.succeeded", Some(JobStatus::Succeeded)),
            ("job.timed_out", Some(JobStatus::TimedOut)),
            ("job.pending", None),
            ("batch.completed", None),
            ("order.paid", None),
        ] {
            assert_eq!(JobStatus::announced_by(kind), state, "{kind}");
        }
    }

    #[test]
    fn platforms_words_for_states_are_known_however_they_are_spelled() {
        use JobStatus::{Cancelled, Failed, Pending, Running, Succeeded, TimedOut};
        for (word, state) in [
            ("COMPLETED", Succeeded),
            ("Succeeded", Succeeded),
            ("done", Succeeded),
            ("finished", Succeeded),
            ("FAILED", Failed),
            ("errored", Failed),
            ("TIMED_OUT", TimedOut),
            ("timed-out", TimedOut),
            ("expired", TimedOut),
            ("Stopped", Cancelled),
            ("terminated", Cancelled),
            ("in progress", Running),
            ("IN_QUEUE", Pending),
            ("SUBMITTED", Pending),
        ] {
            assert_eq!(JobStatus::usual(word), Some(state), "{word}");
        }
        for unknown in ["", "unknown", "7", "not completed"] {
            assert_eq!(JobStatus::usual(unknown), None, "{unknown}");
        }
    }
}
