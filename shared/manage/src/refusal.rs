//! Reasons for which a use case is not carried out. A contract turns a refusal into a status and a
//! body; nothing here knows HTTP.

use adapters::{Unavailable, contested::Contested};

/// The reason for which a use case was not carried out. The caller may read every text but the cause of
/// [`Refusal::Unavailable`], which belongs into the log.
#[derive(Debug)]
pub enum Refusal {
    /// There is no such thing, or the caller may not see it.
    NotFound,
    /// The thing was there and was removed for good; the reason, as a sentence without its full stop.
    Gone(&'static str),
    /// The caller's key does not allow this.
    Forbidden(&'static str),
    /// A field of the draft cannot be used.
    Invalid {
        /// Name of the field in the draft; nested fields are joined with dots.
        field: String,
        /// Reason, as the rest of a sentence that begins with the field's name.
        why: String,
    },
    /// The present state does not allow this.
    Conflict(String),
    /// The change was made before.
    Done(&'static str),
    /// Other writers changed the same item at every try; the same request may succeed now.
    Busy(&'static str),
    /// The caller sends more than it may. It may send again after so many seconds.
    TooMany(u64),
    /// AWS did not answer, or refused for now.
    Unavailable(Unavailable),
}

impl Refusal {
    /// A field of the draft cannot be used.
    pub fn field(field: impl Into<String>, why: impl ToString) -> Self {
        Self::Invalid { field: field.into(), why: why.to_string() }
    }

    /// The refusal with another name of the field, as a contract spells it.
    #[must_use]
    pub fn renamed(self, name: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Invalid { field, why } => Self::Invalid { field: name(field), why },
            other => other,
        }
    }

    /// The refusal with its field below a parent, as in `webhook.url`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        self.renamed(|field| format!("{parent}.{field}"))
    }
}

impl From<Contested> for Refusal {
    fn from(_: Contested) -> Self {
        Self::Busy("other requests changed the same items during every try; please try again")
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}
