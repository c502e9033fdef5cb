//! Operations of Svix's contract on applications, of which each tenant has one.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::portal::Capability;
use manage::{
    ControlPlane,
    applications::{self, Creation},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    application_in::{ApplicationIn, ApplicationOut, ApplicationPatch},
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
        page::PageQuery,
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: application")
        .admin(routes!(create))
        .read(routes!(list))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(update))
        .admin(routes!(patch))
        .admin(routes!(delete))
}

/// The query of the operation that creates an application.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CreateQuery {
    /// Whether an application that exists is an answer and not a conflict.
    #[serde(default)]
    #[param(required = false)]
    get_if_exists: bool,
}

/// Creates an application.
#[utoipa::path(post, path = "/api/v1/app", operation_id = "v1.application.create",
    params(CreateQuery), request_body = ApplicationIn,
    responses((status = 200, body = ApplicationOut), (status = 201, body = ApplicationOut),
        (status = 409)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Keyed(key): Keyed,
    Query(CreateQuery { get_if_exists }): Query<CreateQuery>,
    Body(given): Body<ApplicationIn>,
) -> Result<(StatusCode, Json<ApplicationOut>), Error> {
    let creation = applications::create(&control, &principal, given.into(), &key).await;
    let Creation { application, created } = creation.map_err(spelt)?;
    match (created, get_if_exists) {
        (true, _) => Ok((StatusCode::CREATED, Json(application.into()))),
        (false, true) => Ok((StatusCode::OK, Json(application.into()))),
        (false, false) => Err(applications::uid_taken().into()),
    }
}

/// Replaces an application, or creates it under a new uid.
#[utoipa::path(put, path = "/api/v1/app/{app}", operation_id = "v1.application.update",
    request_body = ApplicationIn,
    responses((status = 200, body = ApplicationOut), (status = 201, body = ApplicationOut),
        (status = 409)))]
async fn update(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Body(given): Body<ApplicationIn>,
) -> Result<(StatusCode, Json<ApplicationOut>), Error> {
    let creation = applications::put(&control, &principal, &name, given.into()).await;
    let Creation { application, created } = creation.map_err(spelt)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(application.into())))
}

/// Changes an application in part: a field that is left out stays, and null clears.
#[utoipa::path(patch, path = "/api/v1/app/{app}", operation_id = "patch_application",
    request_body = ApplicationPatch,
    responses((status = 200, body = ApplicationOut), (status = 409)))]
async fn patch(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Body(given): Body<ApplicationPatch>,
) -> Result<Json<ApplicationOut>, Error> {
    let patched = applications::patch(&control, &name, |draft| given.over(draft)).await;
    Ok(Json(patched.map_err(spelt)?.into()))
}

/// Removes an application with its endpoints and API keys. Nothing more is sent: pending deliveries
/// end as cancelled. Its uid is free afterwards; the next application of that uid has another id and
/// none of the events that came before.
#[utoipa::path(delete, path = "/api/v1/app/{app}", operation_id = "v1.application.delete",
    responses((status = 204), (status = 409, description = "The application has sources, or it is \
        `default`, which is always there.")))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Error> {
    applications::delete(&control, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every application, oldest first unless asked otherwise.
#[utoipa::path(get, path = "/api/v1/app", operation_id = "v1.application.list",
    params(PageQuery, OrderQuery), responses((status = 200, body = ListResponse<ApplicationOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
    Query(order): Query<OrderQuery>,
) -> Result<Json<ListResponse<ApplicationOut>>, Error> {
    let find = async |name: String| applications::place_of(&control, &principal, &name).await;
    let request = page::by_time(page, find).await?;
    let back = request.back;
    let oldest_first = page::is_oldest_first(order.or(Order::Ascending), back);
    let walk = applications::list(&control, &principal, oldest_first, request).await?;
    let part = page::part(walk, applications::place);
    Ok(Json(ListResponse::of(part, back, ApplicationOut::from)))
}

/// One application, by id or uid.
#[utoipa::path(get, path = "/api/v1/app/{app}", operation_id = "v1.application.get",
    responses((status = 200, body = ApplicationOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
) -> Result<Json<ApplicationOut>, Error> {
    Ok(Json(applications::resolve(&control, &app).await?.into()))
}
