//! A message that cannot be read.

/// A message we cannot read. It goes back alone, and after some rounds it is parked with its bytes.
#[derive(Debug, thiserror::Error)]
#[error("message is not what this queue carries: {0}")]
pub struct MalformedMessage(pub(super) String);
