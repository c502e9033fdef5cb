//! The gate before every route that needs a key: who calls, with which scope, about which
//! application, with which parameters.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, HeaderValue, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use domain::{key::KeyScope, log::LogClaim};
use manage::{ControlPlane, Principal, applications, keys, logs};

use super::{
    error::{Error, IGNORED, MAX_BODY},
    input::{Ignored, pairs},
    routes::{OpenParameters, Operation, Operations},
};

/// State of the gate of one contract.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) control: Arc<ControlPlane>,
    pub(super) operations: Arc<Operations>,
    pub(super) tolerant: bool,
}

impl Gate {
    /// The operation of a route. A route that was added has one for each of its methods; other
    /// methods end as 405 behind the gate.
    fn operation(&self, method: &Method, route: &str) -> Option<&Operation> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.operations.get(&(route.to_owned(), method.clone()))
    }
}

/// Lets a request through whose key allows the operation, and hands its caller to the handler.
pub(super) async fn gate(
    State(gate): State<Gate>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let operation = gate.operation(request.method(), route.as_str());
    if operation.is_some_and(|operation| operation.log_token)
        && let Some(claim) = bearer(request.headers()).and_then(|it| logs::claim(&gate.control, it))
    {
        return with_log_token(claim, operation, request, next).await;
    }
    let principal = identify(&gate.control, request.headers()).await?;
    let principal = principal.ok_or(Error::Unauthenticated)?;
    must_admit(operation, &principal)?;
    must_fit(request.headers())?;
    let (mut parts, body) = request.into_parts();
    let names = RawPathParams::from_request_parts(&mut parts, &()).await;
    for (name, value) in &names.map_err(|_| Error::NotFound)? {
        if name == "app" {
            applications::must_see(&gate.control, &principal, value).await?;
        }
    }
    let ignored = gate.tolerant.then(Ignored::default);
    if let Some(operation) = operation {
        judge_query(&parts, operation, ignored.as_ref())?;
        parts.extensions.insert(operation.clone());
    }
    parts.extensions.insert(Authenticated(principal));
    if let Some(ignored) = &ignored {
        parts.extensions.insert(ignored.clone());
    }
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let names = ignored.and_then(|ignored| HeaderValue::try_from(ignored.header()?).ok());
    if let Some(names) = names {
        response.headers_mut().insert(IGNORED, names);
    }
    Ok(response)
}

/// Requires that the caller may call an operation. A route without one ends as 405 behind the gate, and only
/// an administrator learns that.
fn must_admit(operation: Option<&Operation>, principal: &Principal) -> Result<(), Error> {
    let is_admin = || principal.scope == KeyScope::Admin && !principal.is_portal();
    match operation.map_or_else(is_admin, |operation| operation.admits(principal)) {
        true => Ok(()),
        false if principal.is_portal() => {
            Err(Error::Forbidden("this portal's session does not allow that"))
        }
        false => Err(Error::Forbidden("this key's scope does not allow that")),
    }
}

/// Lets a request through whose log token is good, and hands the token's claim to the handler, which
/// knows the job. There is no principal: no other operation can be called with the token.
async fn with_log_token(
    claim: LogClaim,
    operation: Option<&Operation>,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    must_fit(request.headers())?;
    let (mut parts, body) = request.into_parts();
    if let Some(operation) = operation {
        judge_query(&parts, operation, None)?;
        parts.extensions.insert(operation.clone());
    }
    parts.extensions.insert(claim);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Judges the parameters of a request that its operation does not know.
fn judge_query(
    parts: &Parts,
    operation: &Operation,
    ignored: Option<&Ignored>,
) -> Result<(), Error> {
    judge_names(parts, &operation.parameters, ignored)
}

fn judge_names(parts: &Parts, known: &[String], ignored: Option<&Ignored>) -> Result<(), Error> {
    for (name, _) in pairs(parts)? {
        if !known.contains(&name) {
            Ignored::judge(ignored, "query", &[name], known)?;
        }
    }
    Ok(())
}

/// Judges the parameters of a request to an operation that needs no key.
pub(super) async fn judge_open(
    State(operations): State<Arc<OpenParameters>>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let method = if parts.method == Method::HEAD { Method::GET } else { parts.method.clone() };
    let key = (route.as_str().to_owned(), method);
    if let Some(known) = operations.get(&key) {
        judge_names(&parts, known, None)?;
    }
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Refuses a body that is announced as too large, at operations that read none too.
fn must_fit(headers: &HeaderMap) -> Result<(), Error> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if MAX_BODY < length => Err(Error::TooLarge),
        _ => Ok(()),
    }
}

async fn identify(control: &ControlPlane, headers: &HeaderMap) -> Result<Option<Principal>, Error> {
    match bearer(headers) {
        Some(bearer) => Ok(keys::identify(control, bearer).await?),
        None => Ok(None),
    }
}

/// The text that a request gives as its key.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = std::str::from_utf8(headers.get(header::AUTHORIZATION)?.as_bytes()).ok()?;
    let (scheme, key) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The authenticated caller, for handlers behind the gate.
#[derive(Clone, Debug)]
pub(crate) struct Authenticated(pub(crate) Principal);

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::Unauthenticated)
    }
}

/// The caller that appends to the log of a job.
#[derive(Clone, Debug)]
pub(crate) enum Appender {
    /// The holder of a key.
    Key(Principal),
    /// The holder of a job's log token.
    Token(LogClaim),
}

impl<S: Sync> FromRequestParts<S> for Appender {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if let Some(claim) = parts.extensions.get::<LogClaim>() {
            return Ok(Self::Token(claim.clone()));
        }
        let Authenticated(principal) = Authenticated::from_request_parts(parts, state).await?;
        Ok(Self::Key(principal))
    }
}
