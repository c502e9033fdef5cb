//! Twilio's signed content: the called URL, followed by the form's fields, sorted and without
//! separators; or the URL alone, if it contains the SHA-256 of the body.
//!
//! This is the only scheme for which a part of a body is read before its MAC holds: the fields,
//! bounded, as percent-encoded text.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use url::form_urlencoded;

/// Largest form that is read, in bytes.
const MAX_FORM: usize = 64 * 1024;
/// Most fields of a form.
const MAX_FIELDS: usize = 1000;
/// The query parameter that carries the body's SHA-256.
const BODY_HASH: &str = "bodySHA256";

/// Whether the signed content covers the whole body: a form within the bounds, or any body whose
/// hash stands in the URL.
pub(super) fn covers(url: &str, body: &[u8]) -> bool {
    match body_hash(url) {
        Some(hash) => hash.eq_ignore_ascii_case(&hex::encode(Sha256::digest(body))),
        None => {
            body.len() <= MAX_FORM && body.iter().filter(|byte| **byte == b'&').count() < MAX_FIELDS
        }
    }
}

/// Hands over what is signed of the body. If a field occurs twice with the same value, it counts
/// once, as in Twilio's own libraries.
pub(super) fn feed(url: &str, body: &[u8], sink: &mut dyn FnMut(&[u8])) {
    if body_hash(url).is_some() || !covers(url, body) {
        return;
    }
    let fields: BTreeSet<_> = form_urlencoded::parse(body).collect();
    for (name, value) in &fields {
        sink(name.as_bytes());
        sink(value.as_bytes());
    }
}

fn body_hash(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == BODY_HASH).map(|(_, value)| value.into_owned())
}

/// The forms of a URL that its sender may have signed: with and without the default port, because
/// Twilio uses both.
pub(super) fn spellings(url: &str) -> Vec<String> {
    let mut spellings = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return spellings };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let port = if scheme == "https" { "443" } else { "80" };
    spellings.push(match authority.strip_suffix(&format!(":{port}")) {
        Some(host) => format!("{scheme}://{host}{path}"),
        None => format!("{scheme}://{authority}:{port}{path}"),
    });
    spellings
}
