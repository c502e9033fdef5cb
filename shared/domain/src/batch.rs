//! Batches: sets of jobs whose ends are counted once each.
//!
//! Ten thousand jobs that end at the same moment must not wait for one another, so a job does not
//! touch its batch. The step that ends the job leaves a [`BatchMarker`], and a worker that counts
//! takes many markers away in the one step that changes the batch. What follows from the counts is
//! derived from them and from what was announced, so a crash between counting and announcing loses
//! nothing.

mod marker;
mod notice;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::{marker::BatchMarker, notice::notice};
use crate::{
    id::{ApplicationId, BatchId, EndpointId, EventId},
    job::JobStatus,
    time::Timestamp,
};

/// A batch, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The id, derived from the application and the senders' id.
    pub id: BatchId,
    /// The application whose endpoints receive the batch's events.
    pub application: ApplicationId,
    /// The senders' id of the batch.
    pub external_id: String,
    /// The time at which a caller declared the batch; `None` while only its jobs name it.
    pub declared_at: Option<Timestamp>,
    /// Details that the caller gave and the relay passes on.
    #[serde(default)]
    pub about: BatchDetails,
    /// The number of jobs, once that is known.
    pub size: Option<u64>,
    /// Whether the size is to be the number of known jobs, once all markers are counted.
    #[serde(default)]
    pub closing: bool,
    /// When progress is announced; `None` for never.
    pub steps: Option<Steps>,
    /// The rule by which the batch fails.
    #[serde(default)]
    pub fail_on: FailOn,
    /// The number of jobs in each state.
    #[serde(default)]
    pub counts: BatchCounts,
    /// The number of progress steps that were announced.
    #[serde(default)]
    pub announced_steps: u64,
    /// The end of the batch, once there is one.
    pub end: Option<BatchEnd>,
    /// Whether the end was announced.
    #[serde(default)]
    pub end_announced: bool,
    /// The endpoints that receive the events of this batch alone.
    #[serde(default)]
    pub webhooks: Vec<EndpointId>,
    /// The time at which the relay first heard of the batch.
    pub created_at: Timestamp,
    /// The time at which the last job was counted.
    pub completed_at: Option<Timestamp>,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// Details of a batch that the relay only passes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchDetails {
    /// The source that the jobs come from.
    pub source: Option<String>,
    /// The file that holds the requests.
    pub input_file_id: Option<String>,
    /// The path of the platform that the requests go to.
    pub endpoint: Option<String>,
    /// The time that the batch may take, in the caller's words.
    pub completion_window: Option<String>,
    /// The priority, from −1 to 1.
    pub priority: Option<i8>,
    /// Data of the caller that the relay only keeps.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// The rule by which progress is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// Each time this many more jobs have ended.
    Every(u64),
    /// Each time this many more per cent of the size have ended.
    Percent(u8),
}

/// The rule by which a batch fails once all its jobs have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// The batch fails if no job succeeded.
    #[default]
    All,
    /// The batch fails if any job did not succeed.
    Any,
}

/// The end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchEnd {
    /// The batch ended, and its rule does not call that a failure.
    Completed,
    /// The batch failed by its rule.
    Failed,
}

/// The number of jobs in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchCounts {
    /// All jobs of the batch that the relay has heard of.
    pub known: u64,
    /// Jobs that ended with success.
    pub succeeded: u64,
    /// Jobs that ended with an error.
    pub failed: u64,
    /// Jobs that timed out. One that is completed later stays counted here.
    pub timed_out: u64,
    /// Jobs that were stopped on request.
    pub cancelled: u64,
}

impl BatchCounts {
    /// Jobs that have ended.
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.unsuccessful()
    }

    /// Jobs that have not ended, of those that were counted.
    pub const fn open(&self) -> u64 {
        self.known.saturating_sub(self.ended())
    }

    /// Jobs that ended without success.
    pub const fn unsuccessful(&self) -> u64 {
        self.failed + self.timed_out + self.cancelled
    }

    fn add(&mut self, marker: &BatchMarker) {
        self.known += u64::from(marker.joins);
        match marker.ended {
            Some(JobStatus::Succeeded) => self.succeeded += 1,
            Some(JobStatus::TimedOut) => self.timed_out += 1,
            Some(JobStatus::Cancelled) => self.cancelled += 1,
            Some(_) => self.failed += 1,
            None => (),
        }
    }
}

/// A declaration of a batch by a caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// Details that the relay only passes on.
    pub about: BatchDetails,
    /// The number of jobs, if that is known.
    pub size: Option<u64>,
    /// When progress is announced; `None` for never.
    pub steps: Option<Steps>,
    /// The rule by which the batch fails.
    pub fail_on: FailOn,
    /// The endpoint that receives the batch's events.
    pub webhook: Option<EndpointId>,
}

/// A change of a batch that is announced to subscribers once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNews {
    /// The batch has reached the progress step of this number.
    Step(u64),
    /// The batch has ended.
    End(BatchEnd),
}

impl BatchNews {
    /// The type of the event that announces the change.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Step(_) => "batch.progress",
            Self::End(BatchEnd::Completed) => "batch.completed",
            Self::End(BatchEnd::Failed) => "batch.failed",
        }
    }

    /// The id of the event, which is the same for every worker that announces the change.
    pub fn event(self, batch: &BatchId) -> EventId {
        match self {
            Self::Step(step) => {
                EventId::derive(&["batch", batch.as_str(), "step", &step.to_string()])
            }
            Self::End(_) => EventId::derive(&["batch", batch.as_str(), "end"]),
        }
    }
}

impl Batch {
    /// A batch that the relay has not heard of before.
    pub fn unknown(application: ApplicationId, external_id: &str, now: Timestamp) -> Self {
        Self {
            id: BatchId::of(&application, external_id),
            application,
            external_id: external_id.to_owned(),
            declared_at: None,
            about: BatchDetails::default(),
            size: None,
            closing: false,
            steps: None,
            fail_on: FailOn::All,
            counts: BatchCounts::default(),
            announced_steps: 0,
            end: None,
            end_announced: false,
            webhooks: Vec::new(),
            created_at: now,
            completed_at: None,
            updated_at: now,
            version: 0,
        }
    }

    /// The batch after these markers are counted.
    pub fn counted(&self, markers: &[BatchMarker], now: Timestamp) -> Self {
        let mut next = self.changed(now);
        for marker in markers {
            next.counts.add(marker);
        }
        next.ended(now)
    }

    /// The batch after a declaration, which may come before or after its jobs.
    pub fn declared(&self, declaration: Declaration, now: Timestamp) -> Self {
        let mut next = self.changed(now);
        next.declared_at = Some(now);
        next.about = declaration.about;
        next.size = declaration.size.or(self.size);
        next.steps = declaration.steps;
        next.fail_on = declaration.fail_on;
        next.webhooks.extend(declaration.webhook);
        next.ended(now)
    }

    /// The batch after a caller said that no more jobs come: it has `size` jobs, or those that are
    /// known once all markers are counted.
    pub fn closed(&self, size: Option<u64>, now: Timestamp) -> Self {
        let mut next = self.changed(now);
        next.size = size;
        next.closing = size.is_none();
        next.ended(now)
    }

    /// The batch once all markers are counted: a batch that is closing gets its size.
    pub fn sealed(&self, now: Timestamp) -> Self {
        self.closed(Some(self.counts.known), now)
    }

    /// The changes that are still to be announced, in order.
    pub fn news(&self) -> impl Iterator<Item = BatchNews> {
        let steps = (self.announced_steps + 1..=self.steps()).map(BatchNews::Step);
        let end = self.end.filter(|_| !self.end_announced).map(BatchNews::End);
        steps.chain(end)
    }

    /// The batch after these changes were announced.
    pub fn told(&self, news: &[BatchNews], now: Timestamp) -> Self {
        let mut next = self.changed(now);
        for news in news {
            match news {
                BatchNews::Step(step) => next.announced_steps = next.announced_steps.max(*step),
                BatchNews::End(_) => next.end_announced = true,
            }
        }
        next
    }

    /// Whether there is something left to do about the batch even if no more of its jobs end.
    pub fn is_busy(&self) -> bool {
        self.closing || self.news().next().is_some()
    }

    /// The number of ended jobs at which a progress step is reached; `None` if there are no steps,
    /// or their size is not known yet.
    pub fn threshold(&self, step: u64) -> Option<u64> {
        Some(match self.steps? {
            Steps::Every(jobs) => step * jobs,
            Steps::Percent(percent) => (self.size? * step * u64::from(percent)).div_ceil(100),
        })
    }

    /// The number of progress steps that the batch has reached. Jobs beyond the size do not count.
    fn steps(&self) -> u64 {
        let ended = self.counts.ended().min(self.size.unwrap_or(u64::MAX));
        match (self.steps, self.size) {
            (Some(Steps::Every(jobs)), _) => ended / jobs.max(1),
            (Some(Steps::Percent(percent)), Some(size)) if 0 < size => {
                ended * 100 / size / u64::from(percent.max(1))
            }
            _ => 0,
        }
    }

    /// Ends the batch if all its jobs have ended. That is judged once and stands.
    fn ended(mut self, now: Timestamp) -> Self {
        let ended = self.counts.ended();
        if self.end.is_none() && self.size.is_some_and(|size| size <= ended) {
            let failed = match self.fail_on {
                FailOn::All => 0 < ended && self.counts.succeeded == 0,
                FailOn::Any => 0 < self.counts.unsuccessful(),
            };
            self.end = Some(if failed { BatchEnd::Failed } else { BatchEnd::Completed });
            self.completed_at = Some(now);
        }
        self
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
