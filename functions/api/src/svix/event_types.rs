//! Event types: descriptions that publishers keep for their subscribers. Examples of the relay's own
//! types (`job.*`, `batch.*`) can be sent although the types are not in the list until they are
//! imported.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{event_type::EventType, portal::Capability};
use manage::{ControlPlane, Principal, Refusal, event_types};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    event_type_in::{EventTypeIn, EventTypeOut, EventTypePatch, EventTypeUpdate},
    page::{self, ListResponse, Order, OrderQuery},
};
use crate::{
    bodies::spelt,
    web::{
        Routes, Stated,
        error::Error,
        gate::Authenticated,
        idempotency::Keyed,
        input::{Body, Query},
        page::{PageQuery, print_name, read_name},
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: event type")
        .admin(routes!(create))
        .read(routes!(list).portal(Capability::ViewBase))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(update))
        .admin(routes!(patch))
        .admin(routes!(delete))
}

/// Creates an event type, or brings one back that is archived.
#[utoipa::path(post, path = "/api/v1/event-type", operation_id = "v1.event-type.create",
    request_body = EventTypeIn, responses((status = 201, body = EventTypeOut), (status = 409)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Keyed(key): Keyed,
    Body(given): Body<EventTypeIn>,
) -> Result<(StatusCode, Json<EventTypeOut>), Error> {
    let (name, draft) = given.into();
    let made = event_types::create(&control, &principal, &name, draft, &key).await;
    Ok((StatusCode::CREATED, Json(made.map_err(spelt)?.into())))
}

/// Event types and fields that a list shows.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Whether archived event types are shown.
    #[serde(default)]
    #[param(required = false)]
    include_archived: bool,
    /// Whether schemas are shown.
    #[serde(default)]
    #[param(required = false)]
    with_content: bool,
}

/// The name that an iterator stands for. Svix's own iterators are the names of event types.
async fn name_of(
    control: &ControlPlane,
    principal: &Principal,
    iterator: &str,
) -> Result<String, Error> {
    if let Some(name) = read_name(iterator) {
        return Ok(name);
    }
    match event_types::find(control, principal, iterator).await {
        Ok(known) => Ok(known.name),
        Err(Refusal::NotFound) => Err(Error::param("iterator", page::UNKNOWN)),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The event types, by name.
#[utoipa::path(get, path = "/api/v1/event-type", operation_id = "v1.event-type.list",
    params(PageQuery, OrderQuery, ListQuery),
    responses((status = 200, body = ListResponse<EventTypeOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
    Query(order): Query<OrderQuery>,
    Query(ListQuery { include_archived, with_content }): Query<ListQuery>,
) -> Result<Json<ListResponse<EventTypeOut>>, Error> {
    let mut request = page.request();
    if let Some(text) = request.cursor.take() {
        request.cursor = Some(name_of(&control, &principal, &text).await?);
    }
    let back = request.back;
    let backwards = !page::is_oldest_first(order.or(Order::Ascending), back);
    let mut walk =
        event_types::list(&control, &principal, include_archived, backwards, request).await?;
    walk.next = walk.next.as_deref().map(print_name);
    let part = page::part(walk, |kind| print_name(&kind.name));
    let show = |mut kind: EventType| {
        kind.schemas = kind.schemas.filter(|_| with_content);
        EventTypeOut::from(kind)
    };
    Ok(Json(ListResponse::of(part, back, show)))
}

/// One event type.
#[utoipa::path(get, path = "/api/v1/event-type/{name}", operation_id = "v1.event-type.get",
    responses((status = 200, body = EventTypeOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<EventTypeOut>, Error> {
    Ok(Json(event_types::find(&control, &principal, &name).await?.into()))
}

/// Replaces an event type, or creates it.
#[utoipa::path(put, path = "/api/v1/event-type/{name}", operation_id = "v1.event-type.update",
    request_body = EventTypeUpdate,
    responses((status = 200, body = EventTypeOut), (status = 201, body = EventTypeOut),
        (status = 409)))]
async fn update(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Body(given): Body<EventTypeUpdate>,
) -> Result<(StatusCode, Json<EventTypeOut>), Error> {
    let written = event_types::put(&control, &principal, &name, given.into()).await;
    let (kind, created) = written.map_err(spelt)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(kind.into())))
}

/// Changes an event type in part: a field that is left out stays, and null clears.
#[utoipa::path(patch, path = "/api/v1/event-type/{name}", operation_id = "patch_event_type",
    request_body = EventTypePatch, responses((status = 200, body = EventTypeOut), (status = 409)))]
async fn patch(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Body(given): Body<EventTypePatch>,
) -> Result<Json<EventTypeOut>, Error> {
    let patched = event_types::patch(&control, &principal, &name, |draft| given.over(draft)).await;
    Ok(Json(patched.map_err(spelt)?.into()))
}

/// The query of the operation that deletes an event type.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// Whether the type is removed and not only archived.
    #[serde(default)]
    #[param(required = false)]
    expunge: bool,
}

/// Archives an event type, or removes it with `expunge`. Endpoints that name it go on naming it.
#[utoipa::path(delete, path = "/api/v1/event-type/{name}", operation_id = "v1.event-type.delete",
    params(DeleteQuery), responses((status = 204), (status = 409)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Query(DeleteQuery { expunge }): Query<DeleteQuery>,
) -> Result<StatusCode, Error> {
    match expunge {
        true => event_types::delete(&control, &principal, &name).await?,
        false => event_types::archive(&control, &principal, &name).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}
