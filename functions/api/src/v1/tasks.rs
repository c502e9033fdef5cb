//! Tasks: how far the relay is with what it was given to do, and stopping it.

use std::sync::Arc;

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    id::TaskId,
    replay::ReplaySelection,
    task::{Task, TaskKind},
};
use serde::Serialize;
use tracing::{info, warn};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::letter_filter::FilterOut,
    web::{Routes, error::Error, gate::Authenticated},
};
use manage::{ControlPlane, Principal};

pub(crate) fn routes() -> Routes {
    Routes::new().read(routes!(list)).read(routes!(get)).admin(routes!(cancel))
}

/// How often a change looks again when the task goes on at the same time.
const TRIES: usize = 8;

/// A task.
#[derive(Serialize, ToSchema)]
struct TaskOut {
    id: String,
    /// `redrive`, `discard`, `purge`, `recover` for the one that waits for an endpoint, or what is sent again:
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
    /// Whether it only counts.
    dry_run: bool,
    /// Letters or messages per second.
    rate: u32,
    /// ReplaySelection letters or messages.
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

/// Keeps a new task and rings for it. It is due, so a bell that is not heard costs time only.
pub(crate) async fn start(control: &ControlPlane, task: &Task) -> Result<(), Error> {
    control.table().create_task(task, task.created_at).await?;
    if let Err(error) = control.bells().task(&task.id).await {
        warn!(%error, "a task was not rung for; the sweep will");
    }
    Ok(())
}

/// The task of this id, if it is there for whoever asks. One that works for no application alone is for
/// those who see all of them.
pub(crate) async fn find(
    control: &ControlPlane,
    principal: &Principal,
    id: &str,
) -> Result<Task, Error> {
    let id = TaskId::parse(id).map_err(|_| Error::NotFound)?;
    let task = control.table().task(&id).await?.ok_or(Error::NotFound)?;
    if sees(principal, &task) { Ok(task) } else { Err(Error::NotFound) }
}

/// Whether a task is there for whoever asks.
pub(crate) fn sees(principal: &Principal, task: &Task) -> bool {
    match task.application() {
        Some(application) => principal.sees(application),
        None => principal.application.is_none(),
    }
}

/// Every task that runs, or ended within the retention, newest first.
#[utoipa::path(get, path = "/v1/tasks", tag = "tasks", operation_id = "list_tasks",
    responses((status = 200, body = TaskList), (status = 401)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskList>, Error> {
    let mut tasks = control.table().tasks().await?;
    tasks.retain(|task| sees(&principal, task));
    tasks.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    Ok(Json(TaskList { data: tasks.into_iter().map(TaskOut::from).collect() }))
}

/// How far a task is.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", operation_id = "get_task",
    params(("id" = String, Path)),
    responses((status = 200, body = TaskOut), (status = 401), (status = 404)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskOut>, Error> {
    Ok(Json(find(&control, &principal, &id).await?.into()))
}

/// Stops a task where it is. What it has done stays done.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", tag = "tasks", operation_id = "cancel_task",
    params(("id" = String, Path)),
    responses((status = 200, body = TaskOut), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn cancel(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<TaskOut>, Error> {
    for _ in 0..TRIES {
        let mut task = find(&control, &principal, &id).await?;
        if matches!(task.kind, TaskKind::Recover { .. }) {
            let why = "it waits for an endpoint; disable that, or delete its letters";
            return Err(Error::Conflict(why.to_owned()));
        }
        if task.finished_at.is_some() {
            return Ok(Json(task.into()));
        }
        task.cancelled = true;
        task.finished_at = Some(control.now());
        if control.table().update_task(&task, None).await? == WriteOutcome::Done {
            info!(audit = true, key = %principal.key, task = %task.id, "a task was cancelled");
            return Ok(Json(task.into()));
        }
    }
    Err(Error::Conflict("it goes on all the time; please try again".to_owned()))
}
