//! Tasks: long work that the relay does in steps, such as putting dead letters back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApplicationId, EndpointId, TaskId},
    letter::LetterFilter,
    replay::Replay,
    time::Timestamp,
};

/// A task, as the table holds it. A task is `due` like a delivery. After a crash in the middle of a
/// step the step is repeated, which every step allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The id of the task.
    pub id: TaskId,
    /// The work to do.
    pub kind: TaskKind,
    /// Letters or messages put back per second.
    pub rate: u32,
    /// The position in the list of letters or messages at which the next step goes on.
    pub cursor: Option<String>,
    /// Letters or messages put back, or removed, so far.
    pub redriven: u64,
    /// Letters or messages looked at so far.
    #[serde(default)]
    pub scanned: u64,
    /// Letters or messages so far that the task is meant for.
    #[serde(default)]
    pub matched: u64,
    /// Whether a caller cancelled the task.
    #[serde(default)]
    pub cancelled: bool,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time at which the task ended.
    pub finished_at: Option<Timestamp>,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// The work of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TaskKind {
    /// Waits until an endpoint answers again, probing with one letter at a time, and then puts back
    /// all letters of the endpoint.
    Recover {
        /// The endpoint that failed.
        endpoint: EndpointId,
        /// Whether the endpoint has answered a probe.
        answering: bool,
        /// Probes without success so far.
        probes: u32,
    },
    /// Puts back the letters that a caller chose.
    Redrive {
        /// The letters to put back.
        filter: LetterFilter,
    },
    /// Removes the letters that a caller chose.
    Discard {
        /// The letters to remove.
        filter: LetterFilter,
    },
    /// Sends past messages to an endpoint, again or for the first time.
    Replay(Replay),
    /// Removes the content of all messages of an application for good.
    Purge {
        /// The application whose messages are emptied.
        application: ApplicationId,
    },
}

/// Letters put back per second, unless a caller sets another rate.
pub const DEFAULT_RATE: u32 = 10;
/// Highest rate that a caller may set, in letters per second.
pub const MAX_RATE: u32 = 500;
/// The time that one step of a task stands for: a step puts back the letters of so many seconds.
pub const STEP: Duration = Duration::from_secs(60);

impl Task {
    /// A task that waits until `endpoint` answers again.
    pub fn recover(endpoint: &EndpointId, now: Timestamp) -> Self {
        let kind = TaskKind::Recover { endpoint: endpoint.clone(), answering: false, probes: 0 };
        Self::new(TaskId::recovery(endpoint), kind, DEFAULT_RATE, now)
    }

    /// A task that puts back the letters that `filter` matches. `rate` is brought between 1 and
    /// [`MAX_RATE`].
    pub fn redrive(id: TaskId, filter: LetterFilter, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Redrive { filter }, rate.clamp(1, MAX_RATE), now)
    }

    /// A task that removes the letters that `filter` matches.
    pub fn discard(id: TaskId, filter: LetterFilter, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Discard { filter }, MAX_RATE, now)
    }

    /// A task that sends past messages to an endpoint. `rate` is brought between 1 and
    /// [`MAX_RATE`].
    pub fn replay(id: TaskId, replay: Replay, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Replay(replay), rate.clamp(1, MAX_RATE), now)
    }

    /// A task that removes the content of an application's messages.
    pub fn purge(id: TaskId, application: ApplicationId, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Purge { application }, MAX_RATE, now)
    }

    /// The application that the task is limited to; `None` if the task concerns several.
    pub const fn application(&self) -> Option<&ApplicationId> {
        match &self.kind {
            TaskKind::Redrive { filter } | TaskKind::Discard { filter } => {
                filter.application.as_ref()
            }
            TaskKind::Replay(replay) => Some(&replay.application),
            TaskKind::Purge { application } => Some(application),
            TaskKind::Recover { .. } => None,
        }
    }

    fn new(id: TaskId, kind: TaskKind, rate: u32, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            rate,
            cursor: None,
            redriven: 0,
            scanned: 0,
            matched: 0,
            cancelled: false,
            created_at: now,
            finished_at: None,
            version: 0,
        }
    }

    /// Letters that one step puts back: at most 1,000, which one invocation can hold.
    pub const fn step_size(&self) -> usize {
        // At 500 per second and 60 s this is 30,000, more than one invocation should hold.
        let letters = self.rate as usize * STEP.as_secs() as usize;
        if letters < 1000 { letters } else { 1000 }
    }
}

/// The time between the probe number `probes` and the next one: a minute, doubling up to 15
/// minutes.
pub fn probe_interval(probes: u32) -> Duration {
    Duration::from_secs(60 << probes.min(4)).min(Duration::from_secs(900))
}
