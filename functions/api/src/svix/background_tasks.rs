//! Our tasks as Svix's clients know them: those that send an endpoint past messages. The others are
//! under `/v1/tasks`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    replay::ReplaySelection,
    task::{Task, TaskKind},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::{HttpErrorOut, ValidationErrorOut},
    page::{self, ListResponse},
};
use crate::{
    v1::tasks,
    web::{Routes, error::Error, gate::Authenticated, params::Params},
};
use manage::ControlPlane;

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(list)).read(routes!(get))
}

/// A task that was begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartedOut {
    /// `qtask_…`
    id: String,
    /// `running`, `finished` or `failed`.
    status: &'static str,
    /// `endpoint.recover`, `endpoint.replay`, `endpoint.bulk-replay` or `application.purge_content`.
    task: &'static str,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A task, and how far it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BackgroundTaskOut {
    #[serde(flatten)]
    task: StartedOut,
    /// What was asked for, and how far it is.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// What Svix calls a task; nothing if it knows no such task.
fn name(task: &Task) -> Option<&'static str> {
    match &task.kind {
        TaskKind::Replay(replay) => Some(match replay.which {
            ReplaySelection::Failed => "endpoint.recover",
            ReplaySelection::Missing => "endpoint.replay",
            ReplaySelection::Tried { .. } => "endpoint.bulk-replay",
        }),
        TaskKind::Purge { .. } => Some("application.purge_content"),
        TaskKind::Recover { .. } | TaskKind::Redrive { .. } | TaskKind::Discard { .. } => None,
    }
}

/// A task as it is answered when it begins.
pub(super) fn started(task: &Task) -> StartedOut {
    StartedOut {
        id: format!("q{}", task.id),
        status: match (task.finished_at, task.cancelled) {
            (None, _) => "running",
            (Some(_), false) => "finished",
            // Svix's tasks cannot be stopped.
            (Some(_), true) => "failed",
        },
        task: name(task).unwrap_or("endpoint.replay"),
        updated_at: task.finished_at.unwrap_or(task.created_at).rfc3339(),
    }
}

fn show(task: Task) -> BackgroundTaskOut {
    let mut data = Map::new();
    for (name, count) in
        [("scanned", task.scanned), ("matched", task.matched), ("sent", task.redriven)]
    {
        data.insert(name.to_owned(), json!(count));
    }
    if let TaskKind::Replay(replay) = &task.kind {
        data.insert("appId".to_owned(), json!(replay.application));
        data.insert("endpointId".to_owned(), json!(replay.endpoint));
        data.insert("since".to_owned(), json!(replay.since.rfc3339()));
        data.insert("until".to_owned(), json!(replay.until.map(|at| at.rfc3339())));
        data.insert("dryRun".to_owned(), json!(replay.dry_run));
    }
    if let TaskKind::Purge { application } = &task.kind {
        data.insert("appId".to_owned(), json!(application));
    }
    BackgroundTaskOut { task: started(&task), data }
}

/// Tasks that send past messages, oldest first unless asked otherwise.
#[utoipa::path(get, path = "/api/v1/background-task", tag = "svix: background task", operation_id = "v1.background-task.list",
    params(("status" = Option<String>, Query), ("task" = Option<String>, Query), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("order" = Option<String>, Query)),
    responses((status = 200, body = ListResponse<BackgroundTaskOut>), (status = 401, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<ListResponse<BackgroundTaskOut>>, Error> {
    let (status, kind) = (params.text("status"), params.text("task"));
    if status.is_some_and(|status| !["running", "finished", "failed"].contains(&status)) {
        return Err(Error::param("status", "is running, finished or failed"));
    }
    let mut all = control.table().tasks().await?;
    all.retain(|task| {
        let shown = started(task);
        name(task).is_some()
            && tasks::sees(&principal, task)
            && status.is_none_or(|status| status == shown.status)
            && kind.is_none_or(|kind| kind == shown.task)
    });
    all.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    page::part(all, &params, |task| task.id.to_string(), show).map(Json)
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/background-task/{id}", tag = "svix: background task", operation_id = "v1.background-task.get",
    params(("id" = String, Path)),
    responses((status = 200, body = BackgroundTaskOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<BackgroundTaskOut>, Error> {
    let id = id.strip_prefix('q').ok_or(Error::NotFound)?;
    let task = tasks::find(&control, &principal, id).await?;
    match name(&task) {
        Some(_) => Ok(Json(show(task))),
        None => Err(Error::NotFound),
    }
}
