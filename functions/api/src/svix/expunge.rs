//! Removing the content of messages for good.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use manage::{ControlPlane, applications, messages};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::background_tasks::{self, StartedOut};
use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: message")
        .admin(routes!(expunge))
        .admin(routes!(expunge_some))
        .admin(routes!(expunge_all))
}

/// Removes what a message said, wherever it is kept; the message and its attempts stay. What is
/// still on its way to an endpoint ends as cancelled.
#[utoipa::path(delete, path = "/api/v1/app/{app}/msg/{msg}/content",
    operation_id = "v1.message.expunge-content", responses((status = 204)))]
async fn expunge(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    messages::expunge(&control, &application, &msg).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Messages by their ids.
#[derive(Deserialize, ToSchema)]
struct BulkExpungeContentsIn {
    /// Ids of the messages, the relay's or their publisher's.
    #[schema(max_items = 100)]
    ids: Option<Vec<String>>,
}

/// The result for each message.
#[derive(Serialize, ToSchema)]
struct BulkExpungeContentsOut {
    /// `expunged` or `not-found`, by the id that was given.
    results: BTreeMap<String, &'static str>,
}

/// Removes what several messages said.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/bulk-expunge",
    operation_id = "v1.message.bulk-expunge-content", request_body = BulkExpungeContentsIn,
    responses((status = 200, body = BulkExpungeContentsOut)))]
async fn expunge_some(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Body(given): Body<BulkExpungeContentsIn>,
) -> Result<Json<BulkExpungeContentsOut>, Error> {
    let ids = given.ids.unwrap_or_default();
    let results = messages::expunge_some(&control, &app, ids).await?.into_iter();
    let word = |found| if found { "expunged" } else { "not-found" };
    let results = results.map(|(id, found)| (id, word(found))).collect();
    Ok(Json(BulkExpungeContentsOut { results }))
}

/// Removes what all messages of an application said until now: a task that goes on whatever happens
/// meanwhile.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/expunge-all-contents",
    operation_id = "v1.message.expunge-all-contents", responses((status = 202, body = StartedOut)))]
async fn expunge_all(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let task = messages::expunge_all(&control, &principal, application).await?;
    Ok((StatusCode::ACCEPTED, Json(background_tasks::started(&task))))
}
