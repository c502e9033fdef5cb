//! Errors as problem documents (RFC 9457).

use adapters::problem::problem;
use axum::{body::Body, response::Response};

use super::error::Error;

/// An error as a problem document.
pub(crate) fn shape(error: &Error) -> Response {
    problem(error.status(), &error.detail()).map(Body::from)
}
