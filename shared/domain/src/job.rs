//! A unit of work on a platform, and what completions do to it.

mod polling;
mod registration;
mod status;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{polling::PollState, registration::Registration, status::JobStatus};
use crate::{
    id::{EndpointId, EventId, JobId},
    profile::SenderReport,
    time::Timestamp,
};

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
    pub status: JobStatus,
    /// The real answer came after the job had been given up as timed out.
    #[serde(default)]
    pub late: bool,
    /// Different terminal states that came afterwards and changed nothing.
    #[serde(default)]
    pub conflicts: u32,
    /// Its start was announced.
    #[serde(default)]
    pub started: bool,
    /// The event that holds its result, once it has one.
    pub result_event: Option<EventId>,
    /// What was announced of it, oldest first: a webhook that is registered later hears of it too.
    #[serde(default)]
    pub announced: Vec<EventId>,
    /// The endpoints that hear of this job alone. They are listed here so that whoever announces
    /// knows which must be there.
    #[serde(default)]
    pub webhooks: Vec<EndpointId>,
    /// The registrar's own data.
    #[serde(default)]
    pub metadata: Map<String, Value>,
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
    /// What asking has found out.
    #[serde(default)]
    pub watch: PollState,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When we first heard that it was running.
    pub started_at: Option<Timestamp>,
    /// When it reached a terminal state.
    pub finished_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Changes that no event brought about: registrations, and looks at its platform.
    #[serde(default)]
    pub edits: u64,
    /// Counts changes; every write is conditional on the one it read.
    #[serde(default)]
    pub version: u64,
}

/// Most endpoints of one job.
pub const MAX_WEBHOOKS: usize = 5;
/// Most announcements of one job that a webhook registered later still hears of; beyond it only
/// its start and its ends are added.
pub const MAX_REMEMBERED: usize = 32;

/// What a report does to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum ReportEffect {
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
            status: JobStatus::Pending,
            late: false,
            conflicts: 0,
            started: false,
            result_event: None,
            announced: Vec::new(),
            webhooks: Vec::new(),
            metadata: Map::new(),
            registered_at: None,
            deadline_at: None,
            poll_at: None,
            polls: 0,
            watch: PollState::default(),
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
            edits: 0,
            version: 0,
        }
    }

    /// What a report with this status does to the job.
    ///
    /// Reports come in any order. The start is announced once and each progress once, whenever they
    /// come; the state only goes forward, and its end is announced once.
    pub fn report(
        &self,
        status: JobStatus,
        said: &SenderReport<'_>,
        event: &EventId,
        now: Timestamp,
    ) -> ReportEffect {
        let mut next = self.learned(said, now);
        if status.is_terminal() {
            if self.status.is_terminal() && status.rank() <= self.status.rank() {
                if self.status == status || status == JobStatus::TimedOut {
                    return self.noted(next);
                }
                next.conflicts += 1;
                return ReportEffect::Conflict(Box::new(next));
            }
            next.late = self.status == JobStatus::TimedOut;
            next.status = status;
            next.finished_at = Some(now);
            next.result_event = Some(event.clone());
            next.poll_at = None;
        } else {
            if status == JobStatus::Pending || (status == JobStatus::Running && self.started) {
                return self.noted(next);
            }
            next.started |= status == JobStatus::Running;
            next.started_at = next.started_at.or(Some(now));
            if self.status == JobStatus::Pending {
                next.status = JobStatus::Running;
            }
        }
        next.remember(event, status);
        ReportEffect::Applied(Box::new(next), status.event_type())
    }

    /// What a claim that nobody vouches for does to the job: its platform is asked now, and the
    /// job's state stands.
    pub fn hinted(&self, said: &SenderReport<'_>, now: Timestamp) -> ReportEffect {
        let mut next = self.learned(said, now);
        if self.status.is_terminal() && self.status != JobStatus::TimedOut {
            return self.noted(next);
        }
        next.poll_at = Some(now);
        ReportEffect::Applied(Box::new(next), None)
    }

    /// Somebody tells us to expect the job, before or after it spoke for itself.
    pub fn registered(&self, registration: &Registration, now: Timestamp) -> Self {
        let mut next = self.learned(&registration.said(), now);
        next.edits += 1;
        next.registered_at = next.registered_at.or(Some(now));
        if let Some(metadata) = &registration.metadata {
            next.metadata.clone_from(metadata);
        }
        if let Some(endpoint) = &registration.webhook
            && !next.webhooks.contains(endpoint)
        {
            next.webhooks.push(endpoint.clone());
        }
        if let Some(deadline) = registration.deadline.filter(|_| !self.status.is_terminal()) {
            next.deadline_at = Some(now.plus(deadline));
            next.poll_at = next.deadline_at;
        }
        next
    }

    /// The state stands: the job changes only if something was learned that was not known.
    fn noted(&self, next: Self) -> ReportEffect {
        let ids = |job: &Self| {
            [&job.call_id, &job.batch_id, &job.run_id, &job.project_id].map(Option::is_some)
        };
        if self.version != 0 && ids(self) == ids(&next) {
            return ReportEffect::Stale;
        }
        ReportEffect::Applied(Box::new(next), None)
    }

    fn remember(&mut self, event: &EventId, status: JobStatus) {
        let once = status != JobStatus::Progress;
        if once || self.announced.len() < MAX_REMEMBERED {
            self.announced.push(event.clone());
        }
    }

    /// The job with the ids that were not known before.
    fn learned(&self, said: &SenderReport<'_>, now: Timestamp) -> Self {
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
mod tests;
