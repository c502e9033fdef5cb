//! Access for subscribers to pages of their own. There are no such pages yet, so that a request for
//! a link is answered 501 and not with a link that leads nowhere. Logging out changes nothing.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::application_in::ApplicationIn;
use crate::web::{Routes, error::Error};
use manage::{ControlPlane, applications};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: authentication")
        .admin(routes!(app_portal_access))
        .admin(routes!(dashboard_access))
        .admin(routes!(expire_all))
        .read(routes!(logout))
}

const NO_PORTAL: Error = Error::NotImplemented("there is no dashboard to give access to yet");

/// A request for a link to a portal.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "described for clients; there is nothing to read it for yet")]
struct AppPortalAccessIn {
    /// The application of the path, if it has to be created.
    application: Option<ApplicationIn>,
    /// Flags of the event types that the portal shows besides those that everybody sees.
    feature_flags: Option<BTreeSet<String>>,
}

/// A link to a portal.
#[derive(Serialize, ToSchema)]
struct AppPortalAccessOut {
    /// Token that the link carries.
    token: String,
    /// Address of the portal.
    url: String,
}

/// Gives a subscriber access to their own pages: not possible yet.
#[utoipa::path(post, path = "/api/v1/auth/app-portal-access/{app}",
    operation_id = "v1.authentication.app-portal-access", request_body = AppPortalAccessIn,
    responses((status = 200, body = AppPortalAccessOut, description = "Not given yet."),
        (status = 501)))]
async fn app_portal_access(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
) -> Result<StatusCode, Error> {
    no_portal(&control, &app).await
}

/// Gives a subscriber access by the path of older clients: not possible yet.
#[utoipa::path(post, path = "/api/v1/auth/dashboard-access/{app}",
    operation_id = "v1.authentication.dashboard-access", responses((status = 501)))]
async fn dashboard_access(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
) -> Result<StatusCode, Error> {
    no_portal(&control, &app).await
}

/// Ends every access to an application's pages: not possible yet, for there is none.
#[utoipa::path(post, path = "/api/v1/auth/app/{app}/expire-all",
    operation_id = "v1.authentication.expire-all", responses((status = 501)))]
async fn expire_all(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
) -> Result<StatusCode, Error> {
    no_portal(&control, &app).await
}

/// Logs out. A key stays what it is; it is revoked under `/v1/keys`.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "logout_api_v1_auth_logout__post",
    responses((status = 204)))]
async fn logout() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Refuses what only a portal could do, of an application that there is.
async fn no_portal(control: &ControlPlane, app: &str) -> Result<StatusCode, Error> {
    applications::resolve(control, app).await?;
    Err(NO_PORTAL)
}
