//! Jobs that belong together, counted once each.
//!
//! Ten thousand jobs that end at the same moment must not wait for one another, so a job does not
//! touch its batch: the step that ends it leaves a [`BatchMarker`], and whoever counts takes many
//! markers away in the one step that changes the batch. What follows from the counts is derived
//! from them and from what was announced, so a crash between counting and announcing loses nothing.

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

/// A batch, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id, derived from the application and the senders' id.
    pub id: BatchId,
    /// The application that hears of it, as its source names it.
    pub application: String,
    /// What senders call it.
    pub external_id: String,
    /// When somebody told us of it; until then only its jobs did.
    pub declared_at: Option<Timestamp>,
    /// What its registrar said of it.
    #[serde(default)]
    pub about: BatchDetails,
    /// How many jobs it has, once that is known.
    pub size: Option<u64>,
    /// Its size is to be the jobs that are known once all markers are counted.
    #[serde(default)]
    pub closing: bool,
    /// When its progress is announced.
    pub steps: Option<Steps>,
    /// When it counts as failed.
    #[serde(default)]
    pub fail_on: FailOn,
    /// Its jobs, by where they are.
    #[serde(default)]
    pub counts: BatchCounts,
    /// How many of its steps were announced.
    #[serde(default)]
    pub announced_steps: u64,
    /// How it ended.
    pub end: Option<BatchEnd>,
    /// Whether that was announced.
    #[serde(default)]
    pub end_announced: bool,
    /// The endpoints that hear of this batch alone.
    #[serde(default)]
    pub webhooks: Vec<EndpointId>,
    /// When we first heard of it.
    pub created_at: Timestamp,
    /// When its last job was counted.
    pub completed_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts changes; every write is conditional on the one it read.
    pub version: u64,
}

/// What a registrar says of a batch that we only pass on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchDetails {
    /// The source that its jobs come from.
    pub source: Option<String>,
    /// The file its requests came in.
    pub input_file_id: Option<String>,
    /// The platform's path that its requests go to.
    pub endpoint: Option<String>,
    /// How long it may take, in the registrar's words.
    pub completion_window: Option<String>,
    /// −1 to 1.
    pub priority: Option<i8>,
    /// The registrar's own data.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// When progress is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Steps {
    /// Each time so many more jobs have ended.
    Every(u64),
    /// Each time so many more per cent of its size have ended.
    Percent(u8),
}

/// When a batch whose jobs have all ended counts as failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailOn {
    /// When none of its jobs succeeded.
    #[default]
    All,
    /// When one of its jobs did not succeed.
    Any,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchEnd {
    /// Well enough.
    Completed,
    /// Badly.
    Failed,
}

/// Jobs, by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchCounts {
    /// All that we know of.
    pub known: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended badly.
    pub failed: u64,
    /// Ran out of time, when they were counted.
    pub timed_out: u64,
    /// Stopped by somebody.
    pub cancelled: u64,
}

impl BatchCounts {
    /// Those that have ended.
    pub const fn ended(&self) -> u64 {
        self.succeeded + self.unsuccessful()
    }

    /// Those that have ended other than well.
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

/// What somebody tells us of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declaration {
    /// What we only pass on.
    pub about: BatchDetails,
    /// How many jobs it has, if that is known.
    pub size: Option<u64>,
    /// When its progress is announced.
    pub steps: Option<Steps>,
    /// When it counts as failed.
    pub fail_on: FailOn,
    /// The endpoint that hears of it.
    pub webhook: Option<EndpointId>,
}

/// Something about a batch that its subscribers hear once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNews {
    /// It has come this many steps far.
    Step(u64),
    /// It has ended.
    End(BatchEnd),
}

impl BatchNews {
    /// The type of the event.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Step(_) => "batch.progress",
            Self::End(BatchEnd::Completed) => "batch.completed",
            Self::End(BatchEnd::Failed) => "batch.failed",
        }
    }

    /// The event, the same for whoever announces it.
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
    /// A batch nobody told us of before.
    pub fn unknown(application: &str, external_id: &str, now: Timestamp) -> Self {
        Self {
            id: BatchId::of(&ApplicationId::named(application), external_id),
            application: application.to_owned(),
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

    /// The batch with these jobs counted.
    pub fn counted(&self, markers: &[BatchMarker], now: Timestamp) -> Self {
        let mut next = self.changed(now);
        for marker in markers {
            next.counts.add(marker);
        }
        next.ended(now)
    }

    /// The batch as somebody tells us of it, before or after its jobs.
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

    /// The batch with no more jobs to come: it has so many, or those that are known once all
    /// markers are counted.
    pub fn closed(&self, size: Option<u64>, now: Timestamp) -> Self {
        let mut next = self.changed(now);
        next.size = size;
        next.closing = size.is_none();
        next.ended(now)
    }

    /// The batch once all markers are counted: if it was to be closed, its size is known now.
    pub fn sealed(&self, now: Timestamp) -> Self {
        self.closed(Some(self.counts.known), now)
    }

    /// What is still to be announced, in order.
    pub fn news(&self) -> impl Iterator<Item = BatchNews> {
        let steps = (self.announced_steps + 1..=self.steps()).map(BatchNews::Step);
        let end = self.end.filter(|_| !self.end_announced).map(BatchNews::End);
        steps.chain(end)
    }

    /// The batch after this was announced.
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

    /// Whether something is left to be done about it even if no job of it ends any more.
    pub fn is_busy(&self) -> bool {
        self.closing || self.news().next().is_some()
    }

    /// How many jobs have ended when a step is reached.
    pub fn threshold(&self, step: u64) -> Option<u64> {
        Some(match self.steps? {
            Steps::Every(jobs) => step * jobs,
            Steps::Percent(percent) => (self.size? * step * u64::from(percent)).div_ceil(100),
        })
    }

    /// How many steps it has come. Jobs beyond its size are no progress.
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

    /// Once all its jobs have ended, so has it: that is judged once and stands.
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
