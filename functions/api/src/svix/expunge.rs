//! Removing what messages said, for good.

use std::{collections::BTreeMap, sync::Arc};

use adapters::{random, table::WriteOutcome};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{id::TaskId, task::Task};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    background_tasks::{self, StartedOut},
    error::{HttpErrorOut, ValidationErrorOut},
    messages,
};
use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};
use manage::{ControlPlane, applications, tasks};

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(expunge)).admin(routes!(expunge_some)).admin(routes!(expunge_all))
}

/// Removes what a message said, wherever it is kept; the message and its attempts stay. What is
/// still on its way to an endpoint ends as cancelled.
#[utoipa::path(delete, path = "/api/v1/app/{app}/msg/{msg}/content", tag = "svix: message", operation_id = "v1.message.expunge-content",
    params(("app" = String, Path), ("msg" = String, Path)),
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn expunge(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    remove(&control, &app, &msg).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(control: &ControlPlane, app: &str, msg: &str) -> Result<(), Error> {
    let application = applications::resolve(control, app).await?.id;
    let event = messages::resolve(control, &application, msg).await?;
    let now = control.now();
    match dispatch::expunge::expunge(control.table(), control.bucket(), &event, now).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => Err(Error::NotFound),
    }
}

/// Which messages.
#[derive(Deserialize, ToSchema)]
struct BulkExpungeContentsIn {
    /// Their ids, ours or their publisher's.
    #[schema(max_items = 100)]
    ids: Option<Vec<String>>,
}

/// What came of each.
#[derive(Serialize, ToSchema)]
struct BulkExpungeContentsOut {
    /// `expunged` or `not-found`, by the id that was given.
    results: BTreeMap<String, &'static str>,
}

/// The same for several messages.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/bulk-expunge", tag = "svix: message", operation_id = "v1.message.bulk-expunge-content",
    params(("app" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = BulkExpungeContentsIn,
    responses((status = 200, body = BulkExpungeContentsOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn expunge_some(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Body(given): Body<BulkExpungeContentsIn>,
) -> Result<Json<BulkExpungeContentsOut>, Error> {
    let ids = given.ids.unwrap_or_default();
    if 100 < ids.len() {
        return Err(Error::field("ids", "has at most 100 entries"));
    }
    applications::resolve(&control, &app).await?;
    let mut results = BTreeMap::new();
    for id in ids {
        let result = match remove(&control, &app, &id).await {
            Ok(()) => "expunged",
            Err(Error::NotFound) => "not-found",
            Err(error) => return Err(error),
        };
        results.insert(id, result);
    }
    Ok(Json(BulkExpungeContentsOut { results }))
}

/// Removes what all messages of an application said until now: a task that goes on whatever happens
/// meanwhile.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/expunge-all-contents", tag = "svix: message", operation_id = "v1.message.expunge-all-contents",
    params(("app" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 202, body = StartedOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn expunge_all(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let task = Task::purge(TaskId::random(random::bytes()), application, control.now());
    tasks::start(&control, &task).await?;
    info!(audit = true, key = %principal.key, task = %task.id, "an application's contents are to be removed");
    Ok((StatusCode::ACCEPTED, Json(background_tasks::started(&task))))
}
