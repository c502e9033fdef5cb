//! The only crate that touches the world: AWS, outbound HTTP, the clock, chance and the
//! environment. Nobody else names an AWS SDK type.
//!
//! The feature `aws` brings the clients of AWS, what is built on them, and the log that functions
//! write. Everything but the `client` build of `relay` has it.

pub mod access;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "aws")]
pub mod bells;
#[cfg(feature = "aws")]
pub mod bucket;
pub mod caller;
pub mod clock;
#[cfg(feature = "aws")]
pub mod cloudwatch;
pub mod config;
#[cfg(feature = "aws")]
pub mod contested;
#[cfg(feature = "aws")]
pub mod inbox;
#[cfg(feature = "aws")]
pub mod live_queue;
#[cfg(feature = "aws")]
pub mod log;
pub mod metrics;
#[cfg(feature = "aws")]
mod packed;
pub mod path;
pub mod problem;
#[cfg(feature = "aws")]
pub mod pusher;
#[cfg(feature = "aws")]
pub mod queue;
pub mod random;
#[cfg(feature = "aws")]
mod secrets_manager;
#[cfg(feature = "aws")]
pub mod table;
pub mod vault;

/// The outside world did not do what we asked; asking again may work.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed: {source}")]
pub struct Unavailable {
    /// The step that failed, such as `claiming a delivery`.
    pub doing: &'static str,
    /// The error of the SDK or client.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps what the outside world said.
    pub fn new(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { doing, source: source.into() }
    }

    /// Whether DynamoDB refused an item because it is larger than 400 KB.
    #[cfg(feature = "aws")]
    fn is_too_large(&self) -> bool {
        self.source.to_string().contains("Item size")
    }

    /// Wraps an SDK error with the whole chain of its causes in words: on its own it only says
    /// "service error".
    #[cfg(feature = "aws")]
    fn aws<E: std::error::Error>(doing: &'static str, error: &E) -> Self {
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            said = format!("{said}: {deeper}");
            cause = deeper.source();
        }
        Self { doing, source: said.into() }
    }
}
