//! The results of judging a request.

/// The facts that a valid signature vouches for, and those that stood beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verification {
    /// The value of the message id header.
    pub id: Option<String>,
    /// The time of signing, in seconds since the Unix epoch.
    pub timestamp: Option<u64>,
    /// The number of the scheme that held among [`Profile::schemes`](crate::profile::Profile::schemes),
    /// counted from 0.
    pub scheme: usize,
    /// The number of the secret that matched, counted from 0.
    pub secret: usize,
    /// Whether the message id is under the MAC.
    pub signs_id: bool,
    /// Whether the time of signing is under the MAC.
    pub replay_safe: bool,
    /// Whether the sender knew a token and signed nothing.
    pub token: bool,
    /// The hash of all that was signed, if that and not the body's hash is the idempotency key.
    pub fingerprint: Option<String>,
}

/// Why a request is refused. The reason goes to the log and the metric, never to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureRefusal {
    /// The source has no secret that this scheme can use.
    #[error("the source has no usable secret")]
    NoSecret,
    /// A header that the scheme needs is missing.
    #[error("header {0} is missing")]
    Missing(String),
    /// A header occurs more than once.
    #[error("header {0} is doubled")]
    Doubled(String),
    /// A header does not follow its grammar.
    #[error("header {0} is malformed")]
    Malformed(String),
    /// The request was signed too long ago.
    #[error("timestamp is {0} s in the past")]
    Past(u64),
    /// The request was signed too far ahead of the relay's clock.
    #[error("timestamp is {0} s in the future")]
    Future(u64),
    /// The signed body does not contain the time of signing.
    #[error("the signed body has no usable time at {0}")]
    Undated(String),
    /// The signature does not cover the body.
    #[error("the signature does not cover the body")]
    Uncovered,
    /// No secret makes any of the signatures.
    #[error("no secret matches the signature")]
    Mismatch,
    /// The token is unknown or used up.
    #[error("the token is not one of this source's")]
    Token,
    /// The source has signed in a replay-safe way before, and this request is not.
    #[error("the source has signed in a replay-safe way before, this request does not")]
    Downgrade,
    /// The caller's address is not on the source's list.
    #[error("the caller's address is not on the source's list")]
    Address,
}
