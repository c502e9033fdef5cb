//! Access for subscribers to pages of their own, as the Svix contract hands it out and ends it.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use domain::portal::Capability;
use manage::{
    ControlPlane, Principal, Refusal,
    applications::ApplicationDraft,
    portals::{self, PortalDraft},
    sessions,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::application_in::ApplicationIn;
use crate::{
    bodies::spelt,
    web::{
        Routes, Stated,
        error::Error,
        gate::{Authenticated, bearer},
        input::Body,
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: authentication")
        .admin(routes!(app_portal_access))
        .admin(routes!(dashboard_access))
        .admin(routes!(expire_all))
        .read(routes!(logout).every_portal())
}

/// A request for a link to a portal.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AppPortalAccessIn {
    /// The application of the path, if it has to be created.
    application: Option<ApplicationIn>,
    /// Rights of the portal: some of `ViewBase`, `ViewEndpointSecret`, `ManageEndpointSecret`,
    /// `ManageTransformations`, `CreateAttempts` and `ManageEndpoint`, the first among them; all of them
    /// without a list.
    #[schema(value_type = Option<Vec<String>>)]
    capabilities: Option<BTreeSet<Capability>>,
    /// Whether the portal only shows, whatever its capabilities are.
    read_only: Option<bool>,
    /// Flags of the event types that the portal shows besides those that everybody sees.
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    feature_flags: Option<BTreeSet<String>>,
    /// Seconds until the portal ends.
    #[schema(minimum = 1, maximum = 604800, default = 3600)]
    expiry: Option<u64>,
    /// A name for the portal's sessions, by which they can be ended.
    #[schema(min_length = 1, max_length = 256)]
    session_id: Option<String>,
}

/// A link to a portal.
#[derive(Serialize, ToSchema)]
struct AppPortalAccessOut {
    /// A session of the portal, for calls of the API: a value for the header `Authorization: Bearer`.
    token: String,
    /// Address of the portal. It opens once, within ten minutes.
    url: String,
}

/// Hands out a portal: a link for a browser, and a token for calls.
///
/// A portal sees and does what its capabilities name, of one application. It ends at its time, with the key
/// that handed it out, with the application, or when it is ended.
#[utoipa::path(post, path = "/api/v1/auth/app-portal-access/{app}",
    operation_id = "v1.authentication.app-portal-access", request_body = AppPortalAccessIn,
    responses((status = 200, body = AppPortalAccessOut),
        (status = 403, description = "The request was made with a session.")))]
async fn app_portal_access(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<AppPortalAccessIn>,
) -> Result<impl IntoResponse, Error> {
    hand_out(&control, &principal, &app, given).await
}

/// Hands out a portal by the path of older clients. It may do everything, and ends after an hour.
#[utoipa::path(post, path = "/api/v1/auth/dashboard-access/{app}",
    operation_id = "v1.authentication.dashboard-access",
    responses((status = 200, body = AppPortalAccessOut),
        (status = 403, description = "The request was made with a session.")))]
async fn dashboard_access(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<impl IntoResponse, Error> {
    hand_out(&control, &principal, &app, AppPortalAccessIn::default()).await
}

async fn hand_out(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    given: AppPortalAccessIn,
) -> Result<impl IntoResponse + use<>, Error> {
    let application = given.application.map(ApplicationDraft::from);
    let draft = PortalDraft {
        capabilities: given.capabilities,
        read_only: given.read_only.unwrap_or_default(),
        feature_flags: given.feature_flags.unwrap_or_default(),
        expiry: given.expiry,
        session: given.session_id,
    };
    let pass = portals::hand_out(control, principal, app, application, draft).await;
    let pass = pass.map_err(spelt)?;
    let url = format!("{}/portal#code={}", control.public_url(), pass.code);
    let out = AppPortalAccessOut { token: pass.token, url };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(out)))
}

/// Portals that are ended.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationTokenExpireIn {
    /// Seconds until they end.
    #[schema(minimum = 0, maximum = 604800, default = 0)]
    expiry: Option<u64>,
    /// Names of the sessions that end, as they were given when their portals were handed out; all of them
    /// without a list.
    #[schema(max_items = 500)]
    session_ids: Option<Vec<String>>,
}

/// Ends the portals of an application that were handed out before, with the links that were not opened.
/// Live connections that they opened end within five minutes.
#[utoipa::path(post, path = "/api/v1/auth/app/{app}/expire-all",
    operation_id = "v1.authentication.expire-all", request_body = ApplicationTokenExpireIn,
    responses((status = 204), (status = 409)))]
async fn expire_all(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<ApplicationTokenExpireIn>,
) -> Result<StatusCode, Error> {
    let sessions = given.session_ids.unwrap_or_default();
    let wait = given.expiry.unwrap_or_default();
    portals::end_all(&control, &principal, &app, &sessions, wait).await.map_err(spelt)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session that the request is made with. A key stays what it is; it is revoked under `/v1/keys`.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "logout_api_v1_auth_logout__post",
    responses((status = 204)))]
async fn logout(
    State(control): State<Arc<ControlPlane>>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    match sessions::end(&control, bearer(&headers).unwrap_or_default()).await {
        Ok(()) | Err(Refusal::NotFound) => Ok(StatusCode::NO_CONTENT),
        Err(refusal) => Err(refusal.into()),
    }
}
