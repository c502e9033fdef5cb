//! Requests of web pages on other origins.
//!
//! A browser names the page's origin in `Origin`, and keeps the answer from the page unless the answer
//! names the same origin. Before a request that carries a key, it asks for leave with `OPTIONS`, which is
//! called a preflight (<https://fetch.spec.whatwg.org/#http-cors-protocol>). Without allowed origins
//! nothing here is in the way of a request, and browsers keep every answer from every page.
//!
//! Cookies are never allowed: a page sends its key in `Authorization`, so that no page acts for a visitor
//! without knowing a key.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::Response,
};
use manage::ControlPlane;

use super::origin::origin;

/// Headers of requests that a page may set.
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key";
/// Headers of our answers that a page may read, beside those that every page may.
const ANSWER_HEADERS: &str = "idempotent-replayed, link, relay-ignored, retry-after";
/// Seconds for which a browser remembers a preflight.
const MAX_AGE: &str = "600";

/// State of the border between pages and some contracts.
#[derive(Clone)]
pub(super) struct Pages {
    pub(super) control: Arc<ControlPlane>,
    /// Bases of the paths that pages may call.
    pub(super) bases: Arc<Vec<&'static str>>,
}

impl Pages {
    fn may_call(&self, path: &str) -> bool {
        let mut below = self.bases.iter().filter_map(|base| path.strip_prefix(base));
        below.any(|rest| rest.starts_with('/'))
    }

    /// The request's origin, if it is allowed.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = origin(headers).ok()??;
        let allowed = self.control.allowed_origins().contain(origin);
        allowed.then(|| HeaderValue::from_str(origin).ok())?
    }
}

/// Answers preflights of allowed origins, and lets their pages read every other answer, errors too.
pub(super) async fn share(State(pages): State<Pages>, request: Request, next: Next) -> Response {
    if !pages.may_call(request.uri().path()) {
        return next.run(request).await;
    }
    let allowed = pages.allowed(request.headers());
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = next.run(request).await;
    if asks && allowed.is_some() {
        response = preflight(response);
    }
    let headers = response.headers_mut();
    // The same URL has another answer for another origin.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let readable = HeaderValue::from_static(ANSWER_HEADERS);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
    }
    response
}

/// The answer to a preflight, made from the router's: no route of ours has the method `OPTIONS`, so that
/// the router answers 405 and names the methods of the path, or else 404.
fn preflight(routed: Response) -> Response {
    let Some(methods) = routed.headers().get(header::ALLOW) else { return routed };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
