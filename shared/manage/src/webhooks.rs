//! Webhooks of jobs and batches: endpoints that hear of one job or batch only.

use domain::{
    endpoint::{Endpoint, EndpointScope, PassThrough},
    id::{ApplicationId, EndpointId},
    profile::OutgoingProfile,
    retry::Policy,
    secret::{Secret, SecretKind},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    ControlPlane, Refusal,
    endpoints::EndpointDraft,
    secret_draft::{self, SecretDraft, SecretUse},
    secrets,
};

/// Retries of a webhook unless its registrar says otherwise (R3.3).
pub const DEFAULT_RETRIES: u8 = 3;

/// A webhook as the registrar of a job or batch wants it.
#[derive(Clone, Debug, Default)]
pub struct WebhookDraft {
    /// The endpoint; a field that is left out has its default again, except of the state.
    pub endpoint: EndpointDraft,
    /// Signing secret; without one, the webhook keeps the secret that it has, or takes its
    /// application's, or gets one that is made.
    pub secret: Option<Secret>,
}

impl WebhookDraft {
    /// Address that notifications go to.
    pub fn url(&self) -> &str {
        self.endpoint.url.as_deref().unwrap_or_default()
    }

    /// Gives a webhook without a profile the profile of the system that notified its registrar
    /// before, if that system has one: a registrar moves over with URL and secret, and names none.
    pub fn speak_as(&mut self, system: &str) {
        // The sender's own body is none of a system's.
        let is_original = self.endpoint.pass_through.body.as_deref() == Some("original");
        let profile = &mut self.endpoint.profile;
        *profile = match profile.take() {
            None if is_original => None,
            None => OutgoingProfile::of(system).map(|_| system.to_owned()),
            asked => asked.filter(|name| name != "standard"),
        };
    }

    /// Whether the list of event types has this word.
    pub fn names(&self, word: &str) -> bool {
        let types = self.endpoint.event_types.iter().flatten().flatten();
        types.into_iter().any(|name| name == word)
    }
}

/// Gives a webhook without a secret its application's webhook secret, if there is one (R3.5).
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table does not answer or the secret does not open.
pub async fn inherit_secret(
    control: &ControlPlane,
    draft: &mut WebhookDraft,
    application: &ApplicationId,
) -> Result<(), Refusal> {
    if draft.secret.is_none() {
        draft.secret = secrets::webhook_secret(control, application).await?;
    }
    Ok(())
}

/// The endpoint of a webhook, new or over the one that is known. Nothing is stored. A webhook that is
/// registered again keeps its state, its secret unless the draft has one, and masked headers.
///
/// # Errors
///
/// [`Refusal::Invalid`] with the name of the field as in [`EndpointDraft`] or `secret`.
pub fn prepare(
    control: &ControlPlane,
    draft: WebhookDraft,
    known: Option<Endpoint>,
    id: EndpointId,
    application: ApplicationId,
    scope: EndpointScope,
    now: Timestamp,
) -> Result<Endpoint, Refusal> {
    let mut endpoint = match known {
        Some(known) => Endpoint { version: known.version + 1, updated_at: now, ..known },
        None => Endpoint { scope, ..Endpoint::new(id, application, "", now) },
    };
    endpoint.profile = None;
    endpoint.policy = Policy { max_retries: DEFAULT_RETRIES, ..Policy::default() };
    endpoint.filter = None;
    endpoint.pass_through = PassThrough::default();
    endpoint.event_types = Vec::new();
    let headers = draft.endpoint.headers.or(Some(Value::Null));
    EndpointDraft { headers, ..draft.endpoint }.apply(control, &mut endpoint)?;
    if draft.secret.is_some() || endpoint.secrets.is_empty() {
        endpoint.owner_has_secret |= draft.secret.is_some();
        let draft = SecretDraft { text: draft.secret, scheme: None };
        let secret = secret_draft::check(&draft, SecretUse::Endpoint(&endpoint), SecretKind::Hmac)?;
        endpoint.secrets = vec![secret_draft::seal(control, &endpoint, &secret)];
    }
    Ok(endpoint)
}
