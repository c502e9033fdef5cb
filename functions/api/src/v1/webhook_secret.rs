//! The webhook secret of an application: the secret that signs to webhooks of jobs and batches that
//! were registered without one of their own, as a server with one secret for all does (R3.5).

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use domain::secret::Secret;
use manage::{ControlPlane, secrets};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};

pub(crate) fn routes() -> Routes {
    Routes::tagged("jobs").admin(routes!(put)).admin(routes!(delete))
}

/// A webhook secret.
#[derive(Deserialize, ToSchema)]
struct WebhookSecretIn {
    /// `whsec_` and 24 to 64 bytes in base64, or 16 to 128 printable characters.
    secret: String,
}

/// Sets the secret that signs to webhooks that are registered without a secret of their own. No answer
/// shows it again.
#[utoipa::path(put, path = "/v1/applications/{app}/webhook-secret",
    operation_id = "put_webhook_secret", request_body = WebhookSecretIn, responses((status = 204)))]
async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
    Body(body): Body<WebhookSecretIn>,
) -> Result<StatusCode, Error> {
    let secret = Some(Secret::new(body.secret));
    secrets::set_webhook_secret(&control, &principal, &app, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the webhook secret. Webhooks that have it keep it.
#[utoipa::path(delete, path = "/v1/applications/{app}/webhook-secret",
    operation_id = "delete_webhook_secret", responses((status = 204)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<StatusCode, Error> {
    secrets::set_webhook_secret(&control, &principal, &app, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
