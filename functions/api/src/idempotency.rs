//! `Idempotency-Key`: a POST that comes twice with one key is done once and answered the same.
//!
//! The first takes the key with a lease; its answer is kept for 24 hours. Whoever comes meanwhile
//! is told to come again (409), and whoever uses the key for something else is told so (422). If
//! the process dies in between, the lease ends, and the next one does it again: what is created is
//! named after the key ([`Keyed`]), so that doing it again finds it.
//!
//! Two routes need none of this. A message is itself named after its key, for as long as it is kept,
//! and its answer repeats its payload, of which there shall be no second copy. A job is registered
//! under its own id, and the answer may hold the token that its platform calls with.

use std::sync::Arc;

use adapters::{random, table::WriteOutcome};
use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use domain::{
    id,
    idempotency::{self, IdempotencyRecord, RecordedAnswer, RepeatOutcome},
};
use tracing::warn;

use crate::{
    Api,
    auth::{Asker, JOBS, PUBLISH},
    error::{self, Error, Invalid},
    input,
};

const HEADER: &str = "idempotency-key";
/// Says of an answer that it is the one that was given before.
const REPLAYED: &str = "idempotent-replayed";

/// What a request's idempotency key stands for, if it has one: the same for the same caller, path
/// and key. What such a request creates is named after it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keyed(pub(crate) Option<String>);

impl Keyed {
    /// Sixteen bytes to name something by: the same for the same key, else by chance.
    pub(crate) fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        match &self.0 {
            None => random::bytes(),
            Some(digest) => {
                for (byte, digits) in bytes.iter_mut().zip(digest.as_bytes().chunks(2)) {
                    let digits = std::str::from_utf8(digits).unwrap_or_default();
                    *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
                }
                bytes
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Keyed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The key of a request that is to be done once.
fn key(request: &Request, route: &str) -> Result<Option<String>, Error> {
    let ours = route.starts_with("/api/v1/") || route.starts_with("/v1/");
    if request.method() != Method::POST || !ours || matches!(route, PUBLISH | JOBS) {
        return Ok(None);
    }
    let Some(given) = request.headers().get(HEADER) else { return Ok(None) };
    checked(given.as_bytes())?;
    Ok(Some(String::from_utf8_lossy(given.as_bytes()).into_owned()))
}

/// Refuses what cannot be a key.
pub(crate) fn checked(given: &[u8]) -> Result<(), Error> {
    match idempotency::is_key(given) {
        true => Ok(()),
        false => Err(unusable("is 1 to 255 printable ASCII characters")),
    }
}

/// The key cannot be used.
fn unusable(why: &str) -> Error {
    let at = vec!["header".to_owned(), HEADER.to_owned()];
    Error::Invalid(Invalid { at, why: why.to_owned() })
}

/// Does a request with a key once.
pub(crate) async fn once(
    State(api): State<Arc<Api>>,
    route: MatchedPath,
    asker: Asker,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let Some(key) = key(&request, route.as_str())? else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let digest = id::digest(&["idempotency", &asker.key, &path, &key]);
    // The body's limit is among the extensions.
    let copy = Request::from_parts(parts.clone(), body);
    let body = input::bytes(copy, &()).await?;
    let fingerprint = domain::profile::fingerprint(&[query.as_bytes(), b"\n", &body].concat());
    let token = random::token();
    if let Some(answered) = begin(&api, &digest, &fingerprint, &token).await? {
        return Ok(answered);
    }
    parts.extensions.insert(Keyed(Some(digest.clone())));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !idempotency::keeps(response.status().as_u16()) {
        // If this fails, the lease ends.
        if let Err(error) = api.table.free_key(&digest, &token).await {
            warn!(%error, "an idempotency key stays taken for a minute");
        }
        return Ok(response);
    }
    let response = error::shaped(&path, response);
    conclude(&api, &digest, &fingerprint, token, response).await
}

/// Takes the key, or says what its owner gets instead.
async fn begin(
    api: &Api,
    digest: &str,
    fingerprint: &str,
    token: &str,
) -> Result<Option<Response>, Error> {
    let mut holder: Option<String> = None;
    for _ in 0..5 {
        let now = api.clock.now();
        let begun = IdempotencyRecord::begun(fingerprint.to_owned(), token.to_owned(), now);
        if api.table.keep(digest, &begun, holder.as_deref()).await? == WriteOutcome::Done {
            return Ok(None);
        }
        let Some(kept) = api.table.kept(digest).await? else {
            // It was freed just now.
            holder = None;
            continue;
        };
        if kept.token == token {
            // We took it, and its answer was lost.
            return Ok(None);
        }
        match kept.again(fingerprint, now) {
            RepeatOutcome::Free => holder = Some(kept.token),
            RepeatOutcome::Other => {
                return Err(unusable("the same key came with another request before"));
            }
            RepeatOutcome::Running(wait) => return Err(Error::Running(wait)),
            RepeatOutcome::Answered(answer) => return replay(api, answer).await.map(Some),
        }
    }
    Err(Error::Running(idempotency::LEASE))
}

async fn replay(api: &Api, answer: RecordedAnswer) -> Result<Response, Error> {
    let Some(body) = answer.body else {
        let why = "that was done before, and its answer held a secret, which is not kept";
        return Err(Error::Conflict(why.to_owned()));
    };
    let bytes = api.bucket.open(body).await?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

/// Keeps what was answered. Whoever was answered has their answer even if that fails; then the
/// lease ends.
async fn conclude(
    api: &Api,
    digest: &str,
    fingerprint: &str,
    token: String,
    response: Response,
) -> Result<Response, Error> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| {
        Error::Unavailable(adapters::Unavailable::new("reading our own answer", error))
    })?;
    let secret = parts.headers.get(header::CACHE_CONTROL).is_some_and(|value| value == "no-store");
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let kept = async {
        let key = format!("idempotency/{digest}-{token}");
        let body = if secret { None } else { Some(api.bucket.carry(&key, &body).await?) };
        let answer = RecordedAnswer { status: parts.status.as_u16(), content_type, body };
        let begun =
            IdempotencyRecord::begun(fingerprint.to_owned(), token.clone(), api.clock.now());
        let kept = IdempotencyRecord { answer: Some(answer), ..begun };
        api.table.keep(digest, &kept, Some(&token)).await
    };
    if let Err(error) = kept.await {
        warn!(%error, "an answer is not kept under its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}
