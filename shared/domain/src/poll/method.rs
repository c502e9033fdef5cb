//! The HTTP methods by which a platform is told to cancel a job.

use http::Method;
use serde::{Deserialize, Serialize};

/// An HTTP method that cancels a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CancelMethod {
    /// `POST`, as Replicate and RunPod have it.
    #[default]
    Post,
    /// `PUT`, as fal has it.
    Put,
    /// `DELETE`, as many REST APIs have it.
    Delete,
}

impl CancelMethod {
    /// The name of the method as HTTP writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The method in the form of the `http` crate.
    pub const fn method(self) -> Method {
        match self {
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }
}
