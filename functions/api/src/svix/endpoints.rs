//! Operations of Svix's contract on the endpoints of an application.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};
use domain::{endpoint::Endpoint, health::Health, portal::Capability};
use manage::{
    ControlPlane,
    endpoints::{self, EndpointDraft},
};
use utoipa_axum::routes;

use super::{
    endpoint_out::EndpointOut,
    page::{self, ListResponse, Order, OrderQuery, Place},
};
use crate::{
    bodies::{EndpointIn, EndpointPatch, EndpointUpdate, spelt},
    web::{
        Routes, Stated,
        error::Error,
        gate::Authenticated,
        idempotency::Keyed,
        input::{Body, Query},
        page::PageQuery,
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint")
        .admin(routes!(create).portal(Capability::ManageEndpoint))
        .read(routes!(list).portal(Capability::ViewBase))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(update).portal(Capability::ManageEndpoint))
        .admin(routes!(patch).portal(Capability::ManageEndpoint))
        .admin(routes!(delete).portal(Capability::ManageEndpoint))
}

/// An endpoint with its present health.
async fn shown(control: &ControlPlane, endpoint: Endpoint) -> Result<Json<EndpointOut>, Error> {
    let health = endpoints::health(control, &endpoint).await?;
    Ok(Json(EndpointOut::of(endpoint, &health)))
}

/// The header that tells of something in a request that was accepted and may be a mistake.
const WARNING: HeaderName = HeaderName::from_static("relay-warning");
/// Most event types that a warning names.
const MAX_NAMED: usize = 10;

/// A warning for an endpoint that names event types which do not exist; no headers if there are none.
async fn warned(control: &ControlPlane, endpoint: &Endpoint) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let unknown = endpoints::unknown_types(control, endpoint).await?;
    if !unknown.is_empty() {
        let named = unknown[..unknown.len().min(MAX_NAMED)].join(", ");
        let text = format!("eventTypes: {} do not exist: {named}", unknown.len());
        headers.extend(HeaderValue::try_from(text).ok().map(|text| (WARNING, text)));
    }
    Ok(headers)
}

/// Creates an endpoint.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint", operation_id = "v1.endpoint.create",
    request_body = EndpointIn, responses((status = 201, body = EndpointOut), (status = 409)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
    Keyed(key): Keyed,
    Body(body): Body<EndpointIn>,
) -> Result<(StatusCode, HeaderMap, Json<EndpointOut>), Error> {
    let (draft, secret) = body.drafts();
    draft.must_suit(&principal).map_err(spelt)?;
    secret.must_suit(&principal)?;
    let endpoint = endpoints::create(&control, &app, draft, &secret, &key).await.map_err(spelt)?;
    let headers = warned(&control, &endpoint).await?;
    Ok((StatusCode::CREATED, headers, Json(endpoint.into())))
}

/// The endpoints of an application, newest first unless asked otherwise.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint", operation_id = "v1.endpoint.list",
    params(PageQuery, OrderQuery), responses((status = 200, body = ListResponse<EndpointOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Query(page): Query<PageQuery>,
    Query(order): Query<OrderQuery>,
) -> Result<Json<ListResponse<EndpointOut>>, Error> {
    let (order, well) = (order.or(Order::Descending), Health::default());
    if let Some(endpoints) = endpoints::whole(&control, &app).await? {
        let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
        let healths = endpoints::healths(&control, &ids).await?;
        let place = |endpoint: &Endpoint| Place::at(endpoint.created_at, &endpoint.id);
        let show = |endpoint: Endpoint| {
            let health = healths.get(endpoint.id.as_str()).unwrap_or(&well);
            EndpointOut::of(endpoint, health)
        };
        return page::cut(endpoints, page.request(), order, place, show).map(Json);
    }
    let find = async |name: String| endpoints::place_of(&control, &app, &name).await;
    let request = page::by_time(page, find).await?;
    let oldest_first = page::is_oldest_first(order, request.back);
    let part = endpoints::part(&control, &app, &request, oldest_first).await?;
    let ids: Vec<_> = part.entries.iter().map(|(_, endpoint)| endpoint.id.clone()).collect();
    let healths = endpoints::healths(&control, &ids).await?;
    let show = |endpoint: Endpoint| {
        let health = healths.get(endpoint.id.as_str()).unwrap_or(&well);
        EndpointOut::of(endpoint, health)
    };
    Ok(Json(ListResponse::of(part, request.back, show)))
}

/// One endpoint, by id or uid.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}",
    operation_id = "v1.endpoint.get", responses((status = 200, body = EndpointOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<Json<EndpointOut>, Error> {
    let endpoint = endpoints::get(&control, &app, &endpoint).await?;
    shown(&control, endpoint).await
}

/// Replaces an endpoint, or creates it under a new uid. Its secrets stay.
#[utoipa::path(put, path = "/api/v1/app/{app}/endpoint/{endpoint}",
    operation_id = "v1.endpoint.update", request_body = EndpointUpdate,
    responses((status = 200, body = EndpointOut), (status = 201, body = EndpointOut),
        (status = 409)))]
async fn update(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(body): Body<EndpointUpdate>,
) -> Result<(StatusCode, HeaderMap, Json<EndpointOut>), Error> {
    let draft = EndpointDraft::from(body);
    draft.must_suit(&principal).map_err(spelt)?;
    let put = endpoints::put(&control, &app, &name, draft).await.map_err(spelt)?;
    let headers = warned(&control, &put.endpoint).await?;
    if put.created {
        return Ok((StatusCode::CREATED, headers, Json(put.endpoint.into())));
    }
    Ok((StatusCode::OK, headers, shown(&control, put.endpoint).await?))
}

/// Changes an endpoint in part: a field that is left out stays, and null clears. Its secrets stay.
#[utoipa::path(patch, path = "/api/v1/app/{app}/endpoint/{endpoint}",
    operation_id = "patch_endpoint", request_body = EndpointPatch,
    responses((status = 200, body = EndpointOut), (status = 409)))]
async fn patch(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(body): Body<EndpointPatch>,
) -> Result<(HeaderMap, Json<EndpointOut>), Error> {
    let draft = EndpointDraft::from(body);
    draft.must_suit(&principal).map_err(spelt)?;
    let endpoint = endpoints::patch(&control, &app, &name, draft).await.map_err(spelt)?;
    Ok((warned(&control, &endpoint).await?, shown(&control, endpoint).await?))
}

/// Removes an endpoint. Pending deliveries to it end as cancelled.
#[utoipa::path(delete, path = "/api/v1/app/{app}/endpoint/{endpoint}",
    operation_id = "v1.endpoint.delete", responses((status = 204)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    endpoints::delete(&control, &app, &endpoint).await?;
    Ok(StatusCode::NO_CONTENT)
}
