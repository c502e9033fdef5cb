//! Work the relay gives itself: bringing dead letters back, bit by bit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApplicationId, EndpointId, TaskId},
    letter::LetterFilter,
    replay::Replay,
    time::Timestamp,
};

/// A task, as it lies in the table. It is `due` like a delivery, so a crash in the middle of it
/// costs a repetition of steps that are harmless to repeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// What to do.
    pub kind: TaskKind,
    /// Letters put back per second.
    pub rate: u32,
    /// Where to go on in the list of letters.
    pub cursor: Option<String>,
    /// Letters or messages put back so far, or thrown away.
    pub redriven: u64,
    /// Letters or messages looked at so far.
    #[serde(default)]
    pub scanned: u64,
    /// Those of them that were meant.
    #[serde(default)]
    pub matched: u64,
    /// Somebody said that it is to go no further.
    #[serde(default)]
    pub cancelled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Counts changes; every write is conditional on the one it read.
    pub version: u64,
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TaskKind {
    /// Waits for an endpoint to answer again, asking with one letter at a time, then puts back all
    /// that wait for it.
    Recover {
        /// The endpoint.
        endpoint: EndpointId,
        /// Whether it answers.
        answering: bool,
        /// Probes without success so far.
        probes: u32,
    },
    /// Puts back the letters that somebody chose.
    Redrive {
        /// Which.
        filter: LetterFilter,
    },
    /// Throws away the letters that somebody chose.
    Discard {
        /// Which.
        filter: LetterFilter,
    },
    /// Sends messages to an endpoint, again or for the first time.
    Replay(Replay),
    /// Removes what an application's messages said, for good.
    Purge {
        /// Whose.
        application: ApplicationId,
    },
}

/// Letters put back per second, unless somebody asks otherwise.
pub const DEFAULT_RATE: u32 = 10;
/// Most letters per second that can be asked for.
pub const MAX_RATE: u32 = 500;
/// How far one step of a task reaches: it puts back so many seconds' worth of letters.
pub const STEP: Duration = Duration::from_secs(60);

impl Task {
    /// The task that waits for an endpoint.
    pub fn recover(endpoint: &EndpointId, now: Timestamp) -> Self {
        let kind = TaskKind::Recover { endpoint: endpoint.clone(), answering: false, probes: 0 };
        Self::new(TaskId::recovery(endpoint), kind, DEFAULT_RATE, now)
    }

    /// The task that puts chosen letters back.
    pub fn redrive(id: TaskId, filter: LetterFilter, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Redrive { filter }, rate.clamp(1, MAX_RATE), now)
    }

    /// The task that throws chosen letters away.
    pub fn discard(id: TaskId, filter: LetterFilter, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Discard { filter }, MAX_RATE, now)
    }

    /// The task that sends messages to an endpoint.
    pub fn replay(id: TaskId, replay: Replay, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Replay(replay), rate.clamp(1, MAX_RATE), now)
    }

    /// The task that removes what an application's messages said.
    pub fn purge(id: TaskId, application: ApplicationId, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Purge { application }, MAX_RATE, now)
    }

    /// The application it works for, if it works for one alone.
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

    /// How many letters one step puts back.
    pub const fn step_size(&self) -> usize {
        // At 500 per second and 60 s this is 30,000, more than one invocation should hold.
        let letters = self.rate as usize * STEP.as_secs() as usize;
        if letters < 1000 { letters } else { 1000 }
    }
}

/// How long after the probe number `probes` the next one follows: 60 s growing to 15 minutes.
pub fn probe_interval(probes: u32) -> Duration {
    Duration::from_secs(60 << probes.min(4)).min(Duration::from_secs(900))
}
