//! Signing secrets as their owners want them, checked or made, and sealed.

use adapters::random;
use domain::{
    endpoint::{Endpoint, EndpointScope, EndpointSecret, InvalidSecret},
    secret::{KeyPair, Secret, SecretKind},
};

use crate::{ControlPlane, Refusal};

/// A signing secret as its owner wants it.
#[derive(Clone, Debug, Default)]
pub struct SecretDraft {
    /// Text of the secret; without one the relay makes a secret.
    pub text: Option<Secret>,
    /// Signature scheme, `hmac-sha256` or `ed25519`. Without one, the scheme of the text or the usual
    /// one.
    pub scheme: Option<String>,
}

/// The thing that a secret signs for, which decides on the forms that the secret may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SecretUse<'a> {
    /// Calls to one endpoint. `whsec_…` or a key pair for an endpoint of an application, `whsec_…` or
    /// plain text with a profile or for a webhook.
    Endpoint(&'a Endpoint),
    /// Calls to webhooks of jobs and batches without a secret of their own: `whsec_…` or plain text.
    Webhooks,
}

impl SecretUse<'_> {
    fn read(self, text: &str) -> Result<Secret, InvalidSecret> {
        match self {
            Self::Endpoint(endpoint) if endpoint.scope == EndpointScope::Application => {
                endpoint.signing_secret(text)
            }
            Self::Endpoint(_) | Self::Webhooks => Endpoint::secret(text, true),
        }
    }

    /// Whether a signature of another system needs a shared secret here.
    fn needs_shared(self) -> bool {
        match self {
            Self::Endpoint(endpoint) => endpoint.outgoing().is_some(),
            Self::Webhooks => true,
        }
    }
}

/// Checks the secret of a draft, or makes one of the draft's scheme or else of the usual kind.
///
/// # Errors
///
/// [`Refusal::Invalid`] for `secret` or `signature_scheme`. The secret is never quoted.
pub(crate) fn check(
    draft: &SecretDraft,
    purpose: SecretUse<'_>,
    usual: SecretKind,
) -> Result<Secret, Refusal> {
    let scheme = |why: &str| Refusal::field("signature_scheme", why);
    let named =
        |word: &String| SecretKind::named(word).ok_or_else(|| scheme("is hmac-sha256 or ed25519"));
    let asked = draft.scheme.as_ref().map(named).transpose()?;
    if let Some(text) = &draft.text {
        let read = text.as_str().map_or(Err(InvalidSecret::Text), |text| purpose.read(text));
        let secret = read.map_err(|why| Refusal::field("secret", why))?;
        if asked.is_some_and(|asked| asked != secret.kind()) {
            return Err(scheme("is another than that of the secret"));
        }
        return Ok(secret);
    }
    let kind = asked.unwrap_or(usual);
    if kind == SecretKind::Ed25519 && purpose.needs_shared() {
        let why = "must be hmac-sha256 with this profile: its own signature needs a shared secret";
        return Err(scheme(why));
    }
    Ok(match kind {
        SecretKind::Hmac => Secret::symmetric(&random::bytes::<32>()),
        SecretKind::Ed25519 => KeyPair::of_seed(&random::bytes()).secret(),
    })
}

/// Seals a secret for an endpoint, which signs with it from now on.
pub(crate) fn seal(control: &ControlPlane, endpoint: &Endpoint, secret: &Secret) -> EndpointSecret {
    let sealed = control.vault().seal(&Endpoint::owner(&endpoint.id), secret);
    EndpointSecret { since: Some(control.now()), ..EndpointSecret::new(sealed, secret.kind()) }
}
