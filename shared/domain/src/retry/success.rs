//! The statuses that a system takes for success.

use serde::{Deserialize, Serialize};

/// The statuses that are a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SuccessStatuses {
    /// From the first to the last, both included.
    Range {
        /// The first.
        from: u16,
        /// The last.
        to: u16,
    },
    /// These.
    List(Vec<u16>),
}

impl Default for SuccessStatuses {
    fn default() -> Self {
        Self::Range { from: 200, to: 299 }
    }
}

impl SuccessStatuses {
    /// Whether an answer with this status is one.
    pub fn is(&self, status: u16) -> bool {
        match self {
            Self::Range { from, to } => (*from..=*to).contains(&status),
            Self::List(list) => list.contains(&status),
        }
    }
}
