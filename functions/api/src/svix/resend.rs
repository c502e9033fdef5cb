//! Sending a message to an endpoint once more by request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, Stated, error::Error};
use domain::portal::Capability;
use manage::{ControlPlane, applications, endpoints, messages, replays};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: attempt").admin(routes!(resend).portal(Capability::CreateAttempts))
}

/// Body of the answer to an accepted request to send once more: an object without fields.
#[derive(Serialize, ToSchema)]
struct EmptyResponse {}

/// Sends a message to an endpoint once more, with a fresh budget of retries.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/{msg}/endpoint/{endpoint}/resend",
    operation_id = "v1.message-attempt.resend",
    responses((status = 202, body = EmptyResponse), (status = 409)))]
async fn resend(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg, endpoint)): Path<(String, String, String)>,
) -> Result<(StatusCode, Json<EmptyResponse>), Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = messages::resolve(&control, &application, &msg).await?;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?;
    replays::resend(&control, &event, &endpoint).await?;
    Ok((StatusCode::ACCEPTED, Json(EmptyResponse {})))
}
