//! An endpoint: a subscriber's URL with secrets, filters, retry policy and state.

mod limit;
mod pass_through;
mod secret;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

pub use self::{
    limit::{MAX_ENDPOINTS, MAX_ORDERED, MAX_TOGETHER},
    pass_through::{InvalidSentBody, PassThrough, SentBody},
    secret::{EndpointSecret, InvalidSecret, MAX_PLAIN_SECRET},
};
use crate::{
    event::Event,
    filter::{ContentFilter, Payload},
    headers,
    id::{ApplicationId, BatchId, EndpointId, JobId},
    lane::DeliveryOrdering,
    listener,
    outgoing::HeaderStyle,
    poll::CancelMethod,
    profile::OutgoingProfile,
    retry::Policy,
    secret::{KeyPair, SYMMETRIC_PREFIX, SealedSecret, Secret, SecretKind},
    subscription,
    time::Timestamp,
};

/// An endpoint, as the table holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The id of the endpoint.
    pub id: EndpointId,
    /// The application that owns the endpoint.
    pub application: ApplicationId,
    /// The caller's own name for the endpoint, unique within the application.
    pub uid: Option<String>,
    /// The URL or ARN that deliveries go to, or the [address](crate::listener::address) of a listener.
    pub url: String,
    /// The description that people read. The relay only keeps it.
    pub description: String,
    /// Signing secrets, newest first. Replaced ones sign until they expire.
    pub secrets: Vec<EndpointSecret>,
    /// The event types that the endpoint receives; all of them if empty.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// The channels that the endpoint listens on; all of them if empty.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Data of the caller. The relay reads
    /// [`INCLUDE_TRACEBACK`](crate::outgoing::INCLUDE_TRACEBACK) and
    /// [`STATUS_REDIS`](crate::outgoing::STATUS_REDIS) of it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Calls per second; `None` for no limit.
    #[serde(default)]
    pub throttle_rate: Option<u16>,
    /// The reason why nothing is sent to the endpoint; `None` if it is enabled.
    #[serde(default)]
    pub disabled: Option<DisabledReason>,
    /// The rules by which failed deliveries are attempted again.
    #[serde(default)]
    pub policy: Policy,
    /// The events that the endpoint may receive at all: those of its application, of one job or of
    /// one batch.
    #[serde(default)]
    pub scope: EndpointScope,
    /// The profile of another system whose headers and bodies the endpoint receives besides
    /// Standard Webhooks.
    #[serde(default)]
    pub profile: Option<String>,
    /// The names of the headers of Standard Webhooks; `None` for those of the deployment.
    #[serde(default)]
    pub header_style: Option<HeaderStyle>,
    /// The key by which deliveries are ordered; `None` if they are not ordered.
    #[serde(default)]
    pub ordering: Option<DeliveryOrdering>,
    /// A pattern that contents must match; `None` for all contents.
    #[serde(default)]
    pub filter: Option<ContentFilter>,
    /// The source whose events the endpoint receives; `None` for events of any source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Headers of the owner that are sent along.
    #[serde(default)]
    pub headers: BTreeMap<String, headers::StoredHeader>,
    /// The parts of a sender's own request that the endpoint receives.
    #[serde(default, skip_serializing_if = "PassThrough::is_none")]
    pub pass_through: PassThrough,
    /// Whether the owner ever set a secret. Some systems send a signature of their own only then.
    #[serde(default)]
    pub owner_has_secret: bool,
    /// The method of a call that cancels a job on its platform. Such a call has only the headers of
    /// the platform, because the relay's own mean nothing there.
    #[serde(default)]
    pub bare: Option<CancelMethod>,
    /// The settings of the circuit breaker.
    #[serde(default)]
    pub breaker: CircuitBreaker,
    /// The time at which the endpoint was created.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The number of changes; every write is conditional on the version that was read.
    #[serde(default)]
    pub version: u64,
}

/// The number of failures after which calls to an endpoint stop, and the time for which they stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Failures in a row that open the circuit.
    pub threshold: u16,
    /// Seconds for which the circuit stays open the first time. Each further time takes twice as
    /// long, up to [`MAX_OPEN`](crate::health::MAX_OPEN) or this time, whichever is longer.
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

/// The events that an endpoint may receive at all, which is also a part of its key in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointScope {
    /// The events of the endpoint's application.
    #[default]
    Application,
    /// The events of one job.
    Job(JobId),
    /// The events about one batch, not those of its jobs.
    Batch(BatchId),
}

/// The reason why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// The owner disabled the endpoint.
    ByOwner,
    /// The endpoint answered 410 Gone.
    Gone,
    /// No delivery succeeded for days; see [`GIVE_UP_AFTER`](crate::health::GIVE_UP_AFTER).
    Failing,
}

impl Endpoint {
    /// An endpoint that receives all events of its application and has no secrets yet.
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
            header_style: None,
            filter: None,
            source: None,
            ordering: None,
            bare: None,
            headers: BTreeMap::new(),
            pass_through: PassThrough::default(),
            owner_has_secret: false,
            breaker: CircuitBreaker::default(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Reads a shared signing secret that an owner chose: `whsec_` and 24 to 64 bytes in base64.
    /// With `plain`, 16 to [`MAX_PLAIN_SECRET`] printable characters will do as well, because the secrets of the
    /// five systems are plain texts; shorter ones can be guessed.
    ///
    /// # Errors
    /// If the text is no such secret, or is a key pair.
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
        if text.trim() != text || !printable || !(16..=MAX_PLAIN_SECRET).contains(&text.len()) {
            return Err(InvalidSecret::Text);
        }
        Ok(Secret::new(text))
    }

    /// Reads a signing secret for this endpoint, and returns it as it is stored: a shared secret as
    /// [`secret`](Self::secret) takes it, or a key pair. Without a profile `whsec_` may be left
    /// out.
    ///
    /// # Errors
    /// If the text is neither, or is a key pair although the profile's own signature needs a shared
    /// secret.
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

    /// Whether the newest secret can make the signature of the endpoint's profile, which needs a
    /// shared secret.
    pub fn signs_for_its_profile(&self) -> bool {
        let newest = self.secrets.first().map(|secret| secret.kind);
        self.outgoing().is_none() || newest != Some(SecretKind::Ed25519)
    }

    /// The associated data with which an endpoint's secrets and headers are sealed.
    pub fn owner(id: &EndpointId) -> String {
        format!("endpoint:{id}")
    }

    /// The way in which the system of the endpoint's profile calls subscribers; `None` without such
    /// a profile.
    pub fn outgoing(&self) -> Option<&'static OutgoingProfile> {
        OutgoingProfile::of(self.profile.as_deref()?)
    }

    /// Whether the endpoint receives an event, judged by type and channels. Without a list of types
    /// it receives all that its profile's system knows, but no operational events.
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
        let from_source = self.source.is_none() || self.source.as_deref() == event.source();
        wants_type && on_channel && from_source
    }

    /// The name of the listener that the endpoint stands for; `None` for any other destination.
    pub fn listener(&self) -> Option<&str> {
        listener::name_of(&self.url)
    }

    /// Whether the endpoint receives an event with this payload: as [`wants`](Self::wants), and the
    /// content filter matches.
    pub fn accepts(&self, event: &Event, payload: &Payload<'_>) -> bool {
        self.wants(event) && self.filter.as_ref().is_none_or(|filter| filter.matches(payload))
    }

    /// The secrets that sign at this time, newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        self.secrets.iter().filter(move |secret| secret.signs(now)).map(|secret| &secret.sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::InvalidKeyPair;

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
