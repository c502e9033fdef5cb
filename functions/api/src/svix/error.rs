//! Errors as Svix's clients know them.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{error::Error, error_bodies::ErrorBodies};

/// An error with a code.
#[derive(Serialize, ToSchema)]
struct HttpErrorOut {
    /// Kind of the error, in one word.
    code: &'static str,
    /// Explanation for people.
    detail: String,
}

/// The parts of a request that cannot be used.
#[derive(Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
struct ValidationErrorOut {
    detail: Vec<ValidationErrorItem>,
}

/// One part of a request that cannot be used.
#[derive(Serialize, ToSchema)]
struct ValidationErrorItem {
    /// Place: `body`, `query` or `header`, then the names of fields.
    loc: Vec<String>,
    /// Reason.
    msg: String,
    /// Always `value_error`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Errors as the document describes them.
pub(super) fn bodies() -> ErrorBodies {
    ErrorBodies::by_kind::<ValidationErrorOut, HttpErrorOut>("application/json")
}

/// An error in Svix's shape.
pub(crate) fn shape(error: &Error) -> Response {
    if let Error::Invalid(invalid) = error {
        let (loc, msg) = (invalid.at.clone(), invalid.why.clone());
        let detail = vec![ValidationErrorItem { loc, msg, kind: "value_error" }];
        return (error.status(), Json(ValidationErrorOut { detail })).into_response();
    }
    let body = HttpErrorOut { code: code(error), detail: error.detail() };
    let mut response = (error.status(), Json(body)).into_response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

const fn code(error: &Error) -> &'static str {
    match error {
        Error::Unauthenticated => "authentication_failed",
        Error::Forbidden(_) => "permission_denied",
        Error::NotFound | Error::Gone(_) => "not_found",
        Error::Method => "method_not_allowed",
        Error::Bad(_) => "bad_request",
        Error::Invalid(_) => "validation_error",
        Error::Conflict(_) | Error::Running(_) => "conflict",
        Error::TooMany(_) => "rate_limited",
        Error::TooLarge | Error::LargerThan(_) => "request_too_large",
        Error::Unavailable(_) => "server_error",
    }
}
