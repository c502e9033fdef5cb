//! Sessions: a page changes a one-time code for a token that is good for some hours, so that it need not
//! hold an API key.

mod relay;

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use domain::{
    key::KeyScope,
    portal::{Capability, Portal},
    session::SessionGrant,
};
use manage::{
    ControlPlane,
    sessions::{self, SessionPass},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::relay::RelayOut;
use crate::web::{
    OpenRoutes, Routes, Stated,
    error::Error,
    gate::{Authenticated, bearer},
    input::Body,
    peer::CallerAddress,
};

/// Any key may make a code, and any session may be looked at and ended by itself, a portal's too.
pub(super) fn routes() -> Routes {
    Routes::tagged("sessions").read(routes!(create_code)).read(routes!(get, delete).every_portal())
}

/// The exchange of a code needs no key.
pub(super) fn open_routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(open))
}

/// A new code.
#[derive(Serialize, ToSchema)]
struct NewCode {
    /// Value of `code` in the request for a session. It is not shown again.
    code: String,
    /// Time from which the code opens nothing: a minute after it was made.
    expires_at: String,
}

/// Makes a code that opens one session within a minute.
///
/// The session has the scope and the application of the key, and ends with it. A session makes no codes.
#[utoipa::path(post, path = "/v1/sessions/codes", operation_id = "create_session_code",
    responses((status = 201, body = NewCode),
        (status = 403, description = "The request was made with a session.")))]
async fn create_code(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<impl IntoResponse, Error> {
    let SessionPass { text, expires_at, .. } = sessions::create_code(&control, &principal).await?;
    let made = NewCode { code: text, expires_at: expires_at.rfc3339() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// A code that is exchanged.
#[derive(Deserialize, ToSchema)]
struct SessionIn {
    /// The code.
    code: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
struct SessionOut {
    /// Time at which the session ends: 12 hours after it began, or as its portal was asked for.
    expires_at: String,
    /// `read`, `publish` or `admin`. A portal's session has no scope, and says `read`.
    #[schema(value_type = String)]
    scope: KeyScope,
    /// Id of the one application that the session may see; null for all.
    application: Option<String>,
    /// Right of a portal's session; null for others.
    portal: Option<PortalOut>,
}

/// The right of a portal's session.
#[derive(Serialize, ToSchema)]
struct PortalOut {
    /// Some of `ViewBase`, `ViewEndpointSecret`, `ManageEndpointSecret`, `ManageTransformations`,
    /// `CreateAttempts` and `ManageEndpoint`.
    #[schema(value_type = Vec<String>)]
    capabilities: BTreeSet<Capability>,
    /// Flags of the event types that the session sees besides those without flags.
    #[schema(value_type = Vec<String>)]
    feature_flags: BTreeSet<String>,
    /// Whether the session changes nothing.
    read_only: bool,
}

impl From<Portal> for PortalOut {
    fn from(portal: Portal) -> Self {
        Self {
            read_only: portal.is_read_only(),
            capabilities: portal.capabilities,
            feature_flags: portal.feature_flags,
        }
    }
}

/// The session that a request is made with.
#[derive(Serialize, ToSchema)]
struct CurrentSession {
    #[serde(flatten)]
    about: SessionOut,
    /// The relay, as a page shows it.
    relay: RelayOut,
}

/// A new session.
#[derive(Serialize, ToSchema)]
struct NewSession {
    /// Value for the header `Authorization: Bearer`. The token is not shown again.
    token: String,
    #[serde(flatten)]
    about: SessionOut,
}

/// Changes a code for a session. Needs no key.
///
/// A code opens one session. If the answer is lost, ask for another code.
#[utoipa::path(post, path = "/v1/sessions", tag = "sessions", operation_id = "create_session",
    request_body = SessionIn,
    responses((status = 201, body = NewSession), (status = 400), (status = 413), (status = 422),
        (status = 403, description = "The code is wrong, was used, or has expired; or its key was \
            revoked, or its portal ended."),
        (status = 429, description = "Five wrong codes came from the caller's address within a \
            minute; `Retry-After` says when to send again.")))]
async fn open(
    State(control): State<Arc<ControlPlane>>,
    CallerAddress(address): CallerAddress,
    Body(SessionIn { code }): Body<SessionIn>,
) -> Result<impl IntoResponse, Error> {
    let opened = sessions::open(&control, &code, &address).await?;
    let SessionPass { text, expires_at, grant } = opened;
    let SessionGrant { scope, application, portal, .. } = grant;
    let application = application.map(|id| id.to_string());
    let portal = portal.map(PortalOut::from);
    let about = SessionOut { expires_at: expires_at.rfc3339(), scope, application, portal };
    let made = NewSession { token: text, about };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// The session that the request is made with.
#[utoipa::path(get, path = "/v1/sessions/current", operation_id = "get_session",
    responses((status = 200, body = CurrentSession),
        (status = 404, description = "The request was made with an API key.")))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<CurrentSession>, Error> {
    let expires_at = principal.session_ends.ok_or(Error::NotFound)?.rfc3339();
    let relay = RelayOut::of(&control, principal.application.as_ref()).await?;
    let application = principal.application.map(|id| id.to_string());
    let portal = principal.portal.map(PortalOut::from);
    let about = SessionOut { expires_at, scope: principal.scope, application, portal };
    Ok(Json(CurrentSession { about, relay }))
}

/// Ends the session that the request is made with. Live connections that it opened end by themselves, two
/// hours after they began at the latest.
#[utoipa::path(delete, path = "/v1/sessions/current", operation_id = "delete_session",
    responses((status = 204),
        (status = 404, description = "The request was made with an API key.")))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    sessions::end(&control, bearer(&headers).unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}
