//! `GET /active-executions` (R0.16): what runs.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::source::Source;
use manage::{
    ControlPlane, Principal,
    activity::{self, RunningJobs},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::modal::{TEST_PREFIX, seconds, sources};
use crate::web::{Routes, error::Error, gate::Authenticated};

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").read(routes!(active))
}

/// Executions that run now.
#[derive(Serialize, ToSchema)]
struct OmtxActive {
    total_active: usize,
    /// Executions, newest first.
    executions: Vec<OmtxExecution>,
    /// Whether there are older jobs that were not looked at.
    truncated: bool,
}

/// A call that has not ended.
#[derive(Serialize, ToSchema)]
struct OmtxExecution {
    /// Null until somebody has told us.
    modal_call_id: Option<String>,
    /// The sender's id of the job.
    job_id: String,
    batch_id: Option<String>,
    /// Value of `metadata.model_type` in the registration of the job.
    model_type: Option<String>,
    /// Value of `metadata.lane` in the registration of the job.
    lane: Option<String>,
    /// Time of the submission, in seconds since the epoch.
    submitted_at: f64,
    /// Time since the submission, in seconds.
    duration: f64,
}

/// The calls that have not ended.
#[utoipa::path(get, path = "/api/v3/webhooks/active-executions",
    operation_id = "omtx_active_executions", responses((status = 200, body = OmtxActive)))]
async fn active(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<OmtxActive>, Error> {
    let now = control.now();
    let sources = sources(&control, &principal).await?;
    let RunningJobs { jobs, truncated } = running(&control, &principal, &sources).await?;
    let executions: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let told = |field: &str| job.metadata.get(field)?.as_str().map(str::to_owned);
            OmtxExecution {
                model_type: told("model_type"),
                lane: told("lane"),
                modal_call_id: job.call_id,
                job_id: job.external_id,
                batch_id: job.batch_id,
                submitted_at: seconds(job.created_at),
                duration: now.since(job.created_at).as_secs_f64(),
            }
        })
        .collect();
    Ok(Json(OmtxActive { total_active: executions.len(), executions, truncated }))
}

/// The jobs of these sources that have not ended, newest first, without tests.
pub(super) async fn running(
    control: &ControlPlane,
    principal: &Principal,
    sources: &[Source],
) -> Result<RunningJobs, Error> {
    let mut running = activity::running_jobs(control, principal, sources).await?;
    running.jobs.retain(|job| !job.external_id.starts_with(TEST_PREFIX));
    Ok(running)
}
