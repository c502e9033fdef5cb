//! Errors as RFC 9457 problem documents.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// An answer to somebody whose request did not work. What they may not read goes to the log.
pub fn problem(status: StatusCode, detail: &str) -> Response<String> {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}
