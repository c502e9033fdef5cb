//! Who is asking, and whether they may. One gate stands before every route that needs a key, and
//! what it does not know needs the highest scope: a new route is closed until it is listed here.

use std::sync::Arc;

use adapters::Unavailable;
use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use domain::{
    id::{ApplicationId, is_identifier},
    key::{ApiKey, KeyScope},
    time::Timestamp,
};

use crate::{Api, error::Error, omtx, svix::applications};

const ADMIN_PREFIX: &str = "rk_admin_";
pub(crate) const PUBLISH: &str = "/api/v1/app/{app}/msg";
pub(crate) const JOBS: &str = "/v1/jobs";
const PRECHECK: &str = "/api/v1/app/{app}/msg/precheck/active";
const JOB: &str = "/v1/jobs/{id}";
const JOB_CANCEL: &str = "/v1/jobs/{id}/cancel";
const BATCHES: &str = "/v1/batches";
const BATCH_CLOSE: &str = "/v1/batches/{id}/close";
/// What whoever may publish may do there: tell us of jobs and batches.
const WRITES: [Method; 2] = [Method::POST, Method::PUT];
const LOGOUT: &str = "/api/v1/auth/logout";
const ENDPOINT_SECRET: &str = "/api/v1/app/{app}/endpoint/{endpoint}/secret";

/// Whoever passed the gate.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// The id of their key.
    pub(crate) key: String,
    scope: KeyScope,
    /// The one application they may see, if not all.
    pub(crate) application: Option<ApplicationId>,
}

impl Asker {
    /// Whether something of this application is there for them.
    pub(crate) fn sees(&self, application: &ApplicationId) -> bool {
        self.application.as_ref().is_none_or(|own| own == application)
    }

    /// The same, for those who must say why not: what they cannot see is not there.
    pub(crate) fn must_see(&self, application: &ApplicationId) -> Result<(), Error> {
        if self.sees(application) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// What belongs to no application is for those who see all of them.
    pub(crate) fn must_see_all(&self) -> Result<(), Error> {
        match self.application {
            None => Ok(()),
            Some(_) => Err(Error::Forbidden("this key is for one application only")),
        }
    }
}

/// What is kept of the first key, which is deployed and not in the table.
fn admin(api: &Api) -> ApiKey {
    let text = api.admin_key.as_str().unwrap_or_default();
    ApiKey {
        id: "admin".to_owned(),
        hash: ApiKey::hash(text.strip_prefix(ADMIN_PREFIX).unwrap_or(text)),
        scope: KeyScope::Admin,
        application: None,
        name: String::new(),
        created_at: Timestamp(0),
    }
}

/// Lets through who may, and tells the handler who it is.
pub(crate) async fn gate(
    State(api): State<Arc<Api>>,
    route: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let asker = identify(&api, request.headers()).await?.ok_or(Error::Unauthenticated)?;
    if asker.scope < needed(request.method(), route.as_str()) {
        return Err(Error::Forbidden("this key's scope does not allow that"));
    }
    let (mut parts, body) = request.into_parts();
    let names = RawPathParams::from_request_parts(&mut parts, &()).await;
    for (name, value) in &names.map_err(|_| Error::NotFound)? {
        // No id or uid is longer, and none of them is in the table's keys unless it is plain.
        if name == "app" {
            if !is_identifier(value, 256) {
                return Err(Error::NotFound);
            }
            if asker.application.is_some() {
                // A uid may have had another bearer before.
                asker.must_see(&applications::id_of(&api, value).await?)?;
            }
        }
    }
    parts.extensions.insert(asker);
    request = Request::from_parts(parts, body);
    Ok(next.run(request).await)
}

async fn identify(api: &Api, headers: &HeaderMap) -> Result<Option<Asker>, Unavailable> {
    let Some(bearer) = bearer(headers) else { return Ok(None) };
    if let Some(secret) = bearer.strip_prefix(ADMIN_PREFIX) {
        let admin = admin(api);
        return Ok(admin.opens(secret).then(|| asker(&admin)));
    }
    let Some((id, secret)) = ApiKey::split(bearer) else { return Ok(None) };
    let key = api.table.key(id).await?.filter(|key| key.opens(secret));
    Ok(key.map(|key| asker(&key)))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn asker(key: &ApiKey) -> Asker {
    let application = key.application.as_deref().map(ApplicationId::named);
    Asker { key: key.id.clone(), scope: key.scope, application }
}

/// The scope that a request needs.
fn needed(method: &Method, route: &str) -> KeyScope {
    match route {
        ENDPOINT_SECRET => KeyScope::Admin,
        omtx::TEST | omtx::MODAL_TEST if method == Method::POST => KeyScope::Publish,
        LOGOUT => KeyScope::Read,
        PUBLISH | PRECHECK if method == Method::POST => KeyScope::Publish,
        JOBS | JOB | JOB_CANCEL | BATCHES | BATCH_CLOSE if WRITES.contains(method) => {
            KeyScope::Publish
        }
        _ if method == Method::GET || method == Method::HEAD => KeyScope::Read,
        _ => KeyScope::Admin,
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        // Only behind the gate is there one.
        parts.extensions.get::<Self>().cloned().ok_or(Error::Unauthenticated)
    }
}
