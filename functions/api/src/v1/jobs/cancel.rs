//! Cancellation of a job (R0.18).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use manage::{
    ControlPlane,
    cancellation::{self, Cancellation, PlatformState},
    jobs,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::out::JobOut;
use crate::{
    v1::queries::SourceQuery,
    web::{error::Error, gate::Authenticated, input::Query},
};

/// Whether a platform knows that its job is to stop.
#[derive(Serialize, ToSchema)]
#[schema(as = Told)]
#[serde(rename_all = "snake_case")]
enum PlatformWord {
    /// The platform confirmed.
    Reached,
    /// Not yet; the platform is told again until it answers.
    Pending,
    /// Every attempt failed; the call is a dead letter.
    Failed,
    /// The source has no settings for cancelling.
    Unconfigured,
}

impl From<PlatformState> for PlatformWord {
    fn from(state: PlatformState) -> Self {
        match state {
            PlatformState::Reached => Self::Reached,
            PlatformState::Pending => Self::Pending,
            PlatformState::Failed => Self::Failed,
            PlatformState::Unconfigured => Self::Unconfigured,
        }
    }
}

/// A job that was cancelled.
#[derive(Serialize, ToSchema)]
pub(super) struct CancelledOut {
    #[serde(flatten)]
    job: JobOut,
    /// Whether its platform knows: `reached`, `pending`, `failed` or `unconfigured`.
    platform: PlatformWord,
}

/// Cancels a job and tells its platform. The same again changes nothing.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", operation_id = "cancel_job",
    params(SourceQuery),
    responses((status = 200, body = CancelledOut),
        (status = 409, description = "It has ended otherwise, or jobs of several sources bear the id.")))]
pub(super) async fn post(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(SourceQuery { source }): Query<SourceQuery>,
) -> Result<Json<CancelledOut>, Error> {
    let job = jobs::find(control.table(), &principal, &id, source.as_deref()).await?;
    match cancellation::cancel(&control, &principal, job).await? {
        Cancellation::Done(job, platform) => {
            Ok(Json(CancelledOut { job: (*job).into(), platform: platform.into() }))
        }
        Cancellation::TooLate(job) => {
            Err(Error::Conflict(format!("it has ended before: {}", job.status.word())))
        }
    }
}
