//! A subscriber's URL, its secrets, its policy and its state.

mod limit;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

pub use self::limit::{MAX_ENDPOINTS, ORDERED_WEIGHT};
use crate::{
    event::Event,
    filter::{ContentFilter, Payload},
    headers,
    id::{ApplicationId, BatchId, EndpointId, JobId},
    lane::DeliveryOrdering,
    poll::CancelMethod,
    profile::OutgoingProfile,
    retry::Policy,
    secret::{InvalidKeyPair, KeyPair, SYMMETRIC_PREFIX, SealedSecret, Secret, SecretKind},
    subscription,
    time::Timestamp,
};

/// An endpoint, as it lies in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its application.
    pub application: ApplicationId,
    /// The caller's own name for it.
    pub uid: Option<String>,
    /// Where requests go.
    pub url: String,
    /// For people.
    pub description: String,
    /// Signing secrets, newest first; the ones that were rotated away expire.
    pub secrets: Vec<EndpointSecret>,
    /// The event types it wants; all of them if empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// The channels it listens on; all of them if empty.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The caller's own data.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Requests per second, as the Svix contract has it.
    #[serde(default)]
    pub throttle_rate: Option<u16>,
    /// Nothing is sent while this is set.
    #[serde(default)]
    pub disabled: Option<DisabledReason>,
    /// How it is retried.
    #[serde(default)]
    pub policy: Policy,
    /// What it hears of.
    #[serde(default)]
    pub scope: EndpointScope,
    /// The profile whose headers and bodies it receives, besides Standard Webhooks.
    #[serde(default)]
    pub profile: Option<String>,
    /// Whether those of one key come one after the other.
    #[serde(default)]
    pub ordering: Option<DeliveryOrdering>,
    /// Which contents it wants; all of them without one.
    #[serde(default)]
    pub filter: Option<ContentFilter>,
    /// Headers of its owner's, sent along.
    #[serde(default)]
    pub headers: BTreeMap<String, headers::StoredHeader>,
    /// Whether its owner ever set a secret; some systems sign for nobody else.
    #[serde(default)]
    pub owner_has_secret: bool,
    /// It is a platform that is told to cancel a job: with this method and its headers alone, for
    /// nothing of ours means anything to it.
    #[serde(default)]
    pub bare: Option<CancelMethod>,
    /// When calls to it stop for a while.
    #[serde(default)]
    pub breaker: CircuitBreaker,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes; every write is conditional on the one it read.
    #[serde(default)]
    pub version: u64,
}

/// When calls to an endpoint stop for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Failures in a row that open it.
    pub threshold: u16,
    /// How long it stays open at first, in seconds.
    pub recovery_seconds: u16,
}

impl CircuitBreaker {
    /// Most failures in a row before a circuit opens.
    pub const MAX_THRESHOLD: u16 = 100;
    /// Longest first opening of a circuit, in seconds: 15 minutes.
    pub const MAX_RECOVERY: u16 = 900;
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { threshold: 5, recovery_seconds: 60 }
    }
}

/// What an endpoint hears of, and where it lies in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointScope {
    /// Its application's events.
    #[default]
    Application,
    /// One job's events.
    Job(JobId),
    /// One batch's own events.
    Batch(BatchId),
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Its owner said so.
    ByOwner,
    /// It answered 410 Gone.
    Gone,
    /// Nothing succeeded for days.
    Failing,
}

/// A signing secret with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// Sealed with the endpoint's id as associated data.
    pub sealed: SealedSecret,
    /// When it stops signing, once it has been rotated away.
    pub expires_at: Option<Timestamp>,
    /// How it signs.
    #[serde(default)]
    pub kind: SecretKind,
}

impl EndpointSecret {
    /// One that signs until it is rotated away.
    pub const fn new(sealed: SealedSecret, kind: SecretKind) -> Self {
        Self { sealed, expires_at: None, kind }
    }

    /// Whether it signs at this time.
    pub fn signs(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// Why a text cannot be a signing secret. The caller may read this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Not as Standard Webhooks spells it.
    #[error("is whsec_ and 24 to 64 bytes in base64")]
    Standard,
    /// Nor as the profile's system would take it.
    #[error(
        "is 16 to 128 printable ASCII characters without white space around them, or whsec_ and 24 to 64 bytes in base64"
    )]
    Text,
    /// A key pair that is none, or the wrong half of it.
    #[error(transparent)]
    Pair(#[from] InvalidKeyPair),
    /// A key pair where only a shared secret can sign.
    #[error("is a key pair; what this is for is signed with a shared secret, such as whsec_…")]
    Shared,
}

impl Endpoint {
    /// An endpoint that wants everything of its application, without secrets yet.
    pub fn new(id: EndpointId, application: ApplicationId, url: &str, now: Timestamp) -> Self {
        Self {
            id,
            application,
            uid: None,
            url: url.to_owned(),
            description: String::new(),
            secrets: Vec::new(),
            event_types: Vec::new(),
            channels: Vec::new(),
            metadata: BTreeMap::new(),
            throttle_rate: None,
            disabled: None,
            policy: Policy::default(),
            scope: EndpointScope::Application,
            profile: None,
            filter: None,
            ordering: None,
            bare: None,
            headers: BTreeMap::new(),
            owner_has_secret: false,
            breaker: CircuitBreaker::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Reads a signing secret that its owner chose: `whsec_` and 24 to 64 bytes in base64. Where a
    /// system knows plain text, 16 to 128 characters of that will do: the systems' own secrets are
    /// people's texts, and shorter ones can be guessed.
    pub fn secret(text: &str, plain: bool) -> Result<Secret, InvalidSecret> {
        if ["whsk_", "whpk_"].iter().any(|prefix| text.starts_with(prefix)) {
            return Err(InvalidSecret::Shared);
        }
        let digits = text.strip_prefix(SYMMETRIC_PREFIX);
        let key = digits.and_then(|digits| STANDARD.decode(digits).ok());
        if key.is_some_and(|key| (24..=64).contains(&key.len())) {
            return Ok(Secret::new(text));
        }
        if !plain {
            return Err(InvalidSecret::Standard);
        }
        let printable = text.chars().all(|char| matches!(char, ' '..='~'));
        if text.trim() != text || !printable || !(16..=128).contains(&text.len()) {
            return Err(InvalidSecret::Text);
        }
        Ok(Secret::new(text))
    }

    /// Reads what may sign for this endpoint, in the spelling in which it is kept: a shared secret
    /// as [`Self::secret`] takes it, also without `whsec_` where nothing else could be meant, or a key
    /// pair, where no system's own signature needs a shared secret.
    pub fn signing_secret(&self, text: &str) -> Result<Secret, InvalidSecret> {
        let plain = self.outgoing().is_some();
        if !plain && ["whsk_", "whpk_"].iter().any(|prefix| text.starts_with(prefix)) {
            return Ok(KeyPair::parse(text)?.secret());
        }
        Self::secret(text, plain).or_else(|why| match plain {
            true => Err(why),
            false => Self::secret(&format!("{SYMMETRIC_PREFIX}{text}"), false).map_err(|_| why),
        })
    }

    /// Whether its secrets can sign as its profile wants it: a system's own signature takes a shared
    /// secret.
    pub fn signs_for_its_profile(&self) -> bool {
        let newest = self.secrets.first().map(|secret| secret.kind);
        self.outgoing().is_none() || newest != Some(SecretKind::Ed25519)
    }

    /// What the secrets of an endpoint are sealed with.
    pub fn owner(id: &EndpointId) -> String {
        format!("endpoint:{id}")
    }

    /// How its profile's system calls subscribers, if it has such a profile.
    pub fn outgoing(&self) -> Option<&'static OutgoingProfile> {
        OutgoingProfile::of(self.profile.as_deref()?)
    }

    /// Whether it wants to hear of an event, by its type and channels. Without a list of types it
    /// wants what its profile's system speaks of, and nothing about how the relay fares.
    pub fn wants(&self, event: &Event) -> bool {
        let event_type = &event.event_type;
        let operational = event.is_operational();
        let covers =
            |kind: &String| subscription::covers(kind, event_type) && !(operational && kind == "*");
        let wants_type = match self.event_types.is_empty() {
            true => !operational && self.outgoing().is_none_or(|out| out.speaks_of(event_type)),
            false => self.event_types.iter().any(covers),
        };
        let on_channel = self.channels.is_empty()
            || event.channels.iter().any(|channel| self.channels.contains(channel));
        wants_type && on_channel
    }

    /// Whether it wants to hear of an event that says this.
    pub fn accepts(&self, event: &Event, payload: &Payload<'_>) -> bool {
        self.wants(event) && self.filter.as_ref().is_none_or(|filter| filter.matches(payload))
    }

    /// The secrets that sign now.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        self.secrets.iter().filter(move |secret| secret.signs(now)).map(|secret| &secret.sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(profile: Option<&str>) -> Endpoint {
        let (id, application) = (EndpointId::derive(&["e"]), ApplicationId::named("a"));
        let profile = profile.map(str::to_owned);
        Endpoint { profile, ..Endpoint::new(id, application, "https://a.example", Timestamp(0)) }
    }

    #[test]
    fn a_signing_secret_is_a_shared_one_or_a_pair() {
        let shared = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        let pair = KeyPair::of_seed(&[7; 32]);
        let text = pair.secret().as_str().expect("text").to_owned();
        let seed = format!("whsk_{}", STANDARD.encode([7; 32]));
        let public = pair.public().spelled();
        let bare = STANDARD.encode([7; 24]);
        let (standard, profile) = (endpoint(None), endpoint(Some("wepp")));
        let plain = "your_shared_secret_here";
        let read = |endpoint: &Endpoint, text: &str| {
            let read = endpoint.signing_secret(text);
            read.map(|secret| secret.as_str().expect("text").to_owned())
        };
        for (given, by_standard, by_profile) in [
            (&*shared(24), Ok(&*shared(24)), Ok(&*shared(24))),
            (&*shared(64), Ok(&*shared(64)), Ok(&*shared(64))),
            (&*shared(23), Err(InvalidSecret::Standard), Ok(&*shared(23))),
            (&*shared(65), Err(InvalidSecret::Standard), Ok(&*shared(65))),
            (&text, Ok(&*text), Err(InvalidSecret::Shared)),
            (&seed, Ok(&*text), Err(InvalidSecret::Shared)),
            (&public, Err(InvalidSecret::Pair(InvalidKeyPair::Public)), Err(InvalidSecret::Shared)),
            ("whsk_x", Err(InvalidSecret::Pair(InvalidKeyPair::Shape)), Err(InvalidSecret::Shared)),
            // Svix's contract: the prefix may be left out.
            (&bare, Ok(&*format!("whsec_{bare}")), Ok(&*bare)),
            (plain, Err(InvalidSecret::Standard), Ok(plain)),
            ("short", Err(InvalidSecret::Standard), Err(InvalidSecret::Text)),
        ] {
            assert_eq!(read(&standard, given).as_deref(), by_standard.as_ref().copied(), "{given}");
            assert_eq!(read(&profile, given).as_deref(), by_profile.as_ref().copied(), "{given}");
        }
        assert_eq!(Endpoint::secret(&text, true), Err(InvalidSecret::Shared));
    }

    #[test]
    fn a_system_s_own_signature_takes_a_shared_secret() {
        let secret = |kind| EndpointSecret::new(SealedSecret(String::new()), kind);
        for (profile, kinds, fits) in [
            (None, &[SecretKind::Ed25519][..], true),
            (Some("wepp"), &[SecretKind::Ed25519], false),
            (Some("wepp"), &[SecretKind::Hmac, SecretKind::Ed25519], true),
            (Some("wepp"), &[], true),
        ] {
            let mut endpoint = endpoint(profile);
            endpoint.secrets = kinds.iter().copied().map(secret).collect();
            assert_eq!(endpoint.signs_for_its_profile(), fits, "{profile:?} {kinds:?}");
        }
    }

    #[test]
    fn a_secret_that_was_kept_before_there_were_kinds_is_a_shared_one() {
        let kept = r#"{ "sealed": "x", "expires_at": null }"#;
        let read: EndpointSecret = serde_json::from_str(kept).expect("still read");
        assert_eq!(read.kind, SecretKind::Hmac);
    }
}
