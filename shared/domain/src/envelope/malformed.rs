//! A message that cannot be read.

/// A message that cannot be read. SQS delivers it again, and after some rounds
/// ([`UNREADABLE_RECEIVES`](crate::retry::UNREADABLE_RECEIVES) on the inbox) it is parked as a dead letter with its bytes.
#[derive(Debug, thiserror::Error)]
#[error("message is not what this queue carries: {0}")]
pub struct MalformedMessage(pub(crate) String);
