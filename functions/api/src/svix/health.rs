//! Health of the API, by the paths that Svix's clients ask.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use manage::{ControlPlane, health::unwritable};
use utoipa_axum::routes;

use crate::web::OpenRoutes;

pub(super) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(svix_health)).routes(routes!(svix_ping))
}

/// Whether the API is up, as Svix clients ask it.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "health",
    operation_id = "v1.health.get",
    responses(
        (status = 204),
        (status = 503, description = "Something cannot be written."),
    )
)]
async fn svix_health(State(control): State<Arc<ControlPlane>>) -> StatusCode {
    match unwritable(&control).await.is_empty() {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Whether the API is up, as the Svix command line asks it.
#[utoipa::path(
    get,
    path = "/api/v1/health/ping",
    tag = "health",
    operation_id = "v1.health.ping",
    responses(
        (status = 204),
        (status = 503, description = "Something cannot be written."),
    )
)]
async fn svix_ping(control: State<Arc<ControlPlane>>) -> StatusCode {
    svix_health(control).await
}
