//! The request that an event came with: as JSON in the event's own answer, and its body byte for byte.

use std::{ops::Range, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use domain::{event::Event, id::EventId, request::RequestRecord};
use manage::{ControlPlane, events, requests};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    error::{Error, Invalid},
    gate::Authenticated,
};

/// A request as it came. Secrets are masked.
#[derive(Serialize, ToSchema)]
pub(super) struct RequestOut {
    method: String,
    /// Path that was called; `***` stands for a path token.
    path: String,
    /// Query without its question mark; `***` stands for the value of a parameter that is a secret. A
    /// query of more than 2048 bytes is cut, and ends in `…`.
    query: Option<String>,
    /// IP address of the caller.
    caller: Option<String>,
    #[schema(format = DateTime)]
    received_at: String,
    /// Length of the body, in bytes.
    bytes: u64,
    /// Media type of the body, as the sender named it.
    content_type: Option<String>,
    /// At most 64 headers with at most 8192 bytes in all.
    headers: Vec<RequestHeaderOut>,
    /// Number of headers beyond that.
    headers_left_out: usize,
    verdict: RequestVerdictOut,
}

/// A header of a request.
#[derive(Serialize, ToSchema)]
struct RequestHeaderOut {
    /// Name in lower case.
    name: String,
    /// Value. `***` and a length stand for a secret; bytes that are not UTF-8 are replaced by U+FFFD.
    value: String,
}

/// Reason for which the sender was believed.
#[derive(Serialize, ToSchema)]
struct RequestVerdictOut {
    /// Profile of the source when the request arrived.
    profile: String,
    /// Signature scheme that held, such as `hmac-sha256 over {timestamp}.{body}`, or `token`.
    scheme: String,
    /// Secret of the source that vouched for the request; null if a published key or the token of one
    /// job did.
    secret: Option<SecretMarkOut>,
    /// Age of the time of signing, in seconds; below 0 if the sender's clock was ahead, null if the
    /// request named no such time.
    timestamp_age_s: Option<i64>,
}

/// A secret of a source, by a mark.
#[derive(Serialize, ToSchema)]
struct SecretMarkOut {
    /// Place among the source's secrets, the newest being 1.
    position: usize,
    /// First 8 hex digits of an HMAC of the secret under the relay's master key.
    fingerprint: String,
}

impl RequestOut {
    /// The request of an event.
    pub(super) fn of(event: &Event, request: RequestRecord) -> Self {
        let content_type = request.content_type().map(str::to_owned);
        let header = |header: domain::request::RequestHeader| RequestHeaderOut {
            name: header.name,
            value: header.value,
        };
        let verdict = request.verdict;
        let secret = verdict.secret.map(|secret| SecretMarkOut {
            position: secret.position,
            fingerprint: secret.fingerprint,
        });
        Self {
            method: request.method,
            path: request.path,
            query: request.query,
            caller: request.caller.map(|address| address.to_string()),
            received_at: event.created_at.rfc3339(),
            bytes: request.bytes,
            content_type,
            headers: request.headers.into_iter().map(header).collect(),
            headers_left_out: request.headers_left_out,
            verdict: RequestVerdictOut {
                profile: verdict.profile,
                scheme: verdict.scheme,
                secret,
                timestamp_age_s: verdict.timestamp_age_s,
            },
        }
    }
}

/// Most bytes of an answer: Lambda answers 6 MB at most, and bytes travel to it in base64.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Body of the request that an event came with, byte for byte: still packed if it came in a
/// `Content-Encoding`.
///
/// There is none if the event was published, if the relay or an operator made it, or if its content was
/// removed. A body of more than 4 MiB is given in parts of at most that, by `Range`.
#[utoipa::path(get, path = "/v1/events/{id}/request", operation_id = "get_event_request",
    params(("range" = Option<String>, Header, description = "`bytes=<first>-<last>`, counted from 0.")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream",
            body = Vec<u8>),
        (status = 206, description = "The part that was asked for",
            content_type = "application/octet-stream", body = Vec<u8>)))]
pub(super) async fn body(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let id = EventId::parse(&id).map_err(|_| Error::NotFound)?;
    let event = events::find(&control, &principal, &id).await?;
    let bytes = Bytes::from(requests::body(&control, &event).await?);
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let part = asked.map_or(Ok(None), |range| part(range, bytes.len()))?;
    if part.is_none() && MAX_ANSWER < bytes.len() {
        let most = MAX_ANSWER - 1;
        let why = format!(
            "is missing: the body has {} bytes and an answer at most {MAX_ANSWER}; ask for \
             bytes=0-{most} first",
            bytes.len()
        );
        return Err(unusable_range(why));
    }
    // The bytes are a stranger's: no browser is to show them, whatever they look like.
    let mut headers = vec![
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.bin\"", event.id.event())),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let status = part.as_ref().map_or(StatusCode::OK, |_| StatusCode::PARTIAL_CONTENT);
    let all = bytes.len();
    let range = |part: &Range<usize>| format!("bytes {}-{}/{all}", part.start, part.end - 1);
    headers.extend(part.as_ref().map(|part| (header::CONTENT_RANGE, range(part))));
    let bytes = bytes.slice(part.unwrap_or(0..all));
    Ok((status, AppendHeaders(headers), bytes))
}

/// The part of `all` bytes that a `Range` asks for, at most [`MAX_ANSWER`]; `None` if it asks for
/// something else than one part from a first byte on, which HTTP lets a server ignore.
fn part(range: &str, all: usize) -> Result<Option<Range<usize>>, Error> {
    let asked = range.strip_prefix("bytes=").and_then(|asked| asked.split_once('-'));
    let Some((first, last)) = asked else { return Ok(None) };
    let Ok(first) = first.parse::<usize>() else { return Ok(None) };
    let end = match last.parse::<usize>() {
        Ok(last) if first <= last => last.saturating_add(1),
        Err(_) if last.is_empty() => all,
        _ => return Ok(None),
    };
    if all <= first {
        return Err(unusable_range(format!("begins behind the body, which has {all} bytes")));
    }
    Ok(Some(first..end.min(all).min(first + MAX_ANSWER)))
}

fn unusable_range(why: String) -> Error {
    Error::Invalid(Invalid { at: vec!["header".to_owned(), "range".to_owned()], why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_one_part_of_the_body() {
        let all = MAX_ANSWER + 100;
        for (range, expected) in [
            ("bytes=0-9", Some(0..10)),
            ("bytes=5-", Some(5..MAX_ANSWER + 5)),
            ("bytes=0-99999999", Some(0..MAX_ANSWER)),
            ("bytes=4194304-8388607", Some(MAX_ANSWER..all)),
            ("bytes=9-5", None),
            ("bytes=-5", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
            ("", None),
        ] {
            assert_eq!(part(range, all).expect(range), expected, "{range}");
        }
        assert!(part("bytes=10-", 10).is_err() && part("bytes=0-", 0).is_err());
    }
}
