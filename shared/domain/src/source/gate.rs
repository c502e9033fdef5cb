//! Who may pass.

use std::net::IpAddr;

use super::{Source, SourceOptions};
use crate::{
    address::Network,
    id::EventId,
    profile::{Profile, Unreadable},
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};

/// A source ready to judge requests: its secrets are open.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Its name.
    pub name: String,
    /// The name of its profile.
    pub profile_name: String,
    /// Its profile, options included.
    pub profile: Profile,
    /// What the profile does not say, for the functions behind the queue.
    pub options: SourceOptions,
    /// Its live secrets; of path tokens, their hashes.
    pub secrets: Vec<Secret>,
    /// The application that hears of its events.
    pub application: String,
    /// It has presented a replay-safe signature before.
    pub locked: bool,
}

/// A request that passed.
#[derive(Debug, PartialEq, Eq)]
pub struct AcceptedRequest {
    /// What the signature vouches for.
    pub verified: Verification,
    /// The idempotency key.
    pub key: String,
    /// The event it is.
    pub event: EventId,
    /// The id that the reply echoes.
    pub echo: Option<String>,
}

/// Why a request did not pass.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// We do not know who this is.
    #[error(transparent)]
    Refused(#[from] SignatureRefusal),
    /// We know, but cannot use what they say.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Gate {
    /// Whether a request from this address may be looked at.
    pub fn admits(&self, caller: Option<IpAddr>) -> bool {
        let listed = &self.options.allowed_networks;
        let holds = |ip| {
            let mut networks = listed.iter().filter_map(|text| Network::parse(text).ok());
            networks.any(|network| network.contains(ip))
        };
        listed.is_empty() || caller.is_some_and(holds)
    }

    /// The URL that its sender called, where that is under the signature: what the source says or
    /// `base`, both from our own settings, with the query as it came. A `Host` header would let
    /// whoever captured a request to another host of the same sender replay it here.
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

    /// Judges one request by all that it brings.
    pub fn judge(
        &self,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<AcceptedRequest, GateRefusal> {
        let verified = self.profile.judge(&self.secrets, request, now, self.locked)?;
        self.accept(verified, request.body)
    }

    /// Accepts what was verified.
    pub fn accept(
        &self,
        verified: Verification,
        body: &[u8],
    ) -> Result<AcceptedRequest, GateRefusal> {
        let (key, echo) = self.profile.key(&verified, body)?;
        let event = Source::event_id(&self.name, &key);
        Ok(AcceptedRequest { verified, key, event, echo })
    }

    /// Whether this request passed only because the source is not locked.
    pub fn could_be_locked(&self, verified: &Verification) -> bool {
        !self.locked && !verified.replay_safe && self.profile.is_mixed()
    }

    /// Whether this request makes the source's lock: from now on nothing weaker passes.
    pub fn locks(&self, verified: &Verification) -> bool {
        !self.locked && verified.replay_safe && self.profile.is_mixed()
    }
}
