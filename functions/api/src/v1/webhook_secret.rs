//! The secret of an application: it signs to webhooks of jobs and batches that were registered
//! without one of their own, as a server with one secret for all does (R3.5).
//!
//! A webhook takes the secret that is there when it is registered: another one later is for the
//! webhooks that come later.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    application::Application, endpoint::Endpoint, id::ApplicationId, secret::SealedSecret,
};
use serde::Deserialize;
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};
use manage::{ControlPlane, Principal, applications};

pub(crate) fn routes() -> Routes {
    Routes::new().admin(routes!(put)).admin(routes!(delete))
}

/// A secret.
#[derive(Deserialize, ToSchema)]
struct WebhookSecretIn {
    /// `whsec_` and 24 to 64 bytes in base64, or 16 to 128 printable characters.
    secret: String,
}

/// Sets what signs to webhooks that are registered without a secret of their own. Nothing shows it
/// again.
#[utoipa::path(put, path = "/v1/applications/{app}/webhook-secret", tag = "jobs", operation_id = "put_webhook_secret",
    params(("app" = String, Path, description = "Its id or uid.")), request_body = WebhookSecretIn,
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 422)))]
async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<WebhookSecretIn>,
) -> Result<StatusCode, Error> {
    let secret =
        Endpoint::secret(&given.secret, true).map_err(|why| Error::field("secret", why))?;
    let known = applications::resolve(&control, &app).await?;
    let sealed = control.vault().seal(&Application::owner(&known.id), &secret);
    keep(&control, &principal, known, Some(sealed), "an application's webhook secret was set").await
}

/// Takes it away. Webhooks that have it keep it.
#[utoipa::path(delete, path = "/v1/applications/{app}/webhook-secret", tag = "jobs", operation_id = "delete_webhook_secret",
    params(("app" = String, Path, description = "Its id or uid.")),
    responses((status = 204), (status = 401), (status = 403), (status = 404)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<StatusCode, Error> {
    let known = applications::resolve(&control, &app).await?;
    keep(&control, &principal, known, None, "an application's webhook secret was taken away").await
}

async fn keep(
    control: &ControlPlane,
    principal: &Principal,
    known: Application,
    webhook_secret: Option<SealedSecret>,
    what: &str,
) -> Result<StatusCode, Error> {
    let next = Application { webhook_secret, updated_at: control.now(), ..known.clone() };
    applications::replace(control, &known, next).await?;
    info!(audit = true, key = %principal.key, application = %known.id, "{what}");
    Ok(StatusCode::NO_CONTENT)
}

/// The secret of an application, if it has one.
pub(crate) async fn of(
    control: &ControlPlane,
    application: &ApplicationId,
) -> Result<Option<String>, Error> {
    let known = control.table().application(application).await?;
    let Some(sealed) = known.and_then(|known| known.webhook_secret) else { return Ok(None) };
    let opened = control.vault().unseal(&Application::owner(application), &sealed);
    let opened = opened.map_err(|error| {
        let doing = "opening an application's webhook secret";
        Error::Unavailable(adapters::Unavailable::new(doing, error))
    })?;
    Ok(opened.as_str().map(str::to_owned))
}
