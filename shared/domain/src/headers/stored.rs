//! A header's value as the table holds it.

use serde::{Deserialize, Serialize};

use crate::secret::SealedSecret;

/// The value of a header, as the table holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredHeader {
    /// The value in the clear.
    Plain(String),
    /// The value of a header that is a secret, sealed with
    /// [`Endpoint::owner`](crate::endpoint::Endpoint::owner).
    Sealed(SealedSecret),
}

impl StoredHeader {
    /// The value as it may be shown: [`MASK`] if it is a secret.
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Sealed(_) => MASK,
        }
    }
}

/// The text that is shown instead of a secret. A caller who sends it back leaves the value as it
/// is.
pub const MASK: &str = "***";
