//! Whether the relay is up and can keep what it is given.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use manage::{ControlPlane, health::unwritable};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::OpenRoutes;

pub(super) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(health)).routes(routes!(posted_health))
}

/// The state of the relay.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `healthy`, or `unhealthy` if something cannot be written.
    #[schema(example = "healthy")]
    status: &'static str,
    /// The stores that cannot be written to: `table`, `bucket`. Missing if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    cannot_write: Vec<&'static str>,
}

/// Whether the relay is up and can keep what it is given. The result is up to 5 seconds old.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Health), (status = 503, body = Health, description = "Something cannot be written.")))]
async fn health(State(control): State<Arc<ControlPlane>>) -> (StatusCode, Json<Health>) {
    let cannot_write: Vec<_> = unwritable(&control).await.into_iter().map(|it| it.word()).collect();
    let (code, status) = match cannot_write.is_empty() {
        true => (StatusCode::OK, "healthy"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy"),
    };
    (code, Json(Health { status, cannot_write }))
}

/// Whether the relay is up, for clients that try out a webhook with `{"test": true}`. The body is not
/// looked at.
#[utoipa::path(post, path = "/health", tag = "health", operation_id = "posted_health", responses((status = 200, body = Health), (status = 503, body = Health, description = "Something cannot be written.")))]
async fn posted_health(control: State<Arc<ControlPlane>>) -> (StatusCode, Json<Health>) {
    health(control).await
}
