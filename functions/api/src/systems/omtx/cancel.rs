//! `POST /executions/{call_id}/cancel` (R0.18): the job ends as cancelled, whatever its sender says
//! later, and its platform is told.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{id::ApplicationId, job::Job};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::sources;
use crate::{
    v1::jobs::cancel::{Cancelled, cancel},
    web::{Routes, error::Error, gate::Authenticated},
};
use manage::{ControlPlane, Principal};

pub(crate) fn routes() -> Routes {
    Routes::new().admin(routes!(omtx_cancel))
}

/// That an execution is cancelled.
#[derive(Serialize, ToSchema)]
struct OmtxCancelled {
    /// Always `cancelled`.
    status: &'static str,
    message: String,
}

/// Cancels an execution: its job ends as cancelled, whatever its sender says later.
#[utoipa::path(post, path = "/api/v3/webhooks/executions/{call_id}/cancel", tag = "omtx", operation_id = "omtx_cancel",
    params(("call_id" = String, Path, description = "The call's id, the sender's id of the job, or our own.")),
    responses((status = 200, body = OmtxCancelled), (status = 401), (status = 403), (status = 404, description = "It is not there, or has ended")))]
async fn omtx_cancel(
    State(control): State<Arc<ControlPlane>>,
    Path(call_id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Response, Error> {
    let Some(job) = running(&control, &principal, &call_id).await? else {
        return Ok(gone(&call_id));
    };
    match cancel(&control, &principal.key, job).await? {
        Cancelled::Yes(..) => {
            let message = format!("Execution {call_id} cancelled successfully");
            Ok(Json(OmtxCancelled { status: "cancelled", message }).into_response())
        }
        // Its own end was quicker.
        Cancelled::TooLate(_) => Ok(gone(&call_id)),
    }
}

/// The job of a call that has not ended.
async fn running(
    control: &ControlPlane,
    principal: &Principal,
    call_id: &str,
) -> Result<Option<Job>, Error> {
    // Longer names are nobody's, and more than a key of the table holds.
    if 512 < call_id.len() {
        return Ok(None);
    }
    let names: Vec<_> =
        sources(control, principal).await?.into_iter().map(|source| source.name).collect();
    let mut jobs = control.table().find_jobs(call_id, &names).await?;
    jobs.retain(|job| {
        !job.status.is_terminal()
            && names.contains(&job.source)
            && principal.sees(&ApplicationId::named(&job.application))
    });
    Ok(jobs.into_iter().next())
}

fn gone(call_id: &str) -> Response {
    let shown: String = call_id.chars().take(128).collect();
    let detail = format!("Execution {shown} not found or already completed");
    (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
}
