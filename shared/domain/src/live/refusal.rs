//! Refusals of actions: what a client is answered instead.

use serde::{Deserialize, Serialize};

/// The kind of a refusal, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The message is not JSON, or no object.
    Unreadable,
    /// The message is larger than API Gateway takes.
    TooLarge,
    /// There is no such action.
    UnknownAction,
    /// A field is missing, unknown or out of bounds.
    Invalid,
    /// There is no such thing, or the connection may not hear it: the two look the same.
    NotFound,
    /// Things of several sources or applications bear the id.
    Ambiguous,
    /// The connection hears as many topics as it may.
    TooMany,
    /// The right to listen has ended: the key was revoked, or the token expired. The connection is
    /// closed.
    Unauthorized,
    /// The key behind the connection does not allow that.
    Forbidden,
    /// The relay cannot do that now; the client may ask again.
    Unavailable,
}

/// A refusal of an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LiveRefusal {
    /// The kind of the refusal.
    pub code: RefusalCode,
    /// The fault in words. No text of the client's message is repeated but names that are near
    /// to known ones.
    pub message: String,
    /// The action that was refused; `null` if none was recognised.
    pub action: Option<String>,
}

impl LiveRefusal {
    /// A refusal of a message whose action is not known.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), action: None }
    }

    /// The refusal as one of an action.
    #[must_use]
    pub fn of(self, action: &str) -> Self {
        Self { action: Some(action.to_owned()), ..self }
    }

    /// The refusal of a thing that there is not, or that the connection may not hear.
    pub fn not_found(action: &str) -> Self {
        Self::new(RefusalCode::NotFound, "there is no such thing, or it is not yours").of(action)
    }

    /// The refusal of one topic too many.
    pub fn too_many(action: &str, most: usize) -> Self {
        let why = format!("a connection hears at most {most} topics; open another one");
        Self::new(RefusalCode::TooMany, why).of(action)
    }
}
