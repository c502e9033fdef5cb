//! News for the owner of the relay or of an application: tasks, and requests that were refused.

use serde::{Deserialize, Serialize};

use crate::{
    id::TaskId,
    refusals::{RefusalReason, RefusalSample},
    task::{Task, TaskState, TaskWord},
    time::Timestamp,
};

/// A task was started, did a step, or ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskNews {
    /// The id of the task.
    pub id: TaskId,
    /// The kind of the task.
    pub kind: TaskWord,
    /// The state of the task after the change.
    pub state: TaskState,
    /// Letters or messages so far that the task is meant for.
    pub matched: u64,
    /// Letters or messages looked at so far.
    pub scanned: u64,
    /// Letters or messages put back, sent or removed so far.
    pub redriven: u64,
    /// Letters or messages per second.
    pub rate: u32,
    /// The time of the change.
    pub at: Timestamp,
}

/// A request of a sender was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalNews {
    /// The name of the source.
    pub source: String,
    /// The reason why the request was refused, as a word.
    pub reason: RefusalReason,
    /// The reason why the request was refused, in a sentence for the owner of the source.
    pub sentence: String,
    /// The time at which the request arrived.
    pub at: Timestamp,
}

impl TaskNews {
    /// The news of a task, as it is after its change at `now`.
    pub fn of(task: &Task, now: Timestamp) -> Self {
        Self {
            id: task.id.clone(),
            kind: TaskWord::of(task),
            state: TaskState::of(task),
            matched: task.matched,
            scanned: task.scanned,
            redriven: task.redriven,
            rate: task.rate,
            at: now,
        }
    }
}

impl RefusalNews {
    /// The news of a refused request of a source.
    pub fn of(source: &str, sample: &RefusalSample) -> Self {
        Self {
            source: source.to_owned(),
            reason: sample.reason,
            sentence: sample.sentence.clone(),
            at: sample.at,
        }
    }
}
