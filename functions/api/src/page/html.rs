//! A page as it is served: asked for again each time, and sent again only when it has changed.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use domain::{base_path::BasePath, id};

use super::{encoding::Encodings, files::Page};

/// Keeps other sites' windows apart from the page.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A page with the headers that it has here.
pub(super) struct Html {
    text: Cow<'static, str>,
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
    policy: HeaderValue,
    /// Weak, because one tag stands for the page in every encoding.
    tag: HeaderValue,
}

impl Html {
    /// A page of a relay with this public URL. Below a base path, the page loads its files from there; it
    /// is then sent unpacked.
    pub(super) fn new(page: Page, public_url: &str, policy: HeaderValue) -> Self {
        let Page { text, br, gz } = page;
        let (text, br, gz) = match BasePath::of(public_url) {
            None => (Cow::Borrowed(text), br, gz),
            Some(base) => {
                let text = text.replace("\"/assets/", &format!("\"{}/assets/", base.as_str()));
                (Cow::Owned(text), None, None)
            }
        };
        let tag = format!("W/\"{}\"", id::digest(&[&text]));
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits");
        Self { text, br, gz, policy, tag }
    }

    /// The page, or 304 for a client that has it.
    pub(super) fn answer(&self, headers: &HeaderMap, accepted: Encodings) -> Response {
        let mut response = match self.is_had(headers) {
            true => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response
            }
            false => self.content(accepted),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        response
    }

    fn content(&self, accepted: Encodings) -> Response {
        let packed = [("br", self.br, accepted.br), ("gzip", self.gz, accepted.gzip)];
        let packed = packed.into_iter().find_map(|(name, content, accepted)| {
            content.filter(|_| accepted).map(|content| (name, content))
        });
        let (mut response, encoding) = match (packed, &self.text) {
            (Some((name, content)), _) => (Response::new(Body::from(content)), Some(name)),
            (None, Cow::Borrowed(text)) => (Response::new(Body::from(*text)), None),
            (None, Cow::Owned(text)) => (Response::new(Body::from(text.clone())), None),
        };
        let headers = response.headers_mut();
        let media = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, media);
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }

    /// Whether the client has the page as it is now (RFC 9110, 13.1.2).
    fn is_had(&self, headers: &HeaderMap) -> bool {
        let strong = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
        let wanted = strong(self.tag.as_bytes());
        let fields = headers.get_all(header::IF_NONE_MATCH).iter();
        let mut had = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
        had.any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || strong(tag) == wanted
        })
    }
}
