//! Why a report of a source is believed.

use serde::{Deserialize, Serialize};

/// Why what a source said is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Its signature held.
    #[default]
    Signed,
    /// It knew an unguessable path, and nothing more: a terminal state must be confirmed.
    Token,
    /// We asked the platform ourselves.
    Polled,
    /// An operator said it in the source's place, with a key of the API.
    Operator,
}
