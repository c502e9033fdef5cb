//! Tasks: how far the relay is with what it gave itself to do.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    id::TaskId,
    letter::Filter,
    task::{Kind, Task},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{Api, Routes, auth::Asker, error::Error};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(get))
}

/// A task.
#[derive(Serialize, ToSchema)]
struct TaskOut {
    id: String,
    /// `redrive`, or `recover` for the one that waits for an endpoint.
    kind: &'static str,
    /// `running` or `finished`.
    state: &'static str,
    /// Letters put back so far.
    redriven: u64,
    /// Letters per second.
    rate: u32,
    /// Which letters.
    filter: FilterOut,
    created_at: String,
    finished_at: Option<String>,
}

/// Which letters a task puts back.
#[derive(Default, Serialize, ToSchema)]
struct FilterOut {
    endpoint: Option<String>,
    application: Option<String>,
    event_type: Option<String>,
    batch_id: Option<String>,
    #[schema(value_type = Option<String>)]
    error_class: Option<domain::retry::ErrorClass>,
    since: Option<String>,
    until: Option<String>,
}

impl From<Filter> for FilterOut {
    fn from(filter: Filter) -> Self {
        Self {
            endpoint: filter.endpoint.map(|id| id.to_string()),
            application: filter.application.map(|id| id.to_string()),
            event_type: filter.event_type,
            batch_id: filter.batch_id,
            error_class: filter.error_class,
            since: filter.since.map(|at| at.rfc3339()),
            until: filter.until.map(|at| at.rfc3339()),
        }
    }
}

impl From<Task> for TaskOut {
    fn from(task: Task) -> Self {
        let (kind, filter) = match task.kind {
            Kind::Redrive { filter } => ("redrive", filter.into()),
            Kind::Recover { endpoint, .. } => {
                let endpoint = Some(endpoint.to_string());
                ("recover", FilterOut { endpoint, ..FilterOut::default() })
            }
        };
        Self {
            id: task.id.to_string(),
            kind,
            state: if task.finished_at.is_some() { "finished" } else { "running" },
            redriven: task.redriven,
            rate: task.rate,
            filter,
            created_at: task.created_at.rfc3339(),
            finished_at: task.finished_at.map(|at| at.rfc3339()),
        }
    }
}

/// How far a task is.
#[utoipa::path(get, path = "/v1/tasks/{id}", tag = "tasks", operation_id = "get_task",
    params(("id" = String, Path)),
    responses((status = 200, body = TaskOut), (status = 401), (status = 404)))]
async fn get(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
) -> Result<Json<TaskOut>, Error> {
    let id = TaskId::parse(&id).map_err(|_| Error::NotFound)?;
    let task = api.table.task(&id).await?.ok_or(Error::NotFound)?;
    let theirs = match &task.kind {
        Kind::Redrive { filter } => filter.application.as_ref().is_some_and(|id| asker.sees(id)),
        Kind::Recover { .. } => false,
    };
    if !theirs && asker.application.is_some() {
        return Err(Error::NotFound);
    }
    Ok(Json(task.into()))
}
