//! Putting back one dead letter while the caller waits (R3.8).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{letter::LetterSubject, portal::Capability};
use manage::{
    ControlPlane,
    letters::{self, LetterRetry},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{Routes, Stated, error::Error, gate::Authenticated, input::Query};

pub(super) fn routes() -> Routes {
    Routes::tagged("dead letters").admin(routes!(retry).portal(Capability::CreateAttempts))
}

/// The query of the operation that tries a letter again.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RetryQuery {
    /// Send it even if it has arrived.
    #[serde(default)]
    #[param(required = false)]
    force: bool,
}

/// Outcome of putting a letter back (R3.8).
#[derive(Serialize, ToSchema)]
struct Retried {
    /// The letter's number.
    id: u64,
    letter_id: String,
    batch_id: Option<String>,
    /// Whether the endpoint has it now; null if a worker was at it and has not finished.
    retry_success: Option<bool>,
    retried_at: String,
    /// Whether it was to be sent even if it had arrived.
    forced: bool,
}

/// Tries a dead letter once, now. A message goes back to its queue.
#[utoipa::path(post, path = "/v1/webhooks/dead-letter/{id}/retry",
    operation_id = "retry_dead_letter",
    params(("id" = String, Path, description = "Its number or its id."), RetryQuery),
    responses((status = 200, body = Retried),
        (status = 400, description = "It has arrived already"), (status = 409)))]
async fn retry(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(RetryQuery { force: forced }): Query<RetryQuery>,
) -> Result<Json<Retried>, Error> {
    let retry = letters::retry(&control, &principal, &id, forced).await?;
    let LetterRetry { letter, success, retried_at } = retry;
    Ok(Json(Retried {
        id: letter.number,
        letter_id: letter.id.to_string(),
        batch_id: match letter.what {
            LetterSubject::Delivery { batch_id, .. } => batch_id,
            LetterSubject::Message { .. } => None,
        },
        retry_success: success,
        retried_at: retried_at.rfc3339(),
        forced,
    }))
}
