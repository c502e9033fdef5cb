//! Cancellation of the jobs of a batch.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use manage::{
    ControlPlane,
    batches::{self, BatchCancellation},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    v1::queries::ApplicationQuery,
    web::{error::Error, gate::Authenticated, input::Query, page::Place},
};

/// The query of a cancellation: the position at which it goes on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FromQuery {
    /// The `iterator` of the answer before.
    #[param(value_type = String, required = false)]
    iterator: Option<Place>,
}

/// Jobs of a batch that were cancelled.
#[derive(Serialize, ToSchema)]
pub(super) struct CancelledJobs {
    /// Number of jobs that this request cancelled.
    cancelled: u64,
    /// Number of jobs that are left, as far as is known. Above 0: ask again.
    left: u64,
    /// Place to pass as `iterator` to go on; null once every job was looked at.
    iterator: Option<String>,
}

/// Cancels the jobs of a batch that have not ended, newest first, and tells their platforms.
///
/// One request cancels at most about a hundred jobs, looks at 2000 or reads for a second. While `left` is
/// above 0, ask again, with the `iterator`. The batch itself stays as it is, and ends when its jobs have.
#[utoipa::path(post, path = "/v1/batches/{id}/cancel", operation_id = "cancel_batch",
    params(ApplicationQuery, FromQuery),
    responses((status = 202, body = CancelledJobs),
        (status = 409, description = "Batches of several applications bear the id.")))]
pub(super) async fn post(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Query(FromQuery { iterator }): Query<FromQuery>,
) -> Result<(StatusCode, Json<CancelledJobs>), Error> {
    let batch = batches::find(control.table(), &principal, &id, application.as_deref()).await?;
    let from = iterator.map(|place| place.0);
    let BatchCancellation { cancelled, left, next } =
        batches::cancel(&control, &principal, &batch, from).await?;
    Ok((StatusCode::ACCEPTED, Json(CancelledJobs { cancelled, left, iterator: next })))
}
