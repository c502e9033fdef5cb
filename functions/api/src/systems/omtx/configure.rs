//! `POST /configure` (R0.6): makes the source that its completions come from.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{
    id::ApplicationId,
    secret::Secret,
    source::{self, Source},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{BASE, SOURCE};
use crate::{
    v1::sources::field,
    web::{Routes, error::Error, gate::Authenticated, input::Body},
};
use manage::{ControlPlane, applications};

pub(crate) fn routes() -> Routes {
    Routes::new().admin(routes!(configure))
}

/// How its Modal apps are to call us.
#[derive(Deserialize, ToSchema)]
struct OmtxConfigureIn {
    /// Where we are.
    webhook_base_url: String,
    /// What they sign with: 24 bytes at least.
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

/// That its Modal apps may call us.
#[derive(Serialize, ToSchema)]
struct OmtxConfigured {
    /// `configuration_started`, or `configured` without `auto_configure`; either way it is done.
    status: &'static str,
    message: String,
    /// The base URL, as it was given.
    webhook_url: String,
    /// Where completions are to be posted.
    completion_url: String,
    /// The source that they are accepted for.
    source: String,
}

/// Makes or changes the source of its completions.
#[utoipa::path(post, path = "/api/v3/webhooks/configure", tag = "omtx", operation_id = "omtx_configure",
    request_body = OmtxConfigureIn,
    responses((status = 200, body = OmtxConfigured), (status = 400), (status = 401), (status = 403), (status = 409), (status = 422)))]
async fn configure(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<OmtxConfigureIn>,
) -> Result<Json<OmtxConfigured>, Error> {
    let base = base_url(&given.webhook_base_url)?;
    let now = control.now();
    let known = control.table().source(SOURCE).await?;
    if let Some(known) = &known {
        principal.must_see(&ApplicationId::named(&known.application))?;
        if known.profile != SOURCE {
            let why = format!("the source {SOURCE} has the profile {}", known.profile);
            return Err(Error::Conflict(why));
        }
    }
    let kept = known.as_ref().map(|known| known.application.clone());
    let application = given.application.or(kept);
    let application = application.unwrap_or_else(|| applications::DEFAULT.to_owned());
    let mut source = known.unwrap_or_else(|| Source::new(SOURCE, SOURCE, &application, now));
    let secret = Secret::new(given.webhook_secret);
    let secrets = std::slice::from_ref(&secret);
    source::validate(SOURCE, SOURCE, secrets, &application, &source.options).map_err(
        |invalid| {
            let at = match field(&invalid) {
                "secrets" => "webhook_secret",
                other => other,
            };
            Error::field(at, invalid)
        },
    )?;
    let application = applications::ensure_visible(&control, &principal, application).await?;
    source.application = application;
    source.secrets = vec![control.vault().seal(&Source::owner(SOURCE), &secret)];
    source.base_url = Some(base.clone());
    source.updated_at = now;
    control.table().put_source(&source).await?;
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
