//! Tasks: progress of work over many letters or messages, and stopping it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    portal::Capability,
    task::{Task, TaskKind, TaskState, TaskWord},
};
use manage::{ControlPlane, tasks};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::letter_filter::FilterOut;
use crate::web::{
    Routes, Stated,
    error::Error,
    gate::Authenticated,
    input::Query,
    page::{List, PageQuery},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("tasks")
        .read(routes!(list))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(cancel))
}

/// A task.
#[derive(Serialize, ToSchema)]
struct TaskOut {
    id: String,
    /// `redrive`, `discard`, `purge`, `recover` for the one that waits for an endpoint, `resend` for the one that puts
    /// back messages which could be read but not processed, or what is sent again:
    /// `replay_failed`, `replay_missing`, `replay_tried`.
    #[schema(value_type = String)]
    kind: TaskWord,
    /// `running`, `finished` or `cancelled`.
    #[schema(value_type = String)]
    state: TaskState,
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

impl From<Task> for TaskOut {
    fn from(task: Task) -> Self {
        let (kind, state) = (TaskWord::of(&task), TaskState::of(&task));
        let mut dry_run = false;
        let filter = match task.kind {
            TaskKind::Redrive { filter } | TaskKind::Discard { filter } => filter.into(),
            TaskKind::Purge { application } => FilterOut::of_application(&application),
            TaskKind::Recover { endpoint, .. } => FilterOut::of_endpoint(&endpoint),
            TaskKind::Resend { .. } => FilterOut::default(),
            TaskKind::Replay(replay) => {
                dry_run = replay.dry_run;
                FilterOut::of_replay(&replay)
            }
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

/// The query of a list of tasks: the choice of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TasksQuery {
    /// Tasks that are `running`, `finished` or `cancelled`.
    #[param(value_type = String, required = false)]
    state: Option<TaskState>,
    /// Tasks of this kind, as `kind` of a task has it.
    #[param(value_type = String, required = false)]
    kind: Option<TaskWord>,
}

/// Tasks that run, or ended within the retention, newest first: 250 of them unless `limit` says otherwise.
#[utoipa::path(get, path = "/v1/tasks", operation_id = "list_tasks", params(TasksQuery, PageQuery),
    responses((status = 200, body = List<TaskOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(TasksQuery { state, kind }): Query<TasksQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<TaskOut>>, Error> {
    let keep = |task: &Task| {
        state.is_none_or(|state| state == TaskState::of(task))
            && kind.is_none_or(|kind| kind == TaskWord::of(task))
    };
    let page = page.or_whole().by_time()?;
    let part = tasks::list(&control, &principal, keep, false, page).await?;
    // A tenant's tasks are looked for among all.
    let has_filter = state.is_some() || kind.is_some() || principal.application.is_some();
    Ok(Json(List::of(part, has_filter, TaskOut::from)))
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
