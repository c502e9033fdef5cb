//! The origin of the web page that sends a request.

use axum::http::{HeaderMap, header};

/// The headers name several origins, or one that is no text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnclearOrigin;

/// The origin of the page that sends a request; `None` if no page does.
pub(crate) fn origin(headers: &HeaderMap) -> Result<Option<&str>, UnclearOrigin> {
    let mut given = headers.get_all(header::ORIGIN).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(origin), None) => origin.to_str().map(Some).map_err(|_| UnclearOrigin),
        (Some(_), Some(_)) => Err(UnclearOrigin),
    }
}
