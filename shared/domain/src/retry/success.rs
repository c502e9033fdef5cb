//! The statuses that a system takes for success.

use serde::{Deserialize, Serialize};

/// The HTTP statuses that a system takes for success; 200 to 299 by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SuccessStatuses {
    /// A range of statuses, both ends included.
    Range {
        /// The first status of the range.
        from: u16,
        /// The last status of the range.
        to: u16,
    },
    /// Single statuses.
    List(Vec<u16>),
}

impl Default for SuccessStatuses {
    fn default() -> Self {
        Self::Range { from: 200, to: 299 }
    }
}

impl SuccessStatuses {
    /// Whether this status is a success.
    pub fn is(&self, status: u16) -> bool {
        match self {
            Self::Range { from, to } => (*from..=*to).contains(&status),
            Self::List(list) => list.contains(&status),
        }
    }
}
