//! A header's value as the table holds it.

use serde::{Deserialize, Serialize};

use crate::secret::SealedSecret;

/// A header's value as it lies in the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredHeader {
    /// In the clear.
    Plain(String),
    /// Of a header whose name says that it is a secret: sealed with the endpoint's id as associated
    /// data.
    Sealed(SealedSecret),
}

impl StoredHeader {
    /// What may be shown of it.
    pub fn shown(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Sealed(_) => MASK,
        }
    }
}

/// What is shown instead of a secret. Given back, it means the value that is there already.
pub const MASK: &str = "***";
