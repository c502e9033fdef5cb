//! Signing secrets: checked or made, sealed, disclosed by the one use case for that, and rotated.
//!
//! Of a key pair only the public half is disclosed, as Svix does.

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
};
use domain::{
    application::Application,
    endpoint::{Endpoint, EndpointSecret},
    id::{ApplicationId, EndpointId},
    secret::{DEFAULT_OVERLAP, MAX_OVERLAP, PublicKey, SealedSecret, Secret, SecretKind, rotate},
    time::Timestamp,
};
use tracing::info;

pub use crate::secret_draft::SecretDraft;
use crate::{
    ControlPlane, Principal, Refusal, applications, endpoints,
    secret_draft::{SecretUse, check, seal},
};

/// Tries of a rotation when other requests change the same endpoint.
const TRIES: u32 = 5;

/// Opens a secret of an endpoint.
fn open(
    control: &ControlPlane,
    endpoint: &Endpoint,
    sealed: &SealedSecret,
) -> Result<Secret, Refusal> {
    let opened = control.vault().unseal(&Endpoint::owner(&endpoint.id), sealed);
    opened.map_err(|error| Unavailable::new("opening an endpoint's secret", error).into())
}

/// The key with which a receiver verifies the signatures of an endpoint.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    /// The endpoint that signs.
    pub endpoint: Endpoint,
    /// `whsec_…`; of a key pair its public half, `whpk_…`.
    pub key: Secret,
    /// Public half of a key pair, `whpk_…`.
    pub public_key: Option<String>,
    /// Scheme by which the endpoint's deliveries are signed.
    pub kind: SecretKind,
}

/// Discloses the key that verifies the signatures of an endpoint, and logs that it was disclosed.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application or endpoint, or no secret signs now.
pub async fn disclose(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    name: &str,
) -> Result<VerificationKey, Refusal> {
    let endpoint = endpoints::get(control, app, name).await?;
    let newest = endpoint.live_secrets(control.now()).next().ok_or(Refusal::NotFound)?;
    let secret = open(control, &endpoint, newest)?;
    Ok(Rotation { endpoint, secret }.disclose(principal))
}

/// A new signing secret as an endpoint's owner wants it.
#[derive(Clone, Debug, Default)]
pub struct RotationDraft {
    /// The new secret; of the same kind as the present one unless the draft says otherwise.
    pub secret: SecretDraft,
    /// Seconds for which the replaced secret goes on signing, 0 to seven days; a day if left out.
    pub grace_period_seconds: Option<i64>,
}

impl RotationDraft {
    fn overlap(&self) -> Result<Duration, Refusal> {
        let Some(seconds) = self.grace_period_seconds else { return Ok(DEFAULT_OVERLAP) };
        let overlap = u64::try_from(seconds).ok().map(Duration::from_secs);
        overlap.filter(|overlap| *overlap <= MAX_OVERLAP).ok_or_else(|| {
            let why = format!("is 0 to {}, which is seven days", MAX_OVERLAP.as_secs());
            Refusal::field("grace_period_seconds", why)
        })
    }
}

/// An endpoint after a rotation, with its new secret in the clear.
#[derive(Clone, Debug)]
pub struct Rotation {
    endpoint: Endpoint,
    secret: Secret,
}

impl Rotation {
    /// Discloses the key that verifies the new signatures, and logs that it was disclosed.
    pub fn disclose(self, principal: &Principal) -> VerificationKey {
        let Self { endpoint, secret } = self;
        info!(audit = true, key = %principal, endpoint = %endpoint.id, "an endpoint's secret was shown");
        let public_key = secret.pair().map(|pair| pair.public().spelled());
        // Plain text is disclosed in the spelling that the libraries of Standard Webhooks read.
        let key = public_key.clone().map_or_else(|| secret.standard(), Secret::new);
        VerificationKey { endpoint, key, public_key, kind: secret.kind() }
    }
}

/// Gives an endpoint a new signing secret. The replaced secret signs as well until its grace period is
/// over, so that a receiver can change over in between.
///
/// # Errors
///
/// [`Refusal::Invalid`] if the secret, its scheme or the grace period cannot be used,
/// [`Refusal::NotFound`] if there is no such application or endpoint, [`Refusal::Conflict`] if the
/// secret is the present one or too many replaced secrets still sign, [`Refusal::Busy`] if other requests
/// changed the endpoint during every try.
pub async fn replace(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    name: &str,
    draft: &RotationDraft,
) -> Result<Rotation, Refusal> {
    let overlap = draft.overlap()?;
    let known = endpoints::get(control, app, name).await?;
    let usual = known.secrets.first().map(|secret| secret.kind).unwrap_or_default();
    let secret = check(&draft.secret, SecretUse::Endpoint(&known), usual)?;
    // Sealed once, so that the secret is found if the answer to this request's own write was lost.
    let sealed = seal(control, &known, &secret);
    let (application, id) = (known.application.clone(), known.id.clone());
    let read = || endpoints::resolve(control, &application, id.as_str());
    let (new, sealed) = (&secret, &sealed);
    let rotated = contested::rewrite(TRIES, known, read, |known| async move {
        let now = control.now();
        if known.secrets.contains(sealed) {
            return Ok(TryOutcome::Settled(known));
        }
        let mut next = known.clone();
        next.secrets = following(control, &known, new, sealed, overlap, now)?;
        next.owner_has_secret |= draft.secret.text.is_some();
        next.updated_at = now;
        if !next.signs_for_its_profile() {
            let why = "is a key pair, and the endpoint's profile needs a shared secret";
            return Err(Refusal::field("secret", why));
        }
        Ok(control.table().update_endpoint(&known, &next).await?.settles(next))
    })
    .await?;
    let (overlap, scheme) = (overlap.as_secs(), sealed.kind.word());
    info!(audit = true, key = %principal, endpoint = %rotated.id, overlap, scheme, "an endpoint's secret was rotated");
    Ok(Rotation { endpoint: rotated, secret })
}

/// The secrets after a rotation. A replaced secret that still signs may come back: it is the newest
/// again, and the one that it replaces signs on.
fn following(
    control: &ControlPlane,
    known: &Endpoint,
    secret: &Secret,
    sealed: &EndpointSecret,
    overlap: Duration,
    now: Timestamp,
) -> Result<Vec<EndpointSecret>, Refusal> {
    let mut others = Vec::new();
    for other in &known.secrets {
        if !other.signs(now) {
            continue;
        }
        if !open(control, known, &other.sealed)?.is_same_key(secret) {
            others.push(other.clone());
        } else if other.expires_at.is_none() {
            let why = "this secret is the endpoint's present one already";
            return Err(Refusal::Conflict(why.to_owned()));
        }
    }
    rotate(&others, sealed.clone(), overlap, now)
        .map_err(|full| Refusal::Conflict(full.to_string()))
}

/// The public keys that sign for an endpoint now, newest first; none if shared secrets sign. Nobody
/// needs a key to read them, so that the endpoint is named by its id alone: uids can be guessed.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such endpoint.
pub async fn public_keys(
    control: &ControlPlane,
    app: &str,
    endpoint: &str,
) -> Result<Vec<PublicKey>, Refusal> {
    let id = EndpointId::parse(endpoint).map_err(|_| Refusal::NotFound)?;
    let application = applications::id_of(control.table(), app).await?;
    let found = control.table().endpoint(&application, &id).await?;
    let endpoint = found.ok_or(Refusal::NotFound)?;
    let now = control.now();
    let signs = |secret: &&EndpointSecret| secret.kind == SecretKind::Ed25519 && secret.signs(now);
    let mut keys = Vec::new();
    for secret in endpoint.secrets.iter().filter(signs) {
        let opened = open(control, &endpoint, &secret.sealed)?;
        keys.extend(opened.pair().map(|pair| pair.public()));
    }
    Ok(keys)
}

/// Sets or removes the secret that signs to webhooks of jobs and batches that are registered without
/// one of their own (R3.5). A webhook takes the secret that is there when it is registered; webhooks
/// that have it keep it.
///
/// # Errors
///
/// [`Refusal::Invalid`] if the secret cannot be used, [`Refusal::NotFound`] if there is no such
/// application, [`Refusal::Conflict`] if another request changed the application at the same time.
pub async fn set_webhook_secret(
    control: &ControlPlane,
    principal: &Principal,
    app: &str,
    text: Option<Secret>,
) -> Result<(), Refusal> {
    let draft = SecretDraft { text, scheme: None };
    let secret = match draft.text {
        Some(_) => Some(check(&draft, SecretUse::Webhooks, SecretKind::Hmac)?),
        None => None,
    };
    let known = applications::resolve(control, app).await?;
    let owner = Application::owner(&known.id);
    let webhook_secret = secret.map(|secret| control.vault().seal(&owner, &secret));
    let set = webhook_secret.is_some();
    let next = Application { webhook_secret, updated_at: control.now(), ..known.clone() };
    applications::replace(control, &known, next).await?;
    let (key, application) = (&principal.key, &known.id);
    if set {
        info!(audit = true, %key, %application, "an application's webhook secret was set");
    } else {
        info!(audit = true, %key, %application, "an application's webhook secret was taken away");
    }
    Ok(())
}

/// The secret that signs to an application's webhooks without one of their own.
pub(crate) async fn webhook_secret(
    control: &ControlPlane,
    application: &ApplicationId,
) -> Result<Option<Secret>, Refusal> {
    let known = control.table().application(application).await?;
    let Some(sealed) = known.and_then(|known| known.webhook_secret) else { return Ok(None) };
    let opened = control.vault().unseal(&Application::owner(application), &sealed);
    let failed = |error| Unavailable::new("opening an application's webhook secret", error);
    Ok(Some(opened.map_err(failed)?))
}
