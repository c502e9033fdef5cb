//! Words for the kind and the state of a task, as the API and live updates show them.

use serde::{Deserialize, Serialize};

use super::{Task, TaskKind};
use crate::replay::ReplaySelection;

/// The kind of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskWord {
    /// Puts back the letters that a caller chose.
    Redrive,
    /// Removes the letters that a caller chose.
    Discard,
    /// Removes the content of all messages of an application.
    Purge,
    /// Waits for an endpoint, and puts back its letters.
    Recover,
    /// Puts back messages that could be read but not processed.
    Resend,
    /// Sends again what failed at an endpoint.
    ReplayFailed,
    /// Sends what an endpoint never got.
    ReplayMissing,
    /// Sends again what was tried at an endpoint.
    ReplayTried,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Something is left to do.
    Running,
    /// All work of the task is done.
    Finished,
    /// A caller stopped the task.
    Cancelled,
}

impl TaskWord {
    /// The kind of a task.
    pub const fn of(task: &Task) -> Self {
        match &task.kind {
            TaskKind::Redrive { .. } => Self::Redrive,
            TaskKind::Discard { .. } => Self::Discard,
            TaskKind::Purge { .. } => Self::Purge,
            TaskKind::Recover { .. } => Self::Recover,
            TaskKind::Resend { .. } => Self::Resend,
            TaskKind::Replay(replay) => match replay.which {
                ReplaySelection::Failed => Self::ReplayFailed,
                ReplaySelection::Missing => Self::ReplayMissing,
                ReplaySelection::Tried { .. } => Self::ReplayTried,
            },
        }
    }
}

impl TaskState {
    /// The state of a task.
    pub const fn of(task: &Task) -> Self {
        match (task.finished_at, task.cancelled) {
            (None, _) => Self::Running,
            (Some(_), true) => Self::Cancelled,
            (Some(_), false) => Self::Finished,
        }
    }
}
