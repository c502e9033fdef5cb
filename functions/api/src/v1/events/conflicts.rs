//! Other bodies that came under the key of an event.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::id::EventId;
use manage::{
    ControlPlane,
    conflicts::{self, Conflict, Conflicts},
    events,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_body::ShownBody;
use crate::web::{error::Error, gate::Authenticated};

/// Most bytes of a body that are shown.
const MAX_BODY: usize = 64 * 1024;

/// Other bodies that came under the key of an event.
#[derive(Serialize, ToSchema)]
pub(super) struct ConflictList {
    /// The newest 5 of those that are kept, newest first.
    data: Vec<ConflictOut>,
    /// Number of bodies that are kept: the first 16, and none once the event's content was removed.
    kept: usize,
    /// Number of conflicts, kept or not.
    conflicts: u64,
}

/// A body that came under the key of an event and differs from the event's own.
#[derive(Serialize, ToSchema)]
struct ConflictOut {
    /// Time at which its request arrived.
    at: String,
    /// Media type, as the sender named it.
    content_type: Option<String>,
    #[serde(flatten)]
    body: ShownBody,
}

impl From<Conflict> for ConflictOut {
    fn from(Conflict { at, content_type, body }: Conflict) -> Self {
        Self { at: at.rfc3339(), content_type, body: ShownBody::of(&body, MAX_BODY) }
    }
}

/// Bodies that came under the key of an event and differ from the event's own. Of each the first 64 KiB are
/// shown.
#[utoipa::path(get, path = "/v1/events/{id}/conflicts", operation_id = "list_event_conflicts",
    responses((status = 200, body = ConflictList)))]
pub(super) async fn list(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<ConflictList>, Error> {
    let id = EventId::parse(&id).map_err(|_| Error::NotFound)?;
    let event = events::find(&control, &principal, &id).await?;
    let Conflicts { shown, kept } = conflicts::of(&control, &event).await?;
    let data = shown.into_iter().map(ConflictOut::from).collect();
    Ok(Json(ConflictList { data, kept, conflicts: event.conflicts }))
}
