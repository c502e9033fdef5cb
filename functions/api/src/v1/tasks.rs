//! Tasks: progress of work over many letters or messages, and stopping it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    replay::ReplaySelection,
    task::{Task, TaskKind},
};
use manage::{ControlPlane, tasks};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::letter_filter::FilterOut;
use crate::web::{Routes, error::Error, gate::Authenticated};

pub(super) fn routes() -> Routes {
    Routes::tagged("tasks").read(routes!(list)).read(routes!(get)).admin(routes!(cancel))
}

/// A task.
#[derive(Serialize, ToSchema)]
struct TaskOut {
    id: String,
    /// `redrive`, `discard`, `purge`, `recover` for the one that waits for an endpoint, `resend` for the one that puts
    /// back messages which could be read but not processed, or what is sent again:
    /// `replay_failed`, `replay_missing`, `replay_tried`.
    kind: &'static str,
    /// `running`, `finished` or `cancelled`.
    state: &'static str,
    /// Letters or messages put back, sent or thrown away so far.
    redriven: u64,
    /// Letters or messages that were meant, of those looked at so far.
    matched: u64,
    /// Letters or messages looked at so far.
    scanned: u64,
    /// Whether the task only counts.
    dry_run: bool,
    /// Letters or messages per second.
    rate: u32,
    /// Selection of the letters or messages.
    filter: FilterOut,
    created_at: String,
    finished_at: Option<String>,
}

/// All tasks.
#[derive(Serialize, ToSchema)]
struct TaskList {
    data: Vec<TaskOut>,
}

impl From<Task> for TaskOut {
    fn from(task: Task) -> Self {
        let mut dry_run = false;
        let (kind, filter) = match task.kind {
            TaskKind::Redrive { filter } => ("redrive", filter.into()),
            TaskKind::Discard { filter } => ("discard", filter.into()),
            TaskKind::Purge { application } => ("purge", FilterOut::of_application(&application)),
            TaskKind::Recover { endpoint, .. } => ("recover", FilterOut::of_endpoint(&endpoint)),
            TaskKind::Resend { .. } => ("resend", FilterOut::default()),
            TaskKind::Replay(replay) => {
                dry_run = replay.dry_run;
                let kind = match replay.which {
                    ReplaySelection::Failed => "replay_failed",
                    ReplaySelection::Missing => "replay_missing",
                    ReplaySelection::Tried { .. } => "replay_tried",
                };
                (kind, FilterOut::of_replay(&replay))
            }
        };
        let state = match (task.finished_at, task.cancelled) {
            (None, _) => "running",
            (Some(_), true) => "cancelled",
            (Some(_), false) => "finished",
        };
        Self {
            id: task.id.to_string(),
            kind,
            state,
            redriven: task.redriven,
            matched: task.matched,
            scanned: task.scanned,
            dry_run,
            rate: task.rate,
            filter,
            created_at: task.created_at.rfc3339(),
            finished_at: task.finished_at.map(|at| at.rfc3339()),
        }
    }
}

/// Every task that runs, or ended within the retention, newest first.
#[utoipa::path(get, path = "/v1/tasks", operation_id = "list_tasks",
    responses((status = 200, body = TaskList)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskList>, Error> {
    let tasks = tasks::list(&control, &principal).await?;
    Ok(Json(TaskList { data: tasks.into_iter().rev().map(TaskOut::from).collect() }))
}

/// The progress of a task.
#[utoipa::path(get, path = "/v1/tasks/{id}", operation_id = "get_task",
    responses((status = 200, body = TaskOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskOut>, Error> {
    Ok(Json(tasks::find(&control, &principal, &id).await?.into()))
}

/// Stops a task where it is. What it has done stays done.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", operation_id = "cancel_task",
    responses((status = 200, body = TaskOut), (status = 409)))]
async fn cancel(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskOut>, Error> {
    Ok(Json(tasks::cancel(&control, &principal, &id).await?.into()))
}
