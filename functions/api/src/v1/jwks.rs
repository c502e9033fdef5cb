//! The public keys of an endpoint, for anybody: its receivers verify with them, and nothing else is
//! to be learnt here.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use domain::{
    endpoint::Endpoint,
    id::{ApplicationId, EndpointId, is_identifier},
    secret::{PublicKey, SecretKind},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    svix::secrets,
    web::{OpenRoutes, error::Error},
};
use manage::ControlPlane;

pub(crate) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(get_jwks))
}

/// Where an endpoint's public keys stand.
pub(crate) fn url(control: &ControlPlane, endpoint: &Endpoint) -> String {
    let Endpoint { application, id, .. } = endpoint;
    format!("{}/v1/app/{application}/endpoint/{id}/jwks.json", control.public_url())
}

/// How long a receiver may go without asking again, in seconds; a rotation's overlap should be longer.
const CACHE: &str = "public, max-age=300";

/// Public keys (RFC 7517).
#[derive(Serialize, ToSchema)]
struct KeySet {
    keys: Vec<Key>,
}

/// A public key of Ed25519 (RFC 8037).
#[derive(Serialize, ToSchema)]
struct Key {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    purpose: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// Its thumbprint (RFC 7638).
    kid: String,
    /// The key, in base64 for URLs.
    x: String,
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        let (kid, x) = (key.thumbprint(), key.x());
        Self { kty: "OKP", crv: "Ed25519", purpose: "sig", alg: "EdDSA", kid, x }
    }
}

/// The public keys that sign for an endpoint now, the newest first; none if it signs with shared
/// secrets. Needs no key. The endpoint is named by its id alone: uids can be guessed.
#[utoipa::path(get, path = "/v1/app/{app}/endpoint/{endpoint}/jwks.json", tag = "keys", operation_id = "get_jwks",
    params(("app" = String, Path, description = "Its id or uid."), ("endpoint" = String, Path, description = "Its id.")),
    responses((status = 200, body = KeySet), (status = 404)), security(()))]
async fn get_jwks(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<impl IntoResponse, Error> {
    let id = EndpointId::parse(&endpoint).map_err(|_| Error::NotFound)?;
    if !is_identifier(&app, 256) {
        return Err(Error::NotFound);
    }
    let found = control.table().endpoint(&ApplicationId::named(&app), &id).await?;
    let endpoint = found.ok_or(Error::NotFound)?;
    let now = control.now();
    let pairs = endpoint
        .secrets
        .iter()
        .filter(|secret| secret.kind == SecretKind::Ed25519 && secret.signs(now));
    let mut keys = Vec::new();
    for secret in pairs {
        let opened = secrets::opened(&control, &endpoint, &secret.sealed)?;
        keys.extend(opened.pair().map(|pair| Key::from(pair.public())));
    }
    Ok(([(header::CACHE_CONTROL, CACHE)], Json(KeySet { keys })))
}
