//! Sources: the senders that may post to `/in/{source}`.

mod check;
mod gate;
mod handshake;
mod options;

use serde::{Deserialize, Serialize};

pub use self::{
    check::{InvalidSource, MAX_SECRETS, MAX_TOLERANCE, MIN_SECRET, validate},
    gate::{AcceptedRequest, Gate, GateRefusal},
    handshake::{HANDSHAKE_NOTED_EVERY, Handshake},
    options::{RateLimit, RateWindow, SourceOptions},
};
use crate::{
    id::{ApplicationId, EventId, SourceId, Tenure},
    profile::Profile,
    secret::{SealedSecret, Secret},
    signature::token_hash,
    time::Timestamp,
};

/// A source, as the table holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Source {
    /// The identity, which the source keeps for life.
    pub id: SourceId,
    /// The name, which stands in the URL `/in/{name}`.
    pub name: String,
    /// The name of the profile.
    pub profile: String,
    /// The live secrets, newest first, sealed with [`owner`](Self::owner). Of path tokens, their
    /// hashes.
    pub secrets: Vec<SealedSecret>,
    /// Since when each of the live secrets is kept, in their order. Empty, or `None` for a secret, where
    /// an earlier version wrote it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets_since: Vec<Option<Timestamp>>,
    /// A mark of the live secrets that only this relay can make: two sources with the same secrets
    /// have the same mark. `None` for a source without secrets of its own.
    #[serde(default)]
    pub proof: Option<String>,
    /// The application whose endpoints receive the source's events.
    pub application: ApplicationId,
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
    /// The time of the last challenge of the sender that was answered, at most
    /// [`HANDSHAKE_NOTED_EVERY`] before the truly last one. An attribute of its own in the table, as
    /// `locked_at` is.
    #[serde(skip)]
    pub handshake_at: Option<Timestamp>,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// The path token of one job, as the table holds it under the token's hash. It is good for one
/// report that the job has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobToken {
    /// The source whose path the token completes, and the application that the job belongs to.
    pub tenure: Tenure,
    /// The sender's id of the job.
    pub external_id: String,
    /// The event that used the token up; an attribute of its own in the table.
    #[serde(skip)]
    pub used_for: Option<String>,
}

/// A tenure that has ended: the source was deleted, or belongs to another application now. Jobs and
/// events of the tenure stay what they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerTenure {
    /// The name of the source at that time.
    pub name: String,
    /// The source, and the application that it belonged to.
    pub tenure: Tenure,
    /// The time at which the tenure ended.
    pub ended_at: Timestamp,
}

impl Source {
    /// A source without secrets and options. `id` is random, or derived in tests.
    pub fn new(
        id: SourceId,
        name: &str,
        profile: &str,
        application: ApplicationId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            profile: profile.to_owned(),
            secrets: Vec::new(),
            secrets_since: Vec::new(),
            proof: None,
            application,
            options: SourceOptions::default(),
            base_url: None,
            platform_secret: None,
            cancel_secret: None,
            created_at: now,
            updated_at: now,
            locked_at: None,
            handshake_at: None,
            version: 1,
        }
    }

    /// The associated data with which a source's secrets are sealed.
    pub fn owner(id: &SourceId) -> String {
        format!("source:{id}")
    }

    /// The source in its present application.
    pub fn tenure(&self) -> Tenure {
        Tenure { source: self.id.clone(), application: self.application.clone() }
    }

    /// The present tenure as one that ends now.
    pub fn former(&self, now: Timestamp) -> FormerTenure {
        FormerTenure { name: self.name.clone(), tenure: self.tenure(), ended_at: now }
    }

    /// The profile with this source's options; `None` if there is no such profile.
    pub fn effective(&self) -> Option<Profile> {
        self.options.profile(&self.profile)
    }

    /// The id of the event with this idempotency key.
    pub fn event_id(tenure: &Tenure, key: &str) -> EventId {
        EventId::derive(&["event", tenure.source.as_str(), tenure.application.as_str(), key])
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn source(name: &str, application: &str) -> Source {
        let id = SourceId::derive(&[name]);
        Source::new(id, name, "github", ApplicationId::named(application), NOW)
    }

    #[test]
    fn a_token_is_kept_by_its_hash_and_a_secret_is_no_token() {
        let kept = sealed_token(&Secret::new(*b"token-of-24-characters.."));
        let hash = token_hash("token-of-24-characters..");
        assert_eq!(kept, SealedSecret(format!("sha256:{hash}")));
        assert_eq!(kept_token(&kept), Some(Secret::new(hash)));
        assert_eq!(kept_token(&SealedSecret("c2VhbGVk".to_owned())), None);
    }

    #[test]
    fn what_belongs_to_a_source_belongs_to_it_in_one_application() {
        let (here, there, other) = (source("a", "acme"), source("a", "zeta"), source("b", "acme"));
        let tenure = here.tenure();
        assert_eq!((&tenure.source, &tenure.application), (&here.id, &here.application));
        let former = here.former(NOW);
        assert_eq!(
            (former.name.as_str(), former.tenure, former.ended_at),
            ("a", tenure.clone(), NOW)
        );
        let event = Source::event_id(&tenure, "k");
        assert_eq!(Source::event_id(&tenure, "k"), event, "for every worker");
        for (tenure, key) in [(tenure, "l"), (there.tenure(), "k"), (other.tenure(), "k")] {
            assert_ne!(Source::event_id(&tenure, key), event, "{tenure:?} {key}");
        }
        assert_eq!(Source::owner(&here.id), format!("source:{}", here.id));
    }

    #[test]
    fn a_source_has_its_profile_with_its_options() {
        let mut source = source("a", "acme");
        assert_eq!(source.effective().as_ref(), Profile::named("github"));
        source.options.tolerance_seconds = Some(7);
        assert_eq!(source.effective().map(|profile| profile.scheme.past_seconds), Some(7));
        source.profile = "gone".to_owned();
        assert_eq!(source.effective(), None);
    }
}
