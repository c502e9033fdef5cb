//! The parts of a request that are secrets, and the masks that stand in their place.

use std::{borrow::Cow, collections::BTreeSet};

use percent_encoding::percent_decode_str;

use crate::{
    headers::{MASK, is_sensitive},
    profile::Profile,
};

/// Longest query that is recorded, in bytes; a longer one is cut, and ends in `…`.
const MAX_QUERY: usize = 2048;
/// Longest text without a name in a query that is shown, in bytes. A longer one may be a token.
const MAX_NAMELESS: usize = 16;
/// Length from which a secret is looked for in values of other headers, in bytes. Shorter texts stand
/// there by chance.
const SHORTEST: usize = 8;
/// Secrets of a URL that are looked for in values of headers, at most: the search is bounded.
const MAX_HIDDEN: usize = 16;
/// Names of query parameters that are secrets and hold none of the words of [`is_sensitive`]: those of
/// signed URLs and function keys, and a password's usual short form.
const SECRET_PARAMETERS: [&str; 4] = ["code", "pwd", "sas", "sig"];
/// Authentication schemes: a header whose value begins with one holds credentials, whatever its name.
const SCHEMES: [&str; 3] = ["basic ", "bearer ", "digest "];

/// The text in the place of a header's value of this length, in bytes.
pub(super) fn mask(length: usize) -> String {
    format!("{MASK} ({length} bytes)")
}

/// The headers of one request that are secrets.
pub(super) struct Masking<'a> {
    /// Names of the headers of signatures and tokens of the request's profile.
    signatures: BTreeSet<&'a str>,
    /// Secrets that stand in the request's URL.
    hidden: Vec<String>,
}

impl<'a> Masking<'a> {
    /// The secrets of a request of this profile. `hidden` are those that stand in its URL: proxies copy
    /// the URL into headers.
    pub(super) fn new(profile: &'a Profile, hidden: Vec<String>) -> Self {
        let sets = profile.schemes().flat_map(|scheme| &scheme.headers);
        let signatures = sets.map(|names| names.signature.as_str()).collect();
        let hidden = hidden.into_iter().filter(|text| SHORTEST <= text.len());
        let hidden = hidden.take(MAX_HIDDEN).collect();
        Self { signatures, hidden }
    }

    /// Whether a header must not be shown; `name` is in lower case.
    pub(super) fn hides(&self, name: &str, value: &[u8]) -> bool {
        let begins = |scheme: &&str| {
            let start = value.get(..scheme.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        // The word `key` marks it as a secret, and it is none.
        let by_name = is_sensitive(name) && !name.ends_with("idempotency-key");
        let quotes =
            |secret: &String| value.windows(secret.len()).any(|part| part == secret.as_bytes());
        by_name
            || self.signatures.contains(name)
            || SCHEMES.iter().any(begins)
            || self.hidden.iter().any(quotes)
    }
}

/// A path as it is shown. `has_token` says that its last segment is a token.
pub(super) fn shown_path(path: &str, has_token: bool) -> String {
    let without_slash = path.trim_end_matches('/');
    match without_slash.rsplit_once('/').filter(|_| has_token) {
        Some((before, _)) => format!("{before}/{MASK}"),
        None => path.to_owned(),
    }
}

/// A query as it is shown, and the secrets that were in it, as they stood there and decoded.
pub(super) fn shown_query(query: &str) -> (String, Vec<String>) {
    let mut hidden = Vec::new();
    let mut hide = |value: &str| {
        hidden.push(value.to_owned());
        hidden.extend(decoded(value).map(Cow::into_owned));
        MASK
    };
    let mut shown: Vec<Cow<'_, str>> = Vec::new();
    for part in query.split('&') {
        shown.push(match part.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => {
                format!("{name}={}", hide(value)).into()
            }
            None if MAX_NAMELESS < part.len() => hide(part).into(),
            _ => part.into(),
        });
    }
    let mut shown = shown.join("&");
    if MAX_QUERY < shown.len() {
        shown.truncate(shown.floor_char_boundary(MAX_QUERY));
        shown.push('…');
    }
    (shown, hidden)
}

fn is_secret_parameter(name: &str) -> bool {
    let name = decoded(name).map_or(name.to_ascii_lowercase(), |name| name.to_ascii_lowercase());
    is_sensitive(&name) || SECRET_PARAMETERS.contains(&name.as_str())
}

/// The text without percent-encoding; `None` if that is not UTF-8.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}
