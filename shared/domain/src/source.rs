//! Who may call us, and how it signs.

mod check;
mod gate;

use serde::{Deserialize, Serialize};

pub use self::{
    check::{InvalidSource, MAX_SECRETS, MIN_SECRET, validate},
    gate::{AcceptedRequest, Gate, GateRefusal},
};
use crate::{
    id::EventId,
    poll::{CancelSettings, PollMode, PollPace, PollPlatform},
    profile::{Mapping, Profile},
    secret::{SealedSecret, Secret},
    signature::{Scheme, token_hash},
    time::Timestamp,
};

/// A sender, as it lies in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The name in its URL, `/in/{name}`.
    pub name: String,
    /// The name of its profile.
    pub profile: String,
    /// Its live secrets, newest first, sealed with [`Source::owner`] as associated data; of path
    /// tokens, their hashes.
    pub secrets: Vec<SealedSecret>,
    /// The application (id or uid) that hears of its events.
    pub application: String,
    /// What it sets differently from its profile.
    #[serde(default)]
    pub options: SourceOptions,
    /// Where its sender was told that we are, for those who ask what it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// What its platform is asked with, sealed with [`PollPlatform::owner`] as associated data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_secret: Option<SealedSecret>,
    /// What its jobs are cancelled with, sealed with [`CancelSettings::owner`] as associated data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_secret: Option<SealedSecret>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it first presented a replay-safe signature, if its profile also accepts weaker ones:
    /// from then on it does not. Beside the document in the table, so that whoever changes the
    /// source does not undo it.
    #[serde(skip)]
    pub locked_at: Option<Timestamp>,
}

/// What a source may set differently from its profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceOptions {
    /// How old and how far ahead a timestamp may be, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_seconds: Option<u64>,
    /// How the sender signs; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Where its bodies keep what we need; only with the profile `hmac`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
    /// Where its public keys are published; only with a profile that has such keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The URL at which its sender calls us, without the query, where that is not our own; only
    /// with a profile that signs the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// The networks from which it may call, in CIDR notation; none means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_networks: Vec<String>,
    /// How often it may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether the webhooks that its jobs are registered with are attached (R4.6); they are unless
    /// this says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_webhooks: Option<bool>,
    /// The Redis server whose channels hear how the deliveries to those webhooks end (R4.7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_redis: Option<String>,
    /// Reports on jobs that nobody registered are refused with 404 (R1.3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whom to ask about completions that never came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<PollPlatform>,
    /// How its jobs are cancelled, where that is not the platform's own way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel: Option<CancelSettings>,
    /// When a job's answer is overdue, in seconds since the job was registered or first heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<u64>,
    /// How webhooks and asking share the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<PollMode>,
    /// How the platform is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<PollPace>,
}

/// How often a source may call, counted over all who answer for us, in windows that begin with the
/// minute or second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Accepted requests in one window.
    pub requests: u32,
    /// The length of a window.
    pub per: RateWindow,
}

/// The length of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateWindow {
    /// One second.
    Second,
    /// One minute.
    Minute,
}

impl RateLimit {
    const fn seconds(self) -> u64 {
        match self.per {
            RateWindow::Second => 1,
            RateWindow::Minute => 60,
        }
    }

    /// One item counts a window, and takes a thousand writes in a second.
    pub const fn is_possible(self) -> bool {
        0 < self.requests && (self.requests as u64) <= 1000 * self.seconds()
    }

    /// When the window of `now` began, in seconds.
    pub const fn window(self, now: Timestamp) -> u64 {
        now.secs() - now.secs() % self.seconds()
    }

    /// Seconds until the next window, at least 1.
    pub const fn retry_after(self, now: Timestamp) -> u64 {
        self.window(now) + self.seconds() - now.secs()
    }
}

/// The path token of one job, as it lies in the table under its hash. It is good for one report
/// that the job has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobToken {
    /// The source whose path it completes.
    pub source: String,
    /// The sender's id of the job.
    pub external_id: String,
    /// The event that used it up, beside the document.
    #[serde(skip)]
    pub used_for: Option<String>,
}

impl Source {
    /// A source of this name and profile, without secrets yet.
    pub fn new(name: &str, profile: &str, application: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            profile: profile.to_owned(),
            secrets: Vec::new(),
            application: application.to_owned(),
            options: SourceOptions::default(),
            base_url: None,
            platform_secret: None,
            cancel_secret: None,
            created_at: now,
            updated_at: now,
            locked_at: None,
        }
    }

    /// What the secrets of a source are sealed with.
    pub fn owner(name: &str) -> String {
        format!("source:{name}")
    }

    /// The profile with this source's own options in it.
    pub fn effective(&self) -> Option<Profile> {
        effective(&self.profile, &self.options)
    }

    /// The event id of an idempotency key: the same key is the same event.
    pub fn event_id(name: &str, key: &str) -> EventId {
        EventId::derive(&["event", name, key])
    }
}

/// A profile with a source's options in it.
pub fn effective(profile: &str, options: &SourceOptions) -> Option<Profile> {
    let mut effective = Profile::named(profile)?.clone();
    if let Some(scheme) = &options.scheme {
        effective.scheme = scheme.clone();
    }
    if let Some(mapping) = &options.mapping {
        effective.mapping = mapping.clone();
    }
    if let Some(url) = &options.jwks_url {
        effective.jwks = Some(url.clone());
    }
    if let Some(seconds) = options.tolerance_seconds {
        for scheme in [&mut effective.scheme].into_iter().chain(&mut effective.also) {
            scheme.past_seconds = seconds;
            scheme.future_seconds = seconds;
        }
    }
    Some(effective)
}

/// What is kept of a path token in the place of a sealed secret.
pub fn sealed_token(token: &Secret) -> SealedSecret {
    SealedSecret(format!("{TOKEN_PREFIX}{}", token_hash(token.as_str().unwrap_or_default())))
}

/// The hash of a path token that is kept in the place of a sealed secret.
pub fn kept_token(sealed: &SealedSecret) -> Option<Secret> {
    sealed.0.strip_prefix(TOKEN_PREFIX).map(Secret::new)
}

const TOKEN_PREFIX: &str = "sha256:";
