//! Attempts: how one HTTP call is shown, and how its answer is removed.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    delivery::{Attempt, Delivery},
    portal::Capability,
};
use manage::{ControlPlane, applications, attempts};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::messages::MessageOut;
use crate::web::{Routes, Stated, error::Error};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: attempt")
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(expunge))
}

/// An attempt as it is shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageAttemptOut {
    id: String,
    msg_id: String,
    endpoint_id: String,
    url: String,
    /// First bytes of the answer, or the reason why there was none.
    pub(super) response: String,
    /// Status of the answer, 0 if there was none.
    response_status_code: u16,
    response_duration_ms: u64,
    /// 0 is success, 2 is failure.
    status: u8,
    status_text: &'static str,
    /// 0 is by schedule, 1 is by hand.
    trigger_type: u8,
    #[schema(format = DateTime)]
    timestamp: String,
    /// The message without its payload, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) msg: Option<MessageOut>,
}

impl MessageAttemptOut {
    pub(super) fn of(delivery: &Delivery, attempt: &Attempt) -> Self {
        let standing = attempts::standing(attempt);
        let answered = attempt.status.is_some() || !attempt.response.is_empty();
        Self {
            id: attempt.id.to_string(),
            msg_id: delivery.event.message(),
            endpoint_id: delivery.endpoint.to_string(),
            url: attempt.url.clone(),
            response: if answered { attempt.response.clone() } else { attempt.detail.clone() },
            response_status_code: attempt.status.unwrap_or(0),
            response_duration_ms: attempt.duration_ms,
            status: standing.code(false),
            status_text: standing.word(false),
            trigger_type: attempt.manual.into(),
            timestamp: attempt.at.rfc3339(),
            msg: None,
        }
    }
}

/// One attempt.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}/attempt/{attempt}",
    operation_id = "v1.message-attempt.get", responses((status = 200, body = MessageAttemptOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg, attempt)): Path<(String, String, String)>,
) -> Result<Json<MessageAttemptOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let (delivery, call) = attempts::find(&control, &application, &msg, &attempt).await?;
    Ok(Json(MessageAttemptOut::of(&delivery, &call)))
}

/// Removes what an endpoint answered; the attempt itself stays, and its `response` is `EXPUNGED`.
#[utoipa::path(delete, path = "/api/v1/app/{app}/msg/{msg}/attempt/{attempt}/content",
    operation_id = "v1.message-attempt.expunge-content", responses((status = 204), (status = 409)))]
async fn expunge(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg, attempt)): Path<(String, String, String)>,
) -> Result<StatusCode, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    attempts::forget_answer(&control, &application, &msg, &attempt).await?;
    Ok(StatusCode::NO_CONTENT)
}
