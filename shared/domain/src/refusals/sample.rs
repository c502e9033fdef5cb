//! The record of one refused request: never its body, never a header's value but the media type.

use std::net::IpAddr;

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::RefusalReason;
use crate::time::Timestamp;

/// Samples of one source that are kept: the newest.
pub const MAX_SAMPLES: usize = 20;
/// Longest name of a source, header or media type that is kept, in characters.
const MAX_NAME: usize = 64;
/// Most names of headers that are kept.
const MAX_HEADERS: usize = 32;
/// Most bytes of names of headers that are kept.
const MAX_HEADER_BYTES: usize = 1024;
/// The most characters of a sentence that are kept.
const MAX_SENTENCE: usize = 400;

/// The record of a refused request, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalSample {
    /// The time at which the request arrived.
    pub at: Timestamp,
    /// The name of the source in the path, at most 64 characters of it.
    pub source: String,
    /// The caller's address, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<IpAddr>,
    /// The reason why the request was refused, as a word.
    pub reason: RefusalReason,
    /// The reason why the request was refused, in a sentence for the owner of the source.
    pub sentence: String,
    /// The names of the headers in lower case: at most 32, in 1 KiB.
    pub headers: Vec<String>,
    /// The length of the body in bytes.
    pub bytes: u64,
    /// The media type that the request names, without its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// A request that was refused, as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct RefusedRequest<'a> {
    /// The time at which the request arrived.
    pub at: Timestamp,
    /// The name of the source in the path.
    pub source: &'a str,
    /// The caller's address, if it is known.
    pub caller: Option<IpAddr>,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The length of the body in bytes.
    pub bytes: u64,
}

impl RefusalSample {
    /// The record of a request that was refused for a reason.
    pub fn of(request: &RefusedRequest<'_>, reason: RefusalReason, sentence: &str) -> Self {
        Self {
            at: request.at,
            source: cut(request.source, MAX_NAME),
            caller: request.caller,
            reason,
            sentence: cut(sentence, MAX_SENTENCE),
            headers: names(request.headers),
            bytes: request.bytes,
            content_type: media_type(request.headers),
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn names(headers: &HeaderMap) -> Vec<String> {
    let mut room = MAX_HEADER_BYTES;
    let names = headers.keys().take(MAX_HEADERS).map(|name| cut(name.as_str(), MAX_NAME));
    names
        .take_while(|name| {
            let fits = name.len() <= room;
            room = room.saturating_sub(name.len());
            fits
        })
        .collect()
}

/// The media type, if the header has its grammar: anything else may be a secret in the wrong place.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, subkind) = text.split(';').next()?.trim().split_once('/')?;
    let plain = |part: &str| {
        let byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-');
        !part.is_empty() && part.bytes().all(byte)
    };
    let is_short = text.split(';').next()?.len() <= MAX_NAME;
    (is_short && plain(kind) && plain(subkind)).then(|| format!("{kind}/{subkind}").to_lowercase())
}
