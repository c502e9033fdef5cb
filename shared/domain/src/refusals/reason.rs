//! The reasons why requests are refused, as words.

use serde::{Deserialize, Serialize};

use crate::signature::SignatureRefusal;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// No source has the name in the path.
    UnknownSource,
    /// The source has no secret that its profile can use.
    NoSecret,
    /// A header that the profile needs is missing.
    MissingHeader,
    /// A header that the profile needs occurs more than once.
    DoubledHeader,
    /// A header that the profile needs does not follow its grammar.
    MalformedHeader,
    /// The request was signed too long ago.
    TimestampPast,
    /// The request was signed too far in the future.
    TimestampFuture,
    /// The signed body does not contain the time of signing.
    Undated,
    /// The signature does not cover the body.
    Uncovered,
    /// No secret makes the signature.
    Mismatch,
    /// The token in the path is unknown, or used up.
    Token,
    /// The source has signed in a replay-safe way before, and this request is not.
    Downgrade,
    /// The caller's address is not on the source's list.
    Address,
    /// The body is larger than the relay takes.
    TooLarge,
    /// The source sends more than its rate limit allows.
    TooMany,
    /// Nobody registered the job, and the source insists on it.
    UnknownJob,
    /// The signature holds, but the body cannot be used.
    Unreadable,
    /// The signature holds, but the body brings no lines for a job's log.
    Lines,
}

impl RefusalReason {
    /// Every reason, in the order of the enum.
    pub const ALL: [Self; 18] = [
        Self::UnknownSource,
        Self::NoSecret,
        Self::MissingHeader,
        Self::DoubledHeader,
        Self::MalformedHeader,
        Self::TimestampPast,
        Self::TimestampFuture,
        Self::Undated,
        Self::Uncovered,
        Self::Mismatch,
        Self::Token,
        Self::Downgrade,
        Self::Address,
        Self::TooLarge,
        Self::TooMany,
        Self::UnknownJob,
        Self::Unreadable,
        Self::Lines,
    ];

    /// The word for the reason in the API, as it serialises.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown_source",
            Self::NoSecret => "no_secret",
            Self::MissingHeader => "missing_header",
            Self::DoubledHeader => "doubled_header",
            Self::MalformedHeader => "malformed_header",
            Self::TimestampPast => "timestamp_past",
            Self::TimestampFuture => "timestamp_future",
            Self::Undated => "undated",
            Self::Uncovered => "uncovered",
            Self::Mismatch => "mismatch",
            Self::Token => "token",
            Self::Downgrade => "downgrade",
            Self::Address => "address",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::UnknownJob => "unknown_job",
            Self::Unreadable => "unreadable",
            Self::Lines => "lines",
        }
    }

    /// The letter for the reason in the names of attributes of the table.
    pub const fn letter(self) -> char {
        match self {
            Self::UnknownSource => 's',
            Self::NoSecret => 'n',
            Self::MissingHeader => 'm',
            Self::DoubledHeader => 'b',
            Self::MalformedHeader => 'f',
            Self::TimestampPast => 'p',
            Self::TimestampFuture => 'u',
            Self::Undated => 'd',
            Self::Uncovered => 'v',
            Self::Mismatch => 'x',
            Self::Token => 't',
            Self::Downgrade => 'g',
            Self::Address => 'a',
            Self::TooLarge => 'l',
            Self::TooMany => 'r',
            Self::UnknownJob => 'j',
            Self::Unreadable => 'e',
            Self::Lines => 'i',
        }
    }

    /// The reason with this letter.
    pub fn of_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.letter() == letter)
    }

    /// The reason with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }
}

impl From<&SignatureRefusal> for RefusalReason {
    fn from(refusal: &SignatureRefusal) -> Self {
        match refusal {
            SignatureRefusal::NoSecret => Self::NoSecret,
            SignatureRefusal::Missing(_) => Self::MissingHeader,
            SignatureRefusal::Doubled(_) => Self::DoubledHeader,
            SignatureRefusal::Malformed(_) => Self::MalformedHeader,
            SignatureRefusal::Past(_) => Self::TimestampPast,
            SignatureRefusal::Future(_) => Self::TimestampFuture,
            SignatureRefusal::Undated(_) => Self::Undated,
            SignatureRefusal::Uncovered => Self::Uncovered,
            SignatureRefusal::Mismatch => Self::Mismatch,
            SignatureRefusal::Token => Self::Token,
            SignatureRefusal::Downgrade => Self::Downgrade,
            SignatureRefusal::Address => Self::Address,
        }
    }
}
