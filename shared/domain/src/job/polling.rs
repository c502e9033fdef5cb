//! The findings of polling about a job.

use serde::{Deserialize, Serialize};

use super::status::JobStatus;
use crate::time::Timestamp;

/// The findings of polling about a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// A terminal state that a sender who cannot sign claims; the platform must confirm it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<JobStatus>,
    /// The time of the latest such claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// The time before which the platform is not asked again, whatever happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Timestamp>,
    /// Whether no webhook reported the end of the job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
}
