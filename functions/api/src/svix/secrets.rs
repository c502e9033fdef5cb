//! Signing secrets of an endpoint as the Svix contract discloses and rotates them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{endpoint::Endpoint, portal::Capability, secret::Secret};
use manage::{
    ControlPlane, Refusal,
    secrets::{self, RotationDraft, SecretDraft, VerificationKey},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::bodies::spelt;
use crate::web::{Routes, Stated, error::Error, gate::Authenticated, input::Body};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint")
        .admin(routes!(get_secret).portal(Capability::ViewEndpointSecret))
        .admin(routes!(rotate_secret).portal(Capability::ManageEndpointSecret))
}

/// The key with which a receiver verifies an endpoint's signatures.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointSecretOut {
    /// `whsec_…`; of a key pair its public half, `whpk_…`.
    key: String,
    /// `hmac-sha256` or `ed25519`.
    signature_scheme: &'static str,
    /// Public half of a key pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// Address of the endpoint's public keys as a JSON Web Key Set.
    jwks_url: String,
}

/// The answer that discloses a key; no cache may keep it.
fn shown(control: &ControlPlane, disclosed: VerificationKey) -> Response {
    let Endpoint { application, id, .. } = &disclosed.endpoint;
    let base = control.public_url();
    let shown = EndpointSecretOut {
        key: disclosed.key.as_str().unwrap_or_default().to_owned(),
        signature_scheme: disclosed.kind.word(),
        public_key: disclosed.public_key,
        jwks_url: format!("{base}/v1/app/{application}/endpoint/{id}/jwks.json"),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response()
}

/// Discloses the key that verifies an endpoint's signatures.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/secret",
    operation_id = "v1.endpoint.get-secret", responses((status = 200, body = EndpointSecretOut)))]
async fn get_secret(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
) -> Result<Response, Error> {
    let disclosed = secrets::disclose(&control, &principal, &app, &endpoint).await?;
    Ok(shown(&control, disclosed))
}

/// A rotation of the signing secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointSecretRotateIn {
    /// The new secret, `whsec_…` or `whsk_…`; one is made if it is left out.
    key: Option<String>,
    /// Seconds for which the replaced secret goes on signing beside the new one; 0 if it is no longer
    /// to be trusted.
    #[schema(minimum = 0, maximum = 604800, default = 86400)]
    grace_period_seconds: Option<i64>,
    /// `hmac-sha256` or `ed25519`, for a secret that is made; the present scheme if it is left out.
    signature_scheme: Option<String>,
}

impl From<EndpointSecretRotateIn> for RotationDraft {
    fn from(body: EndpointSecretRotateIn) -> Self {
        let EndpointSecretRotateIn { key, grace_period_seconds, signature_scheme } = body;
        let secret = SecretDraft { text: key.map(Secret::new), scheme: signature_scheme };
        Self { secret, grace_period_seconds }
    }
}

/// Gives an endpoint a new signing secret. The replaced secret signs as well until its grace period is
/// over, so that a receiver can change over in between.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/secret/rotate",
    operation_id = "v1.endpoint.rotate-secret", request_body = EndpointSecretRotateIn,
    responses((status = 200, body = EndpointSecretOut,
            description = "To Svix's SDKs from 2.0 on, which read the secret from the answer."),
        (status = 204), (status = 409)))]
async fn rotate_secret(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    Body(body): Body<EndpointSecretRotateIn>,
) -> Result<Response, Error> {
    let rotation = secrets::replace(&control, &principal, &app, &name, &body.into()).await;
    let rotation = rotation.map_err(|refusal: Refusal| {
        let key = |field| if field == "secret" { "key".to_owned() } else { field };
        spelt(refusal.renamed(key))
    })?;
    if !reads_the_secret(&headers) || !principal.may(Capability::ViewEndpointSecret) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(shown(&control, rotation.disclose(&principal)))
}

/// Whether the caller needs the new secret in the answer: Svix's SDKs do from 2.0 on. The contract
/// answers a rotation with nothing, so that no other caller gets a secret that it did not ask for.
fn reads_the_secret(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let version = agent.and_then(|agent| agent.strip_prefix("svix-libs/"));
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| 2 <= major)
}
