//! A profile says how one kind of sender signs and where it puts things in its body. Profiles are
//! data (`known/<name>.json`): adding a sender is adding an entry and a vector.

mod facts;
mod outgoing;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

pub use self::{
    facts::{SenderReport, Unreadable, ended, fingerprint},
    outgoing::{AttemptLimit, BodyForm, BodyShape, IdHeader, OutgoingProfile},
};
use crate::{
    job::JobStatus,
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};

/// One kind of sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The document or code this entry follows.
    pub source: String,
    /// How its requests are signed.
    pub scheme: Scheme,
    /// Other ways in which they may be signed, such as a better one that its senders move to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Scheme>,
    /// Where its public keys are published, as a JSON Web Key Set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// Where its bodies keep what we need.
    #[serde(default)]
    pub mapping: Mapping,
    /// What an accepted request is answered with.
    #[serde(default)]
    pub reply: ProfileReply,
    /// The shape of an error on the sender's own route; on ours it is always a problem document,
    /// so that who is refused does not learn what is behind a name.
    #[serde(default)]
    pub errors: ErrorShape,
    /// How its system calls subscribers, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<OutgoingProfile>,
}

/// The shape of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorShape {
    /// RFC 9457.
    #[default]
    Problem,
    /// `{"detail": …}`.
    Detail,
    /// `{"error": …}`.
    Error,
}

/// Where a body keeps what we need, as dotted paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The id inside the signed body that the idempotency key is made of, and that must be there.
    pub key: Option<String>,
    /// That id may be missing; the key is then made of what there is.
    pub key_optional: bool,
    /// Bodies that do not begin like JSON are forms.
    pub form: bool,
    /// The sender's id of the job: the first path that holds text.
    pub job_id: Vec<String>,
    /// The platform's id of the call that ran the job.
    pub call_id: Option<String>,
    /// The batch the job belongs to.
    pub batch_id: Option<String>,
    /// The run the job belongs to.
    pub run_id: Option<String>,
    /// The project the job belongs to.
    pub project_id: Option<String>,
    /// The word for the job's state.
    pub status: Vec<String>,
    /// What those words mean, where they differ from the usual ones.
    pub statuses: BTreeMap<String, JobStatus>,
    /// Where something stands only if the job failed, whatever its state is called.
    pub failed_if: Vec<String>,
    /// The job's result.
    pub result: Vec<String>,
    /// Why the job failed.
    pub error: Vec<String>,
    /// The type of an event that is not about a job.
    pub event_type: Vec<String>,
    /// The header that holds that type.
    pub event_type_header: Option<String>,
    /// What to put in front of that type.
    pub event_type_prefix: String,
    /// That type where the body names none.
    pub event_type_default: Option<String>,
}

/// What an accepted request is answered with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileReply {
    /// The HTTP status.
    pub status: u16,
    /// The value of `status` in the body.
    pub word: String,
    /// The field of the body that is echoed, under its own name.
    #[serde(default)]
    pub echo: Option<String>,
}

impl Default for ProfileReply {
    fn default() -> Self {
        Self { status: 202, word: "accepted".to_owned(), echo: None }
    }
}

macro_rules! known {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("profile/known/", $name, ".json")))),*]
    };
}

/// Every profile there is, by name.
const KNOWN: &[(&str, &str)] = &known![
    "baseten",
    "batch",
    "beam-task",
    "beam-workspace",
    "cog",
    "fal",
    "github",
    "hmac",
    "hokusai",
    "hokusai-deltaone",
    "hokusai-prefixed",
    "modal",
    "modal-mesh",
    "modal-omtx",
    "omtx-out",
    "openai",
    "replicate",
    "runpod",
    "shopify",
    "slack",
    "standard",
    "stripe",
    "svix",
    "twilio",
    "wepp",
];

static PROFILES: LazyLock<BTreeMap<&str, Profile>> = LazyLock::new(|| {
    let read = |text| serde_json::from_str(text).expect("profiles are part of the build");
    KNOWN.iter().map(|(name, text)| (*name, read(text))).collect()
});

/// The name of the profile whose every part a source may set.
pub const CONFIGURABLE: &str = "hmac";

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.get(name)
    }

    /// Every scheme it accepts, the usual one first.
    pub fn schemes(&self) -> impl Iterator<Item = &Scheme> {
        [&self.scheme].into_iter().chain(&self.also)
    }

    /// Whether a captured request stays harmless by its signature alone, whichever of the schemes
    /// it came with.
    pub fn is_replay_safe(&self) -> bool {
        self.schemes().all(Scheme::is_replay_safe)
    }

    /// Whether it accepts a replay-safe signature and a weaker one: the downgrade lock is about
    /// these.
    pub fn is_mixed(&self) -> bool {
        !self.is_replay_safe() && self.schemes().any(Scheme::is_replay_safe)
    }

    /// Judges a request. What is presented must hold: a request with a replay-safe signature is
    /// judged by that one, whatever weaker one stands beside it. A `locked` source has presented
    /// one before, and nothing weaker is accepted from it any more.
    pub fn judge(
        &self,
        secrets: &[Secret],
        request: &SignedRequest<'_>,
        now: Timestamp,
        locked: bool,
    ) -> Result<Verification, SignatureRefusal> {
        let presented = |safe: bool| {
            self.schemes()
                .filter(move |s| s.is_replay_safe() == safe && s.is_presented(request))
                .map(|scheme| scheme.judge(secrets, request, now))
        };
        let any = |safe| presented(safe).reduce(|one, other| if one.is_ok() { one } else { other });
        match any(true) {
            Some(judged) => judged,
            None if locked && self.is_mixed() => Err(SignatureRefusal::Downgrade),
            None => any(false).unwrap_or_else(|| self.scheme.judge(secrets, request, now)),
        }
    }

    /// Every name there is.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROFILES.keys().copied()
    }
}

#[cfg(test)]
mod tests;
