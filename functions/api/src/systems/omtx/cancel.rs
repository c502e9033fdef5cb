//! `POST /executions/{call_id}/cancel` (R0.18): the job ends as cancelled, whatever its sender says
//! later, and its platform is told.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use manage::{
    ControlPlane,
    cancellation::{self, Cancellation},
    jobs,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::modal::sources;
use crate::web::{Routes, error::Error, gate::Authenticated};

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").admin(routes!(omtx_cancel))
}

/// Answer about an execution that was cancelled.
#[derive(Serialize, ToSchema)]
struct OmtxCancelled {
    /// Always `cancelled`.
    status: &'static str,
    message: String,
}

/// Cancels an execution: its job ends as cancelled, whatever its sender says later.
#[utoipa::path(post, path = "/api/v3/webhooks/executions/{call_id}/cancel",
    operation_id = "omtx_cancel",
    responses((status = 200, body = OmtxCancelled),
        (status = 404, description = "It is not there, or has ended"),
        (status = 409, description = "Running jobs of several sources bear the id.")))]
async fn omtx_cancel(
    State(control): State<Arc<ControlPlane>>,
    Path(call_id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Response, Error> {
    let sources = sources(&control, &principal).await?;
    let running = jobs::find_running(control.table(), &principal, &call_id, &sources).await?;
    let Some(job) = running else {
        return Ok(gone(&call_id));
    };
    match cancellation::cancel(&control, &principal, job).await? {
        Cancellation::Done(..) => {
            let message = format!("Execution {call_id} cancelled successfully");
            Ok(Json(OmtxCancelled { status: "cancelled", message }).into_response())
        }
        // The job ended meanwhile.
        Cancellation::TooLate(_) => Ok(gone(&call_id)),
    }
}

fn gone(call_id: &str) -> Response {
    let shown: String = call_id.chars().take(128).collect();
    let detail = format!("Execution {shown} not found or already completed");
    (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
}
