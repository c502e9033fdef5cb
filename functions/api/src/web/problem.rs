//! Errors as problem documents (RFC 9457).

use adapters::problem::problem;
use axum::{body::Body, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::Error, error_bodies::ErrorBodies};

/// An error of our own API (RFC 9457).
#[derive(Serialize, ToSchema)]
struct Problem {
    /// Always `about:blank`.
    r#type: String,
    /// Meaning of the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// Reason for which the request was refused.
    detail: String,
}

/// Errors as the document describes them.
pub(crate) fn bodies() -> ErrorBodies {
    ErrorBodies::of::<Problem>("application/problem+json")
}

/// An error as a problem document.
pub(crate) fn shape(error: &Error) -> Response {
    let detail = match error {
        Error::Unauthenticated => {
            "no valid API key: send one as `Authorization: Bearer <key>`".to_owned()
        }
        other => other.detail(),
    };
    problem(error.status(), &detail).map(Body::from)
}
