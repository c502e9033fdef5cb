//! The public keys of an endpoint as a JSON Web Key Set, for anybody: receivers verify signatures with
//! them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use domain::secret::PublicKey;
use manage::{ControlPlane, secrets};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{OpenRoutes, error::Error};

pub(crate) fn routes() -> OpenRoutes {
    OpenRoutes::new().routes(routes!(get_jwks))
}

/// Receivers may cache a key set for five minutes. A rotation's grace period should be longer.
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
    /// Thumbprint of the key (RFC 7638).
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
#[utoipa::path(get, path = "/v1/app/{app}/endpoint/{endpoint}/jwks.json", tag = "keys",
    operation_id = "get_jwks", responses((status = 200, body = KeySet), (status = 404)))]
async fn get_jwks(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<impl IntoResponse, Error> {
    let keys = secrets::public_keys(&control, &app, &endpoint).await?;
    let keys = keys.into_iter().map(Key::from).collect();
    Ok(([(header::CACHE_CONTROL, CACHE)], Json(KeySet { keys })))
}
