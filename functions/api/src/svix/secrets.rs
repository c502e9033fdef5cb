//! Signing secrets of an endpoint: made, shown by the one call whose purpose that is, and rotated.
//!
//! Of a key pair the public half is shown, as Svix does; the private one is never seen again.

use std::{sync::Arc, time::Duration};

use adapters::{random, table::WriteOutcome};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    endpoint::{Endpoint, EndpointSecret},
    secret::{DEFAULT_OVERLAP, KeyPair, MAX_OVERLAP, SealedSecret, Secret, SecretKind, rotate},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
};
use crate::{
    v1::jwks,
    web::{Routes, error::Error, gate::Authenticated, input::Body},
};
use manage::{ControlPlane, Principal, applications};

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(get_secret)).admin(routes!(rotate_secret))
}

/// How often a rotation is tried again when somebody else changes the endpoint meanwhile.
const TRIES: usize = 5;

/// What is asked of a new secret.
pub(super) struct Wanted<'a> {
    /// The field that holds the secret itself.
    pub(super) field: &'static str,
    /// The secret; one is made if there is none.
    pub(super) secret: Option<&'a str>,
    /// How it signs.
    pub(super) scheme: Option<&'a str>,
}

impl Wanted<'_> {
    /// The secret that was given, or one of the kind that was asked for; `usual` if nothing was said.
    pub(super) fn secret_for(
        &self,
        endpoint: &Endpoint,
        usual: SecretKind,
    ) -> Result<Secret, Error> {
        let named = |word| {
            SecretKind::named(word)
                .ok_or_else(|| Error::field("signatureScheme", "is hmac-sha256 or ed25519"))
        };
        let asked = self.scheme.map(named).transpose()?;
        if let Some(text) = self.secret {
            let read = endpoint.signing_secret(text);
            let secret = read.map_err(|why| Error::field(self.field, why))?;
            if asked.is_some_and(|asked| asked != secret.kind()) {
                return Err(Error::field("signatureScheme", "is another than that of the secret"));
            }
            return Ok(secret);
        }
        let kind = asked.unwrap_or(usual);
        if kind == SecretKind::Ed25519 && endpoint.outgoing().is_some() {
            let why =
                "must be hmac-sha256 with this profile: its own signature needs a shared secret";
            return Err(Error::field("signatureScheme", why));
        }
        Ok(match kind {
            SecretKind::Hmac => Secret::symmetric(&random::bytes::<32>()),
            SecretKind::Ed25519 => KeyPair::of_seed(&random::bytes()).secret(),
        })
    }
}

/// Seals a secret for an endpoint.
pub(super) fn sealed(
    control: &ControlPlane,
    endpoint: &Endpoint,
    secret: &Secret,
) -> EndpointSecret {
    EndpointSecret::new(control.vault().seal(&Endpoint::owner(&endpoint.id), secret), secret.kind())
}

/// Opens a secret of an endpoint.
pub(crate) fn opened(
    control: &ControlPlane,
    endpoint: &Endpoint,
    sealed: &SealedSecret,
) -> Result<Secret, Error> {
    control.vault().unseal(&Endpoint::owner(&endpoint.id), sealed).map_err(|error| {
        Error::Unavailable(adapters::Unavailable::new("opening an endpoint's secret", error))
    })
}

/// What verifies an endpoint's signatures, for whoever sets up the receiver.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointSecretOut {
    /// `whsec_…`; of a key pair its public half, `whpk_…`.
    key: String,
    /// `hmac-sha256` or `ed25519`.
    signature_scheme: &'static str,
    /// The public key, of a key pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// Where the public keys of the endpoint stand as a JSON Web Key Set.
    jwks_url: String,
}

/// Shows what verifies an endpoint's signatures: the one call that does.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/secret", tag = "svix: endpoint", operation_id = "v1.endpoint.get-secret",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")),
    responses((status = 200, body = EndpointSecretOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get_secret(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
) -> Result<Response, Error> {
    let application = applications::resolve(&control, &app).await?;
    let endpoint = endpoints::resolve(&control, &application.id, &endpoint).await?;
    let newest = endpoint.live_secrets(control.now()).next().ok_or(Error::NotFound)?;
    let secret = opened(&control, &endpoint, newest)?;
    Ok(shown(&control, &principal, &endpoint, &secret))
}

fn shown(
    control: &ControlPlane,
    principal: &Principal,
    endpoint: &Endpoint,
    secret: &Secret,
) -> Response {
    let public_key = secret.pair().map(|pair| pair.public().spelled());
    // A plain text is shown in the spelling that Standard Webhooks' own libraries read.
    let shared = || secret.standard().as_str().unwrap_or_default().to_owned();
    info!(audit = true, key = %principal.key, endpoint = %endpoint.id, "an endpoint's secret was shown");
    let shown = EndpointSecretOut {
        key: public_key.clone().unwrap_or_else(shared),
        signature_scheme: secret.kind().word(),
        public_key,
        jwks_url: jwks::url(control, endpoint),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(shown)).into_response()
}

/// A rotation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointSecretRotateIn {
    /// The new secret, `whsec_…` or `whsk_…`; one is made if there is none.
    key: Option<String>,
    /// How long the old one goes on signing beside it, in seconds; 0 if it is no longer to be trusted.
    #[schema(minimum = 0, maximum = 604800, default = 86400)]
    grace_period_seconds: Option<i64>,
    /// `hmac-sha256` or `ed25519`, for a secret that is made; as the old one if nothing is said.
    signature_scheme: Option<String>,
}

impl EndpointSecretRotateIn {
    fn overlap(&self) -> Result<Duration, Error> {
        let Some(given) = self.grace_period_seconds else { return Ok(DEFAULT_OVERLAP) };
        let given = u64::try_from(given).ok().map(Duration::from_secs);
        given.filter(|overlap| *overlap <= MAX_OVERLAP).ok_or_else(|| {
            let why = format!("is 0 to {}, which is seven days", MAX_OVERLAP.as_secs());
            Error::field("gracePeriodSeconds", why)
        })
    }
}

/// Gives an endpoint a new signing secret. Until its time is over the old one signs as well, so that a
/// receiver may change over when it likes.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/secret/rotate", tag = "svix: endpoint", operation_id = "v1.endpoint.rotate-secret",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid."), ("idempotency-key" = Option<String>, Header)), request_body = EndpointSecretRotateIn,
    responses((status = 200, body = EndpointSecretOut, description = "For Svix's SDKs from 2.0 on, which read the new secret from the answer."), (status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn rotate_secret(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    Body(given): Body<EndpointSecretRotateIn>,
) -> Result<Response, Error> {
    let overlap = given.overlap()?;
    let application = applications::resolve(&control, &app).await?;
    let mut known = endpoints::resolve(&control, &application.id, &name).await?;
    let usual = known.secrets.first().map(|secret| secret.kind).unwrap_or_default();
    let wanted = Wanted {
        field: "key",
        secret: given.key.as_deref(),
        scheme: given.signature_scheme.as_deref(),
    };
    let secret = wanted.secret_for(&known, usual)?;
    // SealedSecret once, so that it is known again if the answer to our own write was lost.
    let sealed = sealed(&control, &known, &secret);
    let replaced = known.id.clone();
    for _ in 0..TRIES {
        let now = control.now();
        if known.secrets.contains(&sealed) {
            break;
        }
        let mut next = known.clone();
        next.secrets = following(&control, &known, &secret, &sealed, overlap, now)?;
        next.owner_has_secret |= given.key.is_some();
        next.updated_at = now;
        if !next.signs_for_its_profile() {
            let why = "is a key pair, and the endpoint's profile needs a shared secret";
            return Err(Error::field("key", why));
        }
        if control.table().update_endpoint(&known, &next).await? == WriteOutcome::Done {
            known = next;
            break;
        }
        known = endpoints::resolve(&control, &application.id, replaced.as_str()).await?;
    }
    if !known.secrets.contains(&sealed) {
        return Err(Error::Conflict("somebody else keeps changing the endpoint".to_owned()));
    }
    let (overlap, scheme) = (overlap.as_secs(), sealed.kind.word());
    info!(audit = true, key = %principal.key, endpoint = %known.id, overlap, scheme, "an endpoint's secret was rotated");
    if !reads_the_secret(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(shown(&control, &principal, &known, &secret))
}

/// Whether a caller cannot do without the new secret in the answer: the contract answers a rotation
/// with nothing, and so a secret is shown to nobody who did not ask, but for Svix's SDKs from 2.0 on.
fn reads_the_secret(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let version = agent.and_then(|agent| agent.strip_prefix("svix-libs/"));
    let major = version.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| 2 <= major)
}

/// The secrets after a rotation, if this one is new among those that sign.
fn following(
    control: &ControlPlane,
    known: &Endpoint,
    secret: &Secret,
    sealed: &EndpointSecret,
    overlap: Duration,
    now: Timestamp,
) -> Result<Vec<EndpointSecret>, Error> {
    for live in known.live_secrets(now) {
        if opened(control, known, live)?.is_same_key(secret) {
            let why = "this secret signs for the endpoint already";
            return Err(Error::Conflict(why.to_owned()));
        }
    }
    rotate(&known.secrets, sealed.clone(), overlap, now)
        .map_err(|full| Error::Conflict(full.to_string()))
}
