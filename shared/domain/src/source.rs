//! Who may call us, and how it signs.

mod check;
mod gate;
mod options;

use serde::{Deserialize, Serialize};

pub use self::{
    check::{InvalidSource, MAX_SECRETS, MIN_SECRET, validate},
    gate::{AcceptedRequest, Gate, GateRefusal},
    options::{RateLimit, RateWindow, SourceOptions},
};
use crate::{
    id::EventId,
    profile::Profile,
    secret::{SealedSecret, Secret},
    signature::token_hash,
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
    /// What its platform is asked with, sealed with [`PollPlatform::owner`](crate::poll::PollPlatform::owner) as associated data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_secret: Option<SealedSecret>,
    /// What its jobs are cancelled with, sealed with [`CancelSettings::owner`](crate::poll::CancelSettings::owner) as associated data.
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
        self.options.profile(&self.profile)
    }

    /// The event id of an idempotency key: the same key is the same event.
    pub fn event_id(name: &str, key: &str) -> EventId {
        EventId::derive(&["event", name, key])
    }
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
