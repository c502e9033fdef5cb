//! The content security policy of pages, which says what a browser lets them do.

use axum::http::HeaderValue;
use domain::origins::AllowedOrigins;

/// The policy of a page that nobody may frame. `live` is the origin of live connections.
pub(super) fn never_framed(live: Option<&str>) -> HeaderValue {
    policy(live, "'none'")
}

/// The policy of a page that pages of these origins may frame; without any, nobody may.
pub(super) fn framed_by(live: Option<&str>, ancestors: &AllowedOrigins) -> HeaderValue {
    match ancestors.is_empty() {
        true => never_framed(live),
        false => policy(live, &ancestors.iter().collect::<Vec<_>>().join(" ")),
    }
}

/// Scripts and styles come from the relay alone, nothing is sent elsewhere, and no text becomes markup or
/// code.
fn policy(live: Option<&str>, ancestors: &str) -> HeaderValue {
    let live = live.map(|origin| format!(" {origin}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         font-src 'none'; connect-src 'self'{live}; base-uri 'none'; form-action 'none'; \
         frame-ancestors {ancestors}; require-trusted-types-for 'script'"
    );
    // Origins are parsed and in ASCII. Should one not be, the page does nothing at all.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}
