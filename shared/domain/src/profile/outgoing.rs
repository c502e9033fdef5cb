//! The `out` section of a profile: how its system calls subscribers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::retry::SuccessStatuses;

/// How a system calls its subscribers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutgoingProfile {
    /// Whether the headers of its scheme stay away from an endpoint whose owner set no secret.
    #[serde(default)]
    pub only_with_secret: bool,
    /// The header of the time of the attempt in RFC 3339, where that is no part of its scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// The id by which a receiver tells a repetition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<IdHeader>,
    /// The header of the event's type, in the system's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// What its bodies are made of.
    #[serde(default)]
    pub shape: BodyShape,
    /// How its bodies are written.
    #[serde(default)]
    pub form: BodyForm,
    /// Our event types in the system's words. If there are any, it speaks of nothing else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub events: BTreeMap<String, String>,
    /// The statuses that it takes for success.
    #[serde(default)]
    pub success: SuccessStatuses,
    /// Seconds to wait before each retry; the last one repeats.
    pub delays: Vec<u32>,
    /// Its limit of attempts, as it counts them.
    pub attempts: AttemptLimit,
    /// How long one attempt may take, in seconds.
    pub timeout_seconds: u16,
}

/// The header of the id by which a receiver tells a repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdHeader {
    /// Its name, in lower case.
    pub header: String,
    /// The field of the body that holds it; the `webhook-id` if it is not there.
    pub field: String,
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyShape {
    /// What its publisher or source said; of a job or batch, our own notice.
    #[default]
    Said,
    /// WEPPcloud's `{event, job_id, runid, …}`.
    Wepp,
    /// The batch server's batch object.
    Batch,
    /// OMTX's `{event, job_id, status, data}`.
    Omtx,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyForm {
    /// As it is.
    #[default]
    Raw,
    /// As `JSON.stringify` writes it.
    Compact,
    /// As Python's `json.dumps(…, sort_keys=True)` writes it.
    PythonSorted,
}

/// A limit of attempts, as a system counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptLimit {
    /// After the first.
    Retries(u8),
    /// In all.
    Tries(u8),
}

impl AttemptLimit {
    pub(crate) const fn retries(self) -> u8 {
        match self {
            Self::Retries(retries) => retries,
            Self::Tries(tries) => tries.saturating_sub(1),
        }
    }
}
