//! Jobs: units of work on a platform, and the effect of reports on them.

mod polling;
mod registration;
mod status;
mod unrecorded;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{
    polling::PollState,
    registration::Registration,
    status::JobStatus,
    unrecorded::{MAX_UNRECORDED, UnrecordedReport},
};
use crate::{
    id::{ApplicationId, EndpointId, EventId, JobId, SourceId, Tenure},
    profile::SenderReport,
    time::Timestamp,
};

/// A job, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The id, derived from the tenure and the sender's id.
    pub id: JobId,
    /// The identity of the source that reports on the job.
    pub source_id: SourceId,
    /// The name of that source when the relay first heard of the job.
    pub source: String,
    /// The application whose endpoints receive the job's events.
    pub application: ApplicationId,
    /// The sender's id of the job.
    pub external_id: String,
    /// The platform's id of the call that runs the job.
    pub call_id: Option<String>,
    /// The batch that the job belongs to, as its sender calls it.
    pub batch_id: Option<String>,
    /// The run that the job belongs to.
    pub run_id: Option<String>,
    /// The project that the job belongs to.
    pub project_id: Option<String>,
    /// The state of the job.
    pub status: JobStatus,
    /// Whether the job was completed after it had timed out, or succeeded after it had failed.
    #[serde(default)]
    pub late: bool,
    /// Reports of other terminal states, which came afterwards and changed nothing.
    #[serde(default)]
    pub conflicts: u32,
    /// Whether the start was announced.
    #[serde(default)]
    pub started: bool,
    /// The event that holds the result, once there is one.
    pub result_event: Option<EventId>,
    /// The events that were announced of the job, oldest first. A webhook that is registered later
    /// receives them too.
    #[serde(default)]
    pub announced: Vec<EventId>,
    /// The reports that changed the job and whose events are not known to be recorded, oldest first: nearly
    /// always the latest report alone. [`MAX_UNRECORDED`] at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unrecorded: Vec<UnrecordedReport>,
    /// The endpoints that receive the events of this job alone. The list tells a worker that
    /// announces an event which endpoints there must be.
    #[serde(default)]
    pub webhooks: Vec<EndpointId>,
    /// Data of the caller who registered the job.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The time of the first registration.
    #[serde(default)]
    pub registered_at: Option<Timestamp>,
    /// The time from which a report of the end is overdue.
    #[serde(default)]
    pub deadline_at: Option<Timestamp>,
    /// The next time at which the platform is asked or the job times out; on the index of what is
    /// due.
    #[serde(default)]
    pub poll_at: Option<Timestamp>,
    /// The number of times that the platform was asked.
    #[serde(default)]
    pub polls: u32,
    /// The findings of polling about the job.
    #[serde(default)]
    pub watch: PollState,
    /// The time at which the relay first heard of the job.
    pub created_at: Timestamp,
    /// The time at which the relay first heard that the job was running.
    pub started_at: Option<Timestamp>,
    /// The time at which the job reached a terminal state.
    pub finished_at: Option<Timestamp>,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// Changes that no event caused: registrations and polls.
    #[serde(default)]
    pub edits: u64,
    /// The number of changes; every write is conditional on the version that was read.
    #[serde(default)]
    pub version: u64,
    /// Whether the id of the call became known with the change that is about to be written, so that the job
    /// is to be found by it. Not stored.
    #[serde(skip)]
    pub learned_call: bool,
}

/// Most endpoints of one job: each gets a delivery in the transaction that records an event, beside
/// those of the application.
pub const MAX_WEBHOOKS: usize = 5;
/// Most events of one job that a webhook registered later still receives. Beyond it only the start
/// and the ends are added.
pub const MAX_REMEMBERED: usize = 32;

/// The effect of a report on a job.
#[derive(Clone, Debug, PartialEq)]
pub enum ReportEffect {
    /// The job changes. Subscribers receive an event of this type, if any.
    Applied(Box<Job>, Option<&'static str>),
    /// The job is in that state already.
    Stale,
    /// The job ended in another state before. The report is kept and counted, and the state stands.
    Conflict(Box<Job>),
}

impl Job {
    /// A job that the relay has not heard of before.
    pub fn unknown(tenure: Tenure, source: &str, external_id: &str, now: Timestamp) -> Self {
        Self {
            id: JobId::of(&tenure, external_id),
            source_id: tenure.source,
            source: source.to_owned(),
            application: tenure.application,
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
            unrecorded: Vec::new(),
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
            learned_call: false,
        }
    }

    /// The source that reports on the job, in the application that the job belongs to.
    pub fn tenure(&self) -> Tenure {
        Tenure { source: self.source_id.clone(), application: self.application.clone() }
    }

    /// The effect of a report with this status.
    ///
    /// Reports come in any order. The start is announced once and each progress once, whenever they
    /// come; the state only goes forward, and the end is announced once.
    ///
    /// There are two ends that another may follow, once, as a late one: a job that timed out may
    /// still end, and a job that failed may still succeed, because platforms try a job again under
    /// the same id.
    pub fn report(
        &self,
        status: JobStatus,
        said: &SenderReport<'_>,
        event: &EventId,
        now: Timestamp,
    ) -> ReportEffect {
        let mut next = self.learned(said, now);
        if status.is_terminal() {
            let recovered =
                self.status == JobStatus::Failed && status == JobStatus::Succeeded && !self.late;
            if self.status.is_terminal() && status.rank() <= self.status.rank() && !recovered {
                if self.status == status || status == JobStatus::TimedOut {
                    return self.noted(next);
                }
                next.conflicts += 1;
                return ReportEffect::Conflict(Box::new(next));
            }
            next.late = recovered || self.status == JobStatus::TimedOut;
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

    /// The effect of a claim that no signature vouches for: the platform is asked now, and the
    /// state stands.
    pub fn hinted(&self, said: &SenderReport<'_>, now: Timestamp) -> ReportEffect {
        let mut next = self.learned(said, now);
        if self.status.is_terminal() && self.status != JobStatus::TimedOut {
            return self.noted(next);
        }
        next.poll_at = Some(now);
        ReportEffect::Applied(Box::new(next), None)
    }

    /// The job after a registration, which may come before or after the first report.
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

    /// The effect of a report that leaves the state as it is: the job changes only if an id became
    /// known.
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

    /// The job with those ids of the report that were not known before.
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
        next.learned_call = self.call_id.is_none() && next.call_id.is_some();
        next.updated_at = now;
        next.version += 1;
        next
    }
}

#[cfg(test)]
mod tests;
