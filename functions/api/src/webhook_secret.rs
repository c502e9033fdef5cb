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

use crate::{Api, Routes, auth::Asker, error::Error, input::Body, svix::applications};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(put, delete))
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
    State(api): State<Arc<Api>>,
    Path(app): Path<String>,
    asker: Asker,
    Body(given): Body<WebhookSecretIn>,
) -> Result<StatusCode, Error> {
    let secret =
        Endpoint::secret(&given.secret, true).map_err(|why| Error::field("secret", why))?;
    let known = applications::resolve(&api, &app).await?;
    let sealed = api.vault.seal(&Application::owner(&known.id), &secret);
    keep(&api, &asker, known, Some(sealed), "an application's webhook secret was set").await
}

/// Takes it away. Webhooks that have it keep it.
#[utoipa::path(delete, path = "/v1/applications/{app}/webhook-secret", tag = "jobs", operation_id = "delete_webhook_secret",
    params(("app" = String, Path, description = "Its id or uid.")),
    responses((status = 204), (status = 401), (status = 403), (status = 404)))]
async fn delete(
    State(api): State<Arc<Api>>,
    Path(app): Path<String>,
    asker: Asker,
) -> Result<StatusCode, Error> {
    let known = applications::resolve(&api, &app).await?;
    keep(&api, &asker, known, None, "an application's webhook secret was taken away").await
}

async fn keep(
    api: &Api,
    asker: &Asker,
    known: Application,
    webhook_secret: Option<SealedSecret>,
    what: &str,
) -> Result<StatusCode, Error> {
    let next = Application { webhook_secret, updated_at: api.clock.now(), ..known.clone() };
    applications::replace(api, &known, next).await?;
    info!(audit = true, key = %asker.key, application = %known.id, "{what}");
    Ok(StatusCode::NO_CONTENT)
}

/// The secret of an application, if it has one.
pub(crate) async fn of(api: &Api, application: &ApplicationId) -> Result<Option<String>, Error> {
    let known = api.table.application(application).await?;
    let Some(sealed) = known.and_then(|known| known.webhook_secret) else { return Ok(None) };
    let opened = api.vault.unseal(&Application::owner(application), &sealed);
    let opened = opened.map_err(|error| {
        let doing = "opening an application's webhook secret";
        Error::Unavailable(adapters::Unavailable::new(doing, error))
    })?;
    Ok(opened.as_str().map(str::to_owned))
}
