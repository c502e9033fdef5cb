//! Sources: the senders that may post to `/in/{source}`.

mod check;
mod gate;
mod options;

use serde::{Deserialize, Serialize};

pub use self::{
    check::{InvalidSource, MAX_SECRETS, MAX_TOLERANCE, MIN_SECRET, validate},
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

/// A source, as the table holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The name, which stands in the URL `/in/{name}`.
    pub name: String,
    /// The name of the profile.
    pub profile: String,
    /// The live secrets, newest first, sealed with [`owner`](Self::owner). Of path tokens, their
    /// hashes.
    pub secrets: Vec<SealedSecret>,
    /// The application (id or uid) whose endpoints receive the source's events.
    pub application: String,
    /// The options that differ from the profile.
    #[serde(default)]
    pub options: SourceOptions,
    /// The URL of the relay that the sender was told, which OMTX's API shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The secret with which the platform is asked, sealed with
    /// [`PollPlatform::owner`](crate::poll::PollPlatform::owner).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_secret: Option<SealedSecret>,
    /// The secret with which jobs are cancelled, sealed with
    /// [`CancelSettings::owner`](crate::poll::CancelSettings::owner).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_secret: Option<SealedSecret>,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The time of the first replay-safe signature, if the profile also accepts weaker ones; from
    /// then on those are refused. The value is an attribute of its own in the table, so that a
    /// write of the source does not undo it.
    #[serde(skip)]
    pub locked_at: Option<Timestamp>,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// The path token of one job, as the table holds it under the token's hash. It is good for one
/// report that the job has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobToken {
    /// The source whose path the token completes.
    pub source: String,
    /// The sender's id of the job.
    pub external_id: String,
    /// The event that used the token up; an attribute of its own in the table.
    #[serde(skip)]
    pub used_for: Option<String>,
}

impl Source {
    /// A source without secrets and options.
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
            version: 1,
        }
    }

    /// The associated data with which a source's secrets are sealed.
    pub fn owner(name: &str) -> String {
        format!("source:{name}")
    }

    /// The profile with this source's options; `None` if there is no such profile.
    pub fn effective(&self) -> Option<Profile> {
        self.options.profile(&self.profile)
    }

    /// The id of the event with this idempotency key.
    pub fn event_id(name: &str, key: &str) -> EventId {
        EventId::derive(&["event", name, key])
    }
}

/// The value that is stored in place of a sealed secret for a path token: its hash.
pub fn sealed_token(token: &Secret) -> SealedSecret {
    SealedSecret(format!("{TOKEN_PREFIX}{}", token_hash(token.as_str().unwrap_or_default())))
}

/// The hash of a path token, if that is stored in place of a sealed secret.
pub fn kept_token(sealed: &SealedSecret) -> Option<Secret> {
    sealed.0.strip_prefix(TOKEN_PREFIX).map(Secret::new)
}

const TOKEN_PREFIX: &str = "sha256:";
