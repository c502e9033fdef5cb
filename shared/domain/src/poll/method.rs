//! The HTTP methods by which a platform is told to cancel a job.

use http::Method;
use serde::{Deserialize, Serialize};

/// The methods that cancel something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CancelMethod {
    /// The usual one.
    #[default]
    Post,
    /// As fal has it.
    Put,
    /// As REST has it.
    Delete,
}

impl CancelMethod {
    /// As HTTP has it.
    pub const fn method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }
}
