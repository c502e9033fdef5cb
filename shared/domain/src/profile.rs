//! Profiles: how one kind of sender signs, and where its bodies hold what the relay needs.
//!
//! Profiles are data (`known/<name>.json`). Adding a sender is adding an entry and a vector.

mod facts;
mod form;
mod guide;
mod outgoing;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

pub use self::{
    facts::{SenderReport, SenderType, Unreadable, ended, fingerprint},
    form::{form_as_json, is_form},
    guide::{SecretNeed, SenderGuide},
    outgoing::{AttemptLimit, BodyForm, BodyShape, IdHeader, OutgoingProfile},
};
use crate::{
    job::JobStatus,
    secret::Secret,
    signature::{Scheme, SignatureRefusal, SignedRequest, Verification},
    time::Timestamp,
};

/// The profile of one kind of sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The document or code that the profile follows.
    pub source: String,
    /// The scheme by which the sender signs.
    pub scheme: Scheme,
    /// Other signature schemes that are accepted, such as a better one that senders move to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Scheme>,
    /// The URL of the sender's public keys, as a JSON Web Key Set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// The paths at which bodies hold what the relay needs.
    #[serde(default)]
    pub mapping: Mapping,
    /// The reply to an accepted request.
    #[serde(default)]
    pub reply: ProfileReply,
    /// The shape of an error on the system's own route. On the relay's own routes it is always a
    /// problem document, so that a stranger does not learn which kind of sender a name stands for.
    #[serde(default)]
    pub errors: ErrorShape,
    /// The way in which the sender's system calls subscribers, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<OutgoingProfile>,
}

/// The shape of an error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorShape {
    /// A problem document (RFC 9457).
    #[default]
    Problem,
    /// An error is an object `{"detail": …}`.
    Detail,
    /// An error is an object `{"error": …}`.
    Error,
}

/// The dotted paths at which a body holds what the relay needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// The path of the id that the idempotency key is made of. The id must be there.
    pub key: Option<String>,
    /// Whether that id may be missing; the key is then made of what there is.
    pub key_optional: bool,
    /// Whether bodies that do not begin like a JSON object are forms.
    pub form: bool,
    /// The paths of the sender's id of the job; the first that holds text counts.
    pub job_id: Vec<String>,
    /// The path of the platform's id of the call that ran the job.
    pub call_id: Option<String>,
    /// The path of the batch that the job belongs to.
    pub batch_id: Option<String>,
    /// The path of the run that the job belongs to.
    pub run_id: Option<String>,
    /// The path of the project that the job belongs to.
    pub project_id: Option<String>,
    /// The paths of the word for the job's state; the first that holds text counts.
    pub status: Vec<String>,
    /// The states that those words mean, if they differ from the usual ones.
    pub statuses: BTreeMap<String, JobStatus>,
    /// The paths that hold a value only if the job failed, whatever its state is called.
    pub failed_if: Vec<String>,
    /// The paths of the job's result.
    pub result: Vec<String>,
    /// The paths of the job's error.
    pub error: Vec<String>,
    /// The paths of the type of an event that is not about a job.
    pub event_type: Vec<String>,
    /// The header that holds the type instead.
    pub event_type_header: Option<String>,
    /// The text that is put in front of the type.
    pub event_type_prefix: String,
    /// The type if the request names none.
    pub event_type_default: Option<String>,
}

/// The reply to an accepted request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileReply {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The value of `status` in the body.
    pub word: String,
    /// The path in the request of a value that the body repeats under the same name.
    #[serde(default)]
    pub echo: Option<String>,
    /// Whether that value is a challenge, by which the sender checks a URL before it sends anything else.
    #[serde(default)]
    pub handshake: bool,
}

impl Default for ProfileReply {
    fn default() -> Self {
        Self { status: 202, word: "accepted".to_owned(), echo: None, handshake: false }
    }
}

macro_rules! known {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("profile/known/", $name, ".json")))),*]
    };
}

/// The text of every profile, sorted by name.
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

/// The name of the profile of which a source may set every part.
pub const CONFIGURABLE: &str = "hmac";

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        PROFILES.get(name)
    }

    /// The accepted schemes, the usual one first.
    pub fn schemes(&self) -> impl Iterator<Item = &Scheme> {
        [&self.scheme].into_iter().chain(&self.also)
    }

    /// Whether all accepted schemes are replay-safe, so that a captured request is harmless.
    pub fn is_replay_safe(&self) -> bool {
        self.schemes().all(Scheme::is_replay_safe)
    }

    /// Whether a replay-safe scheme and a weaker one are accepted. The downgrade lock concerns such
    /// profiles only.
    pub fn is_mixed(&self) -> bool {
        !self.is_replay_safe() && self.schemes().any(Scheme::is_replay_safe)
    }

    /// Judges a request. A scheme whose signature is present must hold: a request with a
    /// replay-safe signature is judged by that one, whatever weaker one stands beside it. A
    /// `locked` source has presented a replay-safe signature before, and nothing weaker is accepted
    /// from it.
    ///
    /// # Errors
    /// If the signature does not hold, is missing, or is too weak for a locked source.
    pub fn judge(
        &self,
        secrets: &[Secret],
        request: &SignedRequest<'_>,
        now: Timestamp,
        locked: bool,
    ) -> Result<Verification, SignatureRefusal> {
        let presented = |safe: bool| {
            self.schemes()
                .enumerate()
                .filter(move |(_, s)| s.is_replay_safe() == safe && s.is_presented(request))
                .map(|(number, scheme)| {
                    let verified = scheme.judge(secrets, request, now)?;
                    Ok(Verification { scheme: number, ..verified })
                })
        };
        let any = |safe| presented(safe).reduce(|one, other| if one.is_ok() { one } else { other });
        match any(true) {
            Some(judged) => judged,
            None if locked && self.is_mixed() => Err(SignatureRefusal::Downgrade),
            None => any(false).unwrap_or_else(|| self.scheme.judge(secrets, request, now)),
        }
    }

    /// The names of all profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PROFILES.keys().copied()
    }
}

#[cfg(test)]
mod tests;
