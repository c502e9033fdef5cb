//! `POST /configure` (R0.6): makes the source that its completions come from.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::secret::Secret;
use manage::{
    ControlPlane,
    sources::{self, SetUpDraft},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::modal::{BASE, SOURCE};
use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};

pub(crate) fn routes() -> Routes {
    Routes::tagged("omtx").admin(routes!(configure))
}

/// Settings with which OMTX-Hub's Modal apps call the relay.
#[derive(Deserialize, ToSchema)]
struct OmtxConfigureIn {
    /// Base URL of the relay.
    webhook_base_url: String,
    /// Secret that the apps sign with, 24 bytes at least.
    webhook_secret: String,
    /// Modal itself has nothing to set, so this only chooses the word of the answer.
    #[serde(default = "yes")]
    auto_configure: bool,
    /// The application (id or uid) that hears of their jobs; left out, it stays as it is.
    application: Option<String>,
}

const fn yes() -> bool {
    true
}

/// Answer about the settings of the Modal apps.
#[derive(Serialize, ToSchema)]
struct OmtxConfigured {
    /// `configuration_started`, or `configured` without `auto_configure`; either way it is done.
    status: &'static str,
    message: String,
    /// The base URL, as it was given.
    webhook_url: String,
    /// URL that completions are posted to.
    completion_url: String,
    /// The source that they are accepted for.
    source: String,
}

/// Makes or changes the source of its completions.
#[utoipa::path(post, path = "/api/v3/webhooks/configure", operation_id = "omtx_configure",
    request_body = OmtxConfigureIn,
    responses((status = 200, body = OmtxConfigured), (status = 400), (status = 409)))]
async fn configure(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<OmtxConfigureIn>,
) -> Result<Json<OmtxConfigured>, Error> {
    let base = base_url(&given.webhook_base_url)?;
    let draft = SetUpDraft {
        name: SOURCE,
        profile: SOURCE,
        secret: Secret::new(given.webhook_secret),
        application: given.application,
        base_url: base.clone(),
    };
    let spelt = |field: String| match field.as_str() {
        "secrets" => "webhook_secret".to_owned(),
        _ => field,
    };
    let set_up = sources::set_up(&control, &principal, draft).await;
    set_up.map_err(|refusal| refusal.renamed(spelt))?;
    Ok(Json(OmtxConfigured {
        status: if given.auto_configure { "configuration_started" } else { "configured" },
        message: "Completions are accepted now. Modal has no setting for webhooks: its functions \
            send them, see examples/modal"
            .to_owned(),
        completion_url: format!("{base}{BASE}/modal/completion"),
        webhook_url: base,
        source: SOURCE.to_owned(),
    }))
}

/// A base URL that others may be shown: no key rides in it.
fn base_url(text: &str) -> Result<String, Error> {
    let base = text.trim_end_matches('/');
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte);
    let good = |rest: &str| !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(plain);
    match rest.filter(|rest| base.len() <= 2048 && good(rest)) {
        Some(_) => Ok(base.to_owned()),
        None => Err(Error::Bad("Invalid webhook base URL".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::base_url;

    #[test]
    fn a_base_url_is_plain() {
        let good = [
            "https://control.omtx-hub.com",
            "https://control.omtx-hub.com/",
            "http://localhost:8788",
        ];
        for text in good {
            assert_eq!(base_url(text).expect("plain"), text.trim_end_matches('/'));
        }
        for bad in
            ["", "https://", "ftp://x", "control.omtx-hub.com", "https://u:p@x", "https://x?k=1"]
        {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
