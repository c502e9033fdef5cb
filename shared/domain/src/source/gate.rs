//! Gates: sources with open secrets, ready to judge requests.

use std::net::IpAddr;

use http::HeaderMap;

use super::{Source, SourceOptions};
use crate::{
    address::Network,
    id::{ApplicationId, EventId, MAX_EXTERNAL_ID, SourceId, Tenure},
    profile::{Profile, Unreadable, is_form},
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};

/// A source with open secrets, ready to judge requests.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The identity of the source.
    pub id: SourceId,
    /// The name of the source.
    pub name: String,
    /// The name of the profile.
    pub profile_name: String,
    /// The profile with the source's options.
    pub profile: Profile,
    /// The source's options, which travel on to the functions behind the queue.
    pub options: SourceOptions,
    /// The live secrets, newest first; of path tokens, their hashes.
    pub secrets: Vec<Secret>,
    /// Since when each of the secrets is kept, as [`Source::secrets_since`] has it.
    pub secrets_since: Vec<Option<Timestamp>>,
    /// The mark of those secrets.
    pub proof: Option<String>,
    /// The application whose endpoints receive the source's events.
    pub application: ApplicationId,
    /// Whether the source has presented a replay-safe signature before.
    pub locked: bool,
    /// The time of the last challenge that was answered, as [`Source::handshake_at`] has it.
    pub handshake_at: Option<Timestamp>,
}

/// A request that was accepted.
#[derive(Debug, PartialEq, Eq)]
pub struct AcceptedRequest {
    /// The facts that the signature vouches for.
    pub verified: Verification,
    /// The idempotency key.
    pub key: String,
    /// The id of the event, derived from tenure and key.
    pub event: EventId,
    /// The value that the reply repeats, if the profile's system expects one.
    pub echo: Option<String>,
    /// The type of the event as its header spells it, if the profile has such a header; at most 256
    /// characters.
    pub event_type: Option<String>,
    /// Whether the request says that its body is a form.
    pub form: bool,
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// The sender cannot be told from a stranger.
    #[error(transparent)]
    Refused(#[from] SignatureRefusal),
    /// The sender is known, but the body cannot be used.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Gate {
    /// The source in the application that it belonged to when the gate was made.
    pub fn tenure(&self) -> Tenure {
        Tenure { source: self.id.clone(), application: self.application.clone() }
    }

    /// Whether the source accepts requests from this address.
    pub fn admits(&self, caller: Option<IpAddr>) -> bool {
        let listed = &self.options.allowed_networks;
        let holds = |ip| {
            let mut networks = listed.iter().filter_map(|text| Network::parse(text).ok());
            networks.any(|network| network.contains(ip))
        };
        listed.is_empty() || caller.is_some_and(holds)
    }

    /// The URL that the sender called, if the scheme signs it. The URL is the source's
    /// `public_url`, or `base` with the path; only the query comes from the request. With a `Host`
    /// header instead, a request that was captured at another host of the same sender could be
    /// replayed here.
    pub fn called_url(&self, base: &str, path: &str, query: Option<&str>) -> Option<String> {
        if !self.profile.schemes().any(Scheme::signs_url) {
            return None;
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        Some(match &self.options.public_url {
            Some(url) => format!("{url}{query}"),
            None => format!("{}{path}{query}", base.trim_end_matches('/')),
        })
    }

    /// Judges a request.
    ///
    /// # Errors
    /// If the signature does not hold, or the body cannot be used.
    pub fn judge(
        &self,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<AcceptedRequest, GateRefusal> {
        let verified = self.profile.judge(&self.secrets, request, now, self.locked)?;
        self.accept(&self.tenure(), verified, request.headers, request.body)
    }

    /// Accepts a request whose signature was verified, for the application of this tenure. `body`
    /// is the body as it was unpacked.
    ///
    /// # Errors
    /// If the body cannot be used, or an id in it could not be recorded.
    pub fn accept(
        &self,
        tenure: &Tenure,
        verified: Verification,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<AcceptedRequest, GateRefusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let named = self.profile.mapping.event_type_header.as_deref().and_then(text);
        let event_type: Option<String> = named.map(|text| text.chars().take(256).collect());
        let form = text("content-type").is_some_and(is_form);
        let readable = self.profile.readable(body, form);
        let (key, echo) = self.profile.key(&verified, &readable, event_type.as_deref())?;
        // A shorter body has no longer id.
        if MAX_EXTERNAL_ID < body.len() {
            self.profile.read(&readable).recordable()?;
        }
        let event = Source::event_id(tenure, &key);
        Ok(AcceptedRequest { verified, key, event, echo, event_type, form })
    }

    /// Whether the request was accepted only because the source is not locked.
    pub fn could_be_locked(&self, verified: &Verification) -> bool {
        !self.locked && !verified.replay_safe && self.profile.is_mixed()
    }

    /// Whether the request locks the source: from now on weaker signatures are refused.
    pub fn locks(&self, verified: &Verification) -> bool {
        !self.locked && verified.replay_safe && self.profile.is_mixed()
    }
}
