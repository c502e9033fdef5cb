//! JSON lines in parts: an answer of Lambda holds 6 MB, so whatever is longer goes on behind a link.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::web::error::Error;

/// An answer ends with the line that reaches this, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A part, and the address of the next if there is one.
pub(crate) fn part(lines: Vec<u8>, next: Option<String>) -> Result<Response, Error> {
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    let mut response = (kind, Body::from(lines)).into_response();
    if let Some(url) = next {
        let link = HeaderValue::from_str(&format!("<{url}>; rel=\"next\""));
        let link = link.map_err(|_| Error::Bad("the address cannot be a header".to_owned()))?;
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
