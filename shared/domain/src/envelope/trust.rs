//! The reason why the relay believes a report.

use serde::{Deserialize, Serialize};

/// The reason why the relay believes a report of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The signature of the request holds.
    #[default]
    Signed,
    /// The sender knew an unguessable path, which proves less than a signature: the platform must
    /// confirm that a job has ended.
    Token,
    /// The relay asked the platform itself.
    Polled,
    /// An operator reported it in the source's place, with a key of the API.
    Operator,
}
