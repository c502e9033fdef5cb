//! What polling has found out about a job.

use serde::{Deserialize, Serialize};

use super::status::JobStatus;
use crate::time::Timestamp;

/// What polling has found out about a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollState {
    /// The end that somebody claims who cannot sign: to be confirmed by the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<JobStatus>,
    /// When that was claimed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_at: Option<Timestamp>,
    /// Nothing makes us ask before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Timestamp>,
    /// No webhook told how the job ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
}
