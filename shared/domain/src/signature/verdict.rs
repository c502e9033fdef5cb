//! What comes of judging a request.

/// What the signature vouches for, and what stood beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The message id header.
    pub id: Option<String>,
    /// When it was signed, in seconds.
    pub timestamp: Option<u64>,
    /// Which of the secrets matched, counted from 0.
    pub secret: usize,
    /// Whether the message id is under the MAC.
    pub signs_id: bool,
    /// Whether the time of signing is under the MAC.
    pub replay_safe: bool,
    /// The sender knew a token and signed nothing.
    pub token: bool,
    /// The hash of all that was signed, where that and not the body's is the idempotency key.
    pub fingerprint: Option<String>,
}

/// Why a request is refused: for the log and the metric, never for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// Nobody set a usable secret.
    #[error("the source has no usable secret")]
    NoSecret,
    /// A header that the scheme needs is not there.
    #[error("header {0} is missing")]
    Missing(String),
    /// A header stands more than once.
    #[error("header {0} is doubled")]
    Doubled(String),
    /// A header does not follow the grammar.
    #[error("header {0} is malformed")]
    Malformed(String),
    /// Signed too long ago.
    #[error("timestamp is {0} s in the past")]
    Past(u64),
    /// Signed too far ahead of our clock.
    #[error("timestamp is {0} s in the future")]
    Future(u64),
    /// The signed body does not say when it was signed.
    #[error("the signed body has no usable time at {0}")]
    Undated(String),
    /// The signature says nothing about the body.
    #[error("the signature does not cover the body")]
    Uncovered,
    /// No secret makes any of the signatures.
    #[error("no secret matches the signature")]
    Mismatch,
    /// The token is unknown, or used up.
    #[error("the token is not one of this source's")]
    Token,
    /// The source has signed in a replay-safe way before, and now does not.
    #[error("the source has signed in a replay-safe way before, this request does not")]
    Downgrade,
    /// The caller's address is not on the source's list.
    #[error("the caller's address is not on the source's list")]
    Address,
}
