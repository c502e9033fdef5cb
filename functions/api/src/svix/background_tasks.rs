//! Our tasks as Svix's clients know them: those that send an endpoint past messages. The others are
//! under `/v1/tasks`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    portal::Capability,
    replay::ReplaySelection,
    task::{Task, TaskKind},
};
use manage::{ControlPlane, Refusal, tasks};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::page::{self, ListResponse, Order, OrderQuery};
use crate::web::{
    Routes, Stated, error::Error, gate::Authenticated, input::Query, page::PageQuery,
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: background task")
        .read(routes!(list))
        .read(routes!(get).portal(Capability::ViewBase))
}

/// A task that was begun.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartedOut {
    /// Id of the task, `qtask_…`.
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
    /// Selection of the task and its progress.
    #[schema(value_type = Object)]
    data: Map<String, Value>,
}

/// Svix's name of a task; `None` for tasks that Svix does not have.
fn name(task: &Task) -> Option<&'static str> {
    match &task.kind {
        TaskKind::Replay(replay) => Some(match replay.which {
            ReplaySelection::Failed => "endpoint.recover",
            ReplaySelection::Missing => "endpoint.replay",
            ReplaySelection::Tried { .. } => "endpoint.bulk-replay",
        }),
        TaskKind::Purge { .. } => Some("application.purge_content"),
        TaskKind::Recover { .. }
        | TaskKind::Resend { .. }
        | TaskKind::Redrive { .. }
        | TaskKind::Discard { .. } => None,
    }
}

/// A task as it is answered when it begins.
pub(super) fn started(task: &Task) -> StartedOut {
    StartedOut {
        id: format!("q{}", task.id),
        status: TaskStatus::of(task).word(),
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

/// The query of a list of tasks: the state and kind of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TaskQuery {
    #[param(value_type = String, required = false)]
    status: Option<TaskStatus>,
    #[param(nullable = false)]
    task: Option<String>,
}

/// State of a task as Svix names it.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum TaskStatus {
    Running,
    Finished,
    Failed,
}

impl TaskStatus {
    const fn of(task: &Task) -> Self {
        match (task.finished_at, task.cancelled) {
            (None, _) => Self::Running,
            (Some(_), false) => Self::Finished,
            // Svix's tasks cannot be cancelled.
            (Some(_), true) => Self::Failed,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }
}

/// Tasks that send past messages, oldest first unless asked otherwise.
#[utoipa::path(get, path = "/api/v1/background-task", operation_id = "v1.background-task.list",
    params(TaskQuery, PageQuery, OrderQuery),
    responses((status = 200, body = ListResponse<BackgroundTaskOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(query): Query<TaskQuery>,
    Query(page): Query<PageQuery>,
    Query(order): Query<OrderQuery>,
) -> Result<Json<ListResponse<BackgroundTaskOut>>, Error> {
    let keep = |task: &Task| {
        let kind = name(task);
        kind.is_some()
            && query.status.is_none_or(|status| status == TaskStatus::of(task))
            && (query.task.is_none() || query.task.as_deref() == kind)
    };
    let find = async |id: String| {
        let Some(id) = id.strip_prefix('q') else { return Ok(None) };
        match tasks::find(&control, &principal, id).await {
            Ok(task) => Ok(Some(tasks::place(&task))),
            Err(Refusal::NotFound) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    };
    let request = page::by_time(page, find).await?;
    let back = request.back;
    let oldest_first = page::is_oldest_first(order.or(Order::Ascending), back);
    let walk = tasks::list(&control, &principal, keep, oldest_first, request).await?;
    Ok(Json(ListResponse::of(page::part(walk, tasks::place), back, show)))
}

/// One background task.
#[utoipa::path(get, path = "/api/v1/background-task/{id}", operation_id = "v1.background-task.get",
    responses((status = 200, body = BackgroundTaskOut)))]
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
