//! `POST /executions/{call_id}/cancel` (R0.18). That a call is cancelled is an operator's word in its
//! source's place: it goes the way that completions go, and is answered once it has arrived.

use std::{sync::Arc, time::Duration};

use adapters::random;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    envelope::Trust,
    id::ApplicationId,
    job::{Job, Status},
    signature::Verified,
};
use serde::Serialize;
use serde_json::json;
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::sources;
use crate::{Api, Routes, auth::Asker, error::Error, inject::accept, input::Params};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(cancel))
}

/// That an execution is cancelled.
#[derive(Serialize, ToSchema)]
struct OmtxCancelled {
    /// `cancelled`, or `cancelling` if it was not yet when we stopped waiting.
    status: &'static str,
    message: String,
}

/// Cancels an execution: its job ends as cancelled, whatever its sender says later.
#[utoipa::path(post, path = "/api/v3/webhooks/executions/{call_id}/cancel", tag = "omtx", operation_id = "omtx_cancel",
    params(("call_id" = String, Path, description = "The call's id, the sender's id of the job, or our own."), ("wait" = Option<u64>, Query, minimum = 0, maximum = 20, description = "Seconds to wait for it to be processed.")),
    responses((status = 200, body = OmtxCancelled), (status = 202, body = OmtxCancelled), (status = 401), (status = 403), (status = 404, description = "It is not there, or has ended")))]
async fn cancel(
    State(api): State<Arc<Api>>,
    Path(call_id): Path<String>,
    asker: Asker,
    params: Params,
) -> Result<Response, Error> {
    let wait = params.number("wait", 0..=20, 10)?;
    let Some(job) = running(&api, &asker, &call_id).await? else { return Ok(gone(&call_id)) };
    let source = api.table.source(&job.source).await?.ok_or(Error::NotFound)?;
    let call = job.call_id.as_ref().unwrap_or(&job.external_id);
    let metadata = json!({ "job_id": job.external_id });
    let body = json!({ "call_id": call, "status": "cancelled", "metadata": metadata }).to_string();
    let by = format!("by-{}-{}", asker.key, random::token());
    let verified = Verified::default();
    accept(&api, &source, &verified, body.as_bytes(), Trust::Operator, by).await?;
    info!(audit = true, key = %asker.key, job = %job.id, "cancelled an execution");
    for round in 0..=wait * 5 {
        match api.table.job(&job.id).await?.map(|job| job.status) {
            Some(Status::Cancelled) => {
                let message = format!("Execution {call_id} cancelled successfully");
                return Ok(Json(OmtxCancelled { status: "cancelled", message }).into_response());
            }
            Some(status) if !status.is_terminal() => (),
            // Its own end was quicker.
            _ => return Ok(gone(&call_id)),
        }
        if round < wait * 5 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let message = format!("Execution {call_id} is being cancelled");
    let cancelling = Json(OmtxCancelled { status: "cancelling", message });
    Ok((StatusCode::ACCEPTED, cancelling).into_response())
}

/// The job of a call that has not ended.
async fn running(api: &Api, asker: &Asker, call_id: &str) -> Result<Option<Job>, Error> {
    // Longer names are nobody's, and more than a key of the table holds.
    if 512 < call_id.len() {
        return Ok(None);
    }
    let names: Vec<_> = sources(api, asker).await?.into_iter().map(|source| source.name).collect();
    let mut jobs = api.table.find_jobs(call_id, &names).await?;
    jobs.retain(|job| {
        !job.status.is_terminal()
            && names.contains(&job.source)
            && asker.sees(&ApplicationId::named(&job.application))
    });
    Ok(jobs.into_iter().next())
}

fn gone(call_id: &str) -> Response {
    let shown: String = call_id.chars().take(128).collect();
    let detail = format!("Execution {shown} not found or already completed");
    (StatusCode::NOT_FOUND, Json(json!({ "detail": detail }))).into_response()
}
