//! `Idempotency-Key`: a POST that comes twice with one key is done once and answered the same.
//!
//! The first request takes the key with a lease; its answer is kept for 24 hours. A second request
//! meanwhile is told to come again (409), and another request under the same key is refused (422).
//! If the process dies in between, the lease ends and the next request is carried out again: what it
//! creates is named after the key ([`RequestKey`]), so that the second creation finds the first.
//!
//! Operations that are repeatable in themselves need none of this. A message is named after its key
//! for as long as it is kept, and its answer repeats its payload, of which there shall be no second
//! copy. A job is registered under its own id, and the answer may hold the token that its platform
//! calls with.

use std::sync::Arc;

use adapters::{
    contested::{self, TryOutcome},
    random,
};
use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use domain::{
    id::{self, is_identifier},
    idempotency::{self, IdempotencyRecord, RecordedAnswer, RepeatOutcome},
};
use manage::{ControlPlane, Refusal, RequestKey, applications, sources::MAX_NAME};
use tracing::warn;

use super::{
    error::{Error, Invalid, Shape, shaped},
    gate::Authenticated,
    input,
    routes::Operation,
};

/// The name of the header with the key.
pub(super) const HEADER: &str = "idempotency-key";
/// Marks an answer that was given before and is repeated.
const REPLAYED: &str = "idempotent-replayed";
/// Tries to take a key that other requests take and free at the same time.
const TRIES: u32 = 5;

/// The request's idempotency key as handlers use it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keyed(pub(crate) RequestKey);

impl<S: Sync> FromRequestParts<S> for Keyed {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// State of the idempotency of one contract.
#[derive(Clone)]
pub(super) struct Once {
    pub(super) control: Arc<ControlPlane>,
    pub(super) shape: Shape,
}

/// The key of a request that is to be done once.
fn key(request: &Request) -> Result<Option<String>, Error> {
    let operation = request.extensions().get::<Operation>();
    if request.method() != Method::POST || operation.is_none_or(|known| known.repeatable) {
        return Ok(None);
    }
    let Some(given) = request.headers().get(HEADER) else { return Ok(None) };
    checked(given.as_bytes())?;
    Ok(Some(String::from_utf8_lossy(given.as_bytes()).into_owned()))
}

/// The operation and its path, with application and source by identity: another one may bear the name
/// when the key comes again.
async fn place(control: &ControlPlane, parts: &mut Parts) -> Result<String, Error> {
    let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_default();
    let names = RawPathParams::from_request_parts(parts, &()).await;
    let names = names.map_err(|_| Error::NotFound)?;
    let mut place = vec![route.clone()];
    for (name, value) in &names {
        let identity = match name {
            "app" => match applications::id_of(control.table(), value).await {
                Ok(id) => Some(id.to_string()),
                // The operation says so.
                Err(Refusal::NotFound) => None,
                Err(refusal) => return Err(refusal.into()),
            },
            "name" if route.starts_with("/v1/sources/") && is_identifier(value, MAX_NAME) => {
                control.table().source(value).await?.map(|source| source.id.to_string())
            }
            _ => None,
        };
        place.push(identity.unwrap_or_else(|| value.to_owned()));
    }
    Ok(id::digest(&place.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// Refuses text that cannot be a key.
pub(crate) fn checked(given: &[u8]) -> Result<(), Error> {
    match idempotency::is_key(given) {
        true => Ok(()),
        false => Err(unusable("is 1 to 255 printable ASCII characters")),
    }
}

/// The refusal of a key.
fn unusable(why: &str) -> Error {
    let at = vec!["header".to_owned(), HEADER.to_owned()];
    Error::Invalid(Invalid { at, why: why.to_owned() })
}

/// Does a request with a key once.
pub(super) async fn once(
    State(Once { control, shape }): State<Once>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let Some(key) = key(&request)? else { return Ok(next.run(request).await) };
    let principal = request.extensions().get::<Authenticated>().cloned();
    let Authenticated(principal) = principal.ok_or(Error::Unauthenticated)?;
    let (mut parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let place = place(&control, &mut parts).await?;
    // The portals of one key are of different subscribers, and neither is the key.
    let digest = id::digest(&["idempotency", &principal.to_string(), &place, &key]);
    // The body's limit is among the extensions.
    let copy = Request::from_parts(parts.clone(), body);
    let body = input::bytes(copy, &()).await?;
    let fingerprint = domain::profile::fingerprint(&[query.as_bytes(), b"\n", &body].concat());
    let token = random::token();
    if let Some(answered) = begin(&control, &digest, &fingerprint, &token).await? {
        return Ok(answered);
    }
    parts.extensions.insert(Keyed(RequestKey(Some(digest.clone()))));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if !idempotency::keeps(response.status().as_u16()) {
        // If this fails, the lease ends.
        if let Err(error) = control.table().free_key(&digest, &token).await {
            warn!(%error, "an idempotency key stays taken for a minute");
        }
        return Ok(response);
    }
    let response = shaped(shape, response);
    conclude(&control, &digest, &fingerprint, token, response).await
}

/// Takes the key; or else the answer that the key's owner gets.
async fn begin(
    control: &ControlPlane,
    digest: &str,
    fingerprint: &str,
    token: &str,
) -> Result<Option<Response>, Error> {
    let read = || async { Ok(control.table().kept(digest).await?) };
    // The first try takes the key for free; nothing is read before.
    contested::rewrite(TRIES, None, read, |known: Option<IdempotencyRecord>| async move {
        let now = control.now();
        if let Some(known) = &known {
            if known.token == token {
                // The key is ours; the answer to the write that took it was lost.
                return Ok(TryOutcome::Settled(None));
            }
            match known.again(fingerprint, now) {
                RepeatOutcome::Free => (),
                RepeatOutcome::Other => {
                    return Err(unusable("the same key came with another request before"));
                }
                RepeatOutcome::Running(wait) => return Err(Error::Running(wait)),
                RepeatOutcome::Answered(answer) => {
                    return replay(control, answer).await.map(Some).map(TryOutcome::Settled);
                }
            }
        }
        let begun = IdempotencyRecord::begun(fingerprint.to_owned(), token.to_owned(), now);
        let holder = known.as_ref().map(|known| known.token.as_str());
        Ok(control.table().keep(digest, &begun, holder).await?.settles(None))
    })
    .await
}

async fn replay(control: &ControlPlane, answer: RecordedAnswer) -> Result<Response, Error> {
    let Some(body) = answer.body else {
        let why = "that was done before, and its answer held a secret, which is not kept";
        return Err(Error::Conflict(why.to_owned()));
    };
    let bytes = control.bucket().open(body).await?;
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    if let Some(kind) = answer.content_type.and_then(|kind| HeaderValue::from_str(&kind).ok()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

/// Keeps an answer under its key. If that fails, the caller has the answer all the same, and the
/// lease ends.
async fn conclude(
    control: &ControlPlane,
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
        let body = if secret { None } else { Some(control.bucket().carry(&key, &body).await?) };
        let answer = RecordedAnswer { status: parts.status.as_u16(), content_type, body };
        let begun = IdempotencyRecord::begun(fingerprint.to_owned(), token.clone(), control.now());
        let kept = IdempotencyRecord { answer: Some(answer), ..begun };
        control.table().keep(digest, &kept, Some(&token)).await
    };
    if let Err(error) = kept.await {
        warn!(%error, "an answer is not kept under its idempotency key");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}
