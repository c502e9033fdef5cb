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

use super::error::HttpErrorOut;
use crate::web::{Routes, error::Error};
use manage::{ControlPlane, applications, endpoints, messages, replays};

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(resend))
}

/// Body of the answer to an accepted request to send once more: an object without fields.
#[derive(Serialize, ToSchema)]
struct EmptyResponse {}

/// Sends a message to an endpoint once more, with a fresh budget of retries.
#[utoipa::path(
    post,
    path = "/api/v1/app/{app}/msg/{msg}/endpoint/{endpoint}/resend",
    tag = "svix: attempt",
    operation_id = "v1.message-attempt.resend",
    params(
        ("app" = String, Path),
        ("msg" = String, Path),
        ("endpoint" = String, Path),
        ("idempotency-key" = Option<String>, Header),
    ),
    responses(
        (status = 202, body = EmptyResponse),
        (status = 401, body = HttpErrorOut),
        (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut),
    )
)]
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
