//! Scripts and styles. Each has its hash in its name, so that a browser keeps it for ever.

use std::io::Read;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use flate2::read::GzDecoder;

use super::{
    encoding::Encodings,
    files::{ASSETS, Asset},
};

/// A year, the longest that caches keep anything.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The asset at a path, in an encoding that the client accepts; `None` if there is none.
pub(super) fn answer(path: &str, accepted: Encodings) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let (encoding, body) = match accepted {
        Encodings { br: true, .. } => (Some("br"), Body::from(asset.br)),
        Encodings { gzip: true, .. } => (Some("gzip"), Body::from(asset.gz)),
        _ => (None, Body::from(plain(asset))),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// The content, for the few clients that accept no encoding. It is not kept: browsers all accept gzip.
fn plain(asset: &Asset) -> Vec<u8> {
    let mut content = Vec::new();
    // The file is part of the build, so that it unpacks; a test unpacks all of them.
    let _ = GzDecoder::new(asset.gz).read_to_end(&mut content);
    content
}
