//! Listeners: endpoints whose deliveries go to whoever is connected over WebSocket and listens.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use domain::{filter::FilterText, id::EventId, lane::DeliveryOrdering};
use manage::{
    ControlPlane, Refusal,
    endpoints::listeners::{self, ListenerChange, ListenerDraft, ListenerView},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    input::{Body, Query},
    page::{List, PageQuery},
};

/// A listener gets what a key of scope `read` may read, and writes how its deliveries went.
pub(super) fn routes() -> Routes {
    Routes::tagged("listeners")
        .read(routes!(list))
        .publish(routes!(put))
        .publish(routes!(delete))
        .read(routes!(body))
}

/// A listener as its user wants it. What is left out is all events, unordered.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
struct ListenerIn {
    /// Id or uid of the application whose events are wanted; without one, the source's, the key's own, or
    /// the only one that there is.
    application: Option<String>,
    /// Name of the one source whose events are wanted.
    source: Option<String>,
    /// Event types that are wanted, or families such as `job.*`; at least one.
    events: Option<Vec<String>>,
    /// Pattern that contents must match, as of an endpoint.
    #[schema(value_type = Option<Object>)]
    filter: Option<FilterText>,
    /// Order of the deliveries: `job`, `channel`, or a path such as `$.data.customer.id`.
    ordering: Option<String>,
    /// Whether what waits is to be left waiting. The answer has the time for the field `after_ms` of the
    /// action `listen` then.
    skip_waiting: bool,
}

/// A listener.
#[derive(Serialize, ToSchema)]
struct ListenerOut {
    name: String,
    /// Id of its endpoint, to which its deliveries and their attempts belong.
    endpoint_id: String,
    /// Id of the application whose events it gets.
    application: String,
    /// Name of the one source whose events it gets; null for all.
    source: Option<String>,
    /// Event types that it gets; null for all.
    events: Option<Vec<String>>,
    /// Pattern that contents must match.
    #[schema(value_type = Option<Object>)]
    filter: Option<Box<RawValue>>,
    /// Order of its deliveries.
    ordering: Option<String>,
    /// Whether somebody listens now.
    connected: bool,
    /// Number of deliveries that wait for somebody to listen; 1000 stands for 1000 or more.
    waiting: usize,
    created_at: String,
    /// Time at which it was last used, to the hour.
    seen_at: String,
    /// Time from which it is removed, unless it is used before.
    expires_at: String,
}

impl From<ListenerView> for ListenerOut {
    fn from(view: ListenerView) -> Self {
        let ListenerView { listener, endpoint, is_heard, waiting } = view;
        let filter = endpoint.filter.as_ref().map(|filter| filter.text().to_owned());
        Self {
            endpoint_id: listener.endpoint.to_string(),
            application: listener.application.to_string(),
            source: endpoint.source,
            events: (!endpoint.event_types.is_empty()).then_some(endpoint.event_types),
            filter: filter.and_then(|text| RawValue::from_string(text).ok()),
            ordering: endpoint.ordering.as_ref().map(DeliveryOrdering::print),
            connected: is_heard,
            waiting,
            created_at: endpoint.created_at.rfc3339(),
            seen_at: listener.seen_at.rfc3339(),
            expires_at: listener.ends_at().rfc3339(),
            name: listener.name,
        }
    }
}

/// A listener that was made or taken again.
#[derive(Serialize, ToSchema)]
struct ListenerTaken {
    #[serde(flatten)]
    listener: ListenerOut,
    /// Secret that signs its deliveries, in the form of Standard Webhooks.
    secret: String,
    /// Whether this request made it.
    created: bool,
    /// Milliseconds since 1970, for `after_ms` of the action `listen`: what waits since before then is left
    /// waiting. Null unless `skip_waiting` was asked for.
    skipped_before_ms: Option<u64>,
}

/// The application of a listener, where the key sees several.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ApplicationQuery {
    /// Id or uid of the application of the listener, where the key sees several.
    #[param(nullable = false)]
    application: Option<String>,
}

/// Makes a listener, or takes the one of this name again.
///
/// The secret of a listener that exists, and what waits for it, stay. A client that connects to the
/// WebSocket API and sends `listen` gets its deliveries. A listener that is not used for seven days is
/// removed.
#[utoipa::path(put, path = "/v1/listeners/{listener}", operation_id = "put_listener",
    request_body = ListenerIn,
    responses((status = 200, body = ListenerTaken), (status = 201, body = ListenerTaken),
        (status = 409, description = "The application has as many endpoints as it may.")))]
async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<ListenerIn>,
) -> Result<impl IntoResponse, Error> {
    let ListenerIn { application, source, events, filter, ordering, skip_waiting } = given;
    let draft = ListenerDraft { application, source, events, filter, ordering };
    let change = listeners::put(&control, &principal, &name, draft).await?;
    let ListenerChange { view, secret, created, at } = change;
    let secret = secret.as_str().ok_or(Refusal::NotFound)?.to_owned();
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let skipped_before_ms = skip_waiting.then_some(at.0);
    let taken = ListenerTaken { listener: view.into(), secret, created, skipped_before_ms };
    Ok((status, [(header::CACHE_CONTROL, "no-store")], Json(taken)))
}

/// Listeners, the last used first: of one application, or of all that the key may see.
#[utoipa::path(get, path = "/v1/listeners", operation_id = "list_listeners",
    params(ApplicationQuery, PageQuery),
    responses((status = 200, body = List<ListenerOut>), (status = 404)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<ListenerOut>>, Error> {
    let page = page.by_time()?;
    let found = listeners::list(&control, &principal, application.as_deref(), page).await?;
    // Those of one application are looked for among all.
    let has_filter = application.is_some() || principal.application.is_some();
    Ok(Json(List::of(found, has_filter, ListenerOut::from)))
}

/// Answer about a listener that was removed.
#[derive(Serialize, ToSchema)]
struct ListenerRemoved {
    /// Always true.
    deleted: bool,
    /// Name of the listener.
    name: String,
}

/// Removes a listener. What waits for it is cancelled within six hours; its dead letters stay.
#[utoipa::path(delete, path = "/v1/listeners/{listener}", operation_id = "delete_listener",
    params(ApplicationQuery), responses((status = 200, body = ListenerRemoved)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
) -> Result<Json<ListenerRemoved>, Error> {
    listeners::delete(&control, &principal, &name, application.as_deref()).await?;
    Ok(Json(ListenerRemoved { deleted: true, name }))
}

/// The body of a delivery that is too large for a message, as it was signed.
#[utoipa::path(get, path = "/v1/listeners/{listener}/bodies/{event}",
    operation_id = "get_listener_body",
    params(ApplicationQuery, ("event" = String, Path, description = "Id of the event.")),
    responses((status = 200, description = "The body", content_type = "application/octet-stream",
            body = Vec<u8>),
        (status = 409, description = "The body is too large for an answer.")))]
async fn body(
    State(control): State<Arc<ControlPlane>>,
    Path((name, event)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
) -> Result<impl IntoResponse, Error> {
    let event = EventId::parse(&event).map_err(|_| Refusal::NotFound)?;
    let body = listeners::body(&control, &principal, &name, application.as_deref(), &event).await?;
    let kind = "application/octet-stream";
    let headers = [(header::CONTENT_TYPE, kind), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, body))
}
