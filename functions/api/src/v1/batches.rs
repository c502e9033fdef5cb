//! Batches: declared before or after their jobs, closed, listed.

mod cancel;
mod declare;
mod files;
mod out;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use manage::{ControlPlane, batches};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use self::out::BatchOut;
use super::queries::{ApplicationQuery, CursorQuery};
use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    input::{Body, Query},
    page::{List, PageQuery},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("batches")
        .read(routes!(list))
        .publish(routes!(declare::create))
        .read(routes!(get))
        .publish(routes!(close))
        .publish(routes!(cancel::post))
        .merge(files::routes())
}

/// Request to close a batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
struct CloseIn {
    /// Number of its jobs; left out, those that are known now.
    #[schema(maximum = 1_000_000_000)]
    size: Option<u64>,
}

/// Words for the state of a batch.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    InProgress,
    Completed,
    Failed,
}

impl StatusWord {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// The query of a list of batches: the status of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BatchesQuery {
    #[param(value_type = String, required = false)]
    status: Option<StatusWord>,
}

/// Batches, newest first.
#[utoipa::path(get, path = "/v1/batches", operation_id = "list_batches",
    params(PageQuery, CursorQuery, BatchesQuery), responses((status = 200, body = List<BatchOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
    Query(cursor): Query<CursorQuery>,
    Query(BatchesQuery { status }): Query<BatchesQuery>,
) -> Result<Json<List<BatchOut>>, Error> {
    let page = cursor.beside(page)?;
    let part = batches::list(&control, &principal, status.map(StatusWord::as_str), page).await?;
    let has_filter = status.is_some() || principal.application.is_some();
    Ok(Json(List::of(part, has_filter, |batch| BatchOut::of(batch, Vec::new()))))
}

/// One batch, by our id or the senders'.
#[utoipa::path(get, path = "/v1/batches/{id}", operation_id = "get_batch", params(ApplicationQuery),
    responses((status = 200, body = BatchOut),
        (status = 409, description = "Batches of several applications bear the id.")))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
) -> Result<Json<BatchOut>, Error> {
    let batch = batches::find(control.table(), &principal, &id, application.as_deref()).await?;
    Ok(Json(batches::with_webhooks(&control, batch).await?.into()))
}

/// Closes a batch: it has so many jobs, or those that are known.
#[utoipa::path(post, path = "/v1/batches/{id}/close", operation_id = "close_batch",
    params(ApplicationQuery), request_body = CloseIn,
    responses((status = 200, body = BatchOut), (status = 409)))]
async fn close(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Body(CloseIn { size }): Body<CloseIn>,
) -> Result<Json<BatchOut>, Error> {
    let size = batches::checked_size(size)?;
    let batch = batches::find(control.table(), &principal, &id, application.as_deref()).await?;
    Ok(Json(batches::close(&control, &batch.id, size).await?.into()))
}
