//! The routes that OMTX-Hub's clients know (R0.6 to R0.19), over the sources that stand for its
//! Modal apps. Paths, fields and words are OMTX-Hub's; the numbers are the relay's, and what the relay
//! cannot know is null. Its completion route belongs to `ingest`.

mod cancel;
mod configure;
mod executions;
mod logs;
mod metrics;
mod modal;
mod status;
mod trial;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{Contract, Routes, error::Error, error_bodies::ErrorBodies};

/// The contract of OMTX-Hub: its routes, and the shape of its errors.
pub(super) fn contract() -> Contract {
    Contract {
        base: modal::BASE,
        shape,
        errors: Some(ErrorBodies::of::<OmtxError>("application/json")),
        parameters: &[("call_id", "Id of the call, the sender's id of the job, or our own.")],
        idempotent: false,
        tolerant: false,
        open_to_pages: false,
        routes: Routes::new()
            .merge(configure::routes())
            .merge(status::routes())
            .merge(trial::routes())
            .merge(executions::routes())
            .merge(cancel::routes())
            .merge(metrics::routes())
            .merge(logs::routes()),
        open: trial::open_routes(),
    }
}

/// An error, in the form that FastAPI gives to errors.
#[derive(Serialize, ToSchema)]
struct OmtxError {
    /// Reason for which the request was refused.
    detail: String,
}

/// The answer to an error, in OMTX-Hub's shape.
fn shape(error: &Error) -> Response {
    let body = Json(OmtxError { detail: error.detail() });
    let mut response = (error.status(), body).into_response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
