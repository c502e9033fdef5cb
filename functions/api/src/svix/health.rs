//! Health of the API, by the paths that Svix's clients ask.

use axum::http::StatusCode;
use utoipa_axum::routes;

use crate::web::OpenRoutes;

pub(super) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(svix_health)).routes(routes!(svix_ping))
}

/// Whether the API is up, as Svix clients ask it.
#[utoipa::path(get, path = "/api/v1/health", tag = "health", operation_id = "v1.health.get",
    responses((status = 204)))]
async fn svix_health() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Whether the API is up, as the Svix command line asks it.
#[utoipa::path(get, path = "/api/v1/health/ping", tag = "health", operation_id = "v1.health.ping",
    responses((status = 204)))]
async fn svix_ping() -> StatusCode {
    StatusCode::NO_CONTENT
}
