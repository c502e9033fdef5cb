//! A unit of work on a platform, and what completions do to it.

use serde::{Deserialize, Serialize};

use crate::{
    id::{EventId, JobId},
    profile::Said,
    time::Timestamp,
};

/// What a sender says about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
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

impl Status {
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
    const fn rank(self) -> u8 {
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

/// A job, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Our id, derived from the source and the sender's id.
    pub id: JobId,
    /// The source that reports on it.
    pub source: String,
    /// The application that hears of it, as the source names it.
    pub application: String,
    /// The sender's id.
    pub external_id: String,
    /// The platform's id of the call that runs it.
    pub call_id: Option<String>,
    /// Its batch.
    pub batch_id: Option<String>,
    /// Its run.
    pub run_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// Where it is.
    pub status: Status,
    /// The real answer came after the job had been given up as timed out.
    #[serde(default)]
    pub late: bool,
    /// Different terminal states that came afterwards and changed nothing.
    #[serde(default)]
    pub conflicts: u32,
    /// The event that holds its result, once it has one.
    pub result_event: Option<EventId>,
    /// When somebody told us to expect it.
    #[serde(default)]
    pub registered_at: Option<Timestamp>,
    /// When its answer is overdue.
    #[serde(default)]
    pub deadline_at: Option<Timestamp>,
    /// When to ask its platform next; on the index of what is due.
    #[serde(default)]
    pub poll_at: Option<Timestamp>,
    /// How often its platform was asked.
    #[serde(default)]
    pub polls: u32,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When we first heard that it was running.
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal state.
    pub finished_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes; every write is conditional on the one it read.
    #[serde(default)]
    pub version: u64,
}

/// What a report does to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The job changes, and subscribers hear of it under this type, if any.
    Applied(Box<Job>, Option<&'static str>),
    /// The job has been there already.
    Stale,
    /// The job ended differently before: this is kept and counted, and the job's state stands.
    Conflict(Box<Job>),
}

impl Job {
    /// A job nobody told us of before.
    pub fn unknown(source: &str, application: &str, external_id: &str, now: Timestamp) -> Self {
        Self {
            id: JobId::of(source, external_id),
            source: source.to_owned(),
            application: application.to_owned(),
            external_id: external_id.to_owned(),
            call_id: None,
            batch_id: None,
            run_id: None,
            project_id: None,
            status: Status::Pending,
            late: false,
            conflicts: 0,
            result_event: None,
            registered_at: None,
            deadline_at: None,
            poll_at: None,
            polls: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
            version: 0,
        }
    }

    /// What a report with this status does to the job.
    pub fn report(
        &self,
        status: Status,
        said: &Said<'_>,
        event: &EventId,
        now: Timestamp,
    ) -> Effect {
        let mut next = self.learned(said, now);
        if self.status.is_terminal() && status.rank() <= self.status.rank() {
            if self.status == status || !status.is_terminal() || status == Status::TimedOut {
                return Effect::Stale;
            }
            next.conflicts += 1;
            return Effect::Conflict(Box::new(next));
        }
        if status.rank() < self.status.rank() {
            return Effect::Stale;
        }
        if status == self.status && status != Status::Progress && self.version != 0 {
            return Effect::Stale;
        }
        next.late = self.status == Status::TimedOut;
        next.status = if status == Status::Progress { Status::Running } else { status };
        if status.rank() == 1 {
            next.started_at = next.started_at.or(Some(now));
        }
        if status.is_terminal() {
            next.finished_at = Some(now);
            next.result_event = Some(event.clone());
            next.poll_at = None;
        }
        Effect::Applied(Box::new(next), status.event_type())
    }

    /// The job with the ids that were not known before.
    fn learned(&self, said: &Said<'_>, now: Timestamp) -> Self {
        let mut next = self.clone();
        for (known, said) in [
            (&mut next.call_id, &said.call_id),
            (&mut next.batch_id, &said.batch_id),
            (&mut next.run_id, &said.run_id),
            (&mut next.project_id, &said.project_id),
        ] {
            if known.is_none() {
                known.clone_from(said);
            }
        }
        next.updated_at = now;
        next.version += 1;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// Reports in order; the types that subscribers hear, and the job.
    fn run(reports: &[Status]) -> (Vec<&'static str>, Job) {
        let mut job = Job::unknown("s", "default", "j1", NOW);
        let mut heard = Vec::new();
        for status in reports {
            match job.report(*status, &Said::default(), &EventId::derive(&["e"]), NOW) {
                Effect::Applied(next, event) => {
                    heard.extend(event);
                    job = *next;
                }
                Effect::Conflict(next) => job = *next,
                Effect::Stale => (),
            }
        }
        (heard, job)
    }

    #[test]
    fn a_job_goes_forward_only() {
        use Status::{Failed, Pending, Progress, Running, Succeeded};
        let (heard, job) =
            run(&[Pending, Running, Progress, Progress, Succeeded, Running, Pending]);
        assert_eq!(heard, ["job.started", "job.progress", "job.progress", "job.succeeded"]);
        assert_eq!((job.status, job.conflicts), (Succeeded, 0));
        assert_eq!(run(&[Succeeded]).0, ["job.succeeded"], "completion before start is fine");
        let (heard, job) = run(&[Succeeded, Failed, Succeeded]);
        assert_eq!(heard, ["job.succeeded"], "a terminal state never changes");
        assert_eq!((job.status, job.conflicts), (Succeeded, 1));
    }

    #[test]
    fn a_timed_out_job_may_still_be_completed_and_is_marked_late() {
        use Status::{Failed, Running, Succeeded, TimedOut};
        let (heard, job) = run(&[Running, TimedOut, Running, Succeeded, TimedOut, Failed]);
        assert_eq!(heard, ["job.started", "job.timed_out", "job.succeeded"]);
        assert!(job.late);
        assert_eq!((job.status, job.conflicts), (Succeeded, 1));
    }
}
