//! The `out` section of a profile: how its system calls subscribers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::retry::SuccessStatuses;

/// The way in which a system calls its subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingProfile {
    /// Whether the scheme's headers are left out for an endpoint whose owner set no secret.
    #[serde(default)]
    pub only_with_secret: bool,
    /// The header of the time of the attempt in RFC 3339, if that is not a part of the scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The header by which a receiver recognises a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdHeader>,
    /// The header of the event type, in the system's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The value of `User-Agent`; the relay's own if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The shape of the body: which content stands where.
    #[serde(default)]
    pub shape: BodyShape,
    /// The form in which bodies are written.
    #[serde(default)]
    pub form: BodyForm,
    /// The relay's event types and the system's words for them. If there are any, the system knows
    /// no other events.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
    /// The statuses that the system takes for success.
    #[serde(default)]
    pub success: SuccessStatuses,
    /// Seconds to wait before each retry; the last one repeats.
    pub delays: Vec<u32>,
    /// The limit of attempts, as the system counts them.
    pub attempts: AttemptLimit,
    /// Time for one attempt, in seconds.
    pub timeout_seconds: u16,
}

/// The header by which a receiver recognises a repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdHeader {
    /// The name of the header, in lower case.
    pub header: String,
    /// The field of the body that holds the id; the `webhook-id` is used if the field is missing.
    pub field: String,
}

/// The content of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyShape {
    /// The body of the publisher or source itself; for a job or batch the relay's notice.
    #[default]
    Said,
    /// WEPPcloud's `{event, job_id, runid, …}`.
    Wepp,
    /// The batch server's batch object.
    Batch,
    /// OMTX's `{event, job_id, status, data}`.
    Omtx,
}

/// The form in which a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyForm {
    /// The bytes as they are.
    #[default]
    Raw,
    /// The form of JavaScript's `JSON.stringify`.
    Compact,
    /// The form of Python's `json.dumps(…, sort_keys=True)`.
    PythonSorted,
}

/// A limit of attempts, as a system counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptLimit {
    /// The number of attempts after the first.
    Retries(u8),
    /// The number of attempts, the first included.
    Tries(u8),
}

impl AttemptLimit {
    /// The number of attempts after the first, whichever way the limit is written.
    pub(crate) const fn retries(self) -> u8 {
        match self {
            Self::Retries(retries) => retries,
            Self::Tries(tries) => tries.saturating_sub(1),
        }
    }
}
