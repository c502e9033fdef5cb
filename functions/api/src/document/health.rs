//! Whether the API is up.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::OpenRoutes;

pub(super) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(health)).routes(routes!(posted_health))
}

/// The state of the API.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `healthy`.
    status: &'static str,
}

/// Whether the API is up.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Whether the API is up, for clients that try out a webhook with `{"test": true}`. The body is not
/// looked at.
#[utoipa::path(post, path = "/health", tag = "health", operation_id = "posted_health",
    responses((status = 200, body = Health)))]
async fn posted_health() -> Json<Health> {
    health().await
}
