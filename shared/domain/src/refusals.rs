//! Refused requests of senders: why, how often, and the newest of each source.
//!
//! Nothing of a body and no value of a header is kept. An instance of `ingest` keeps a
//! [`RefusalTally`] in memory and writes what it noted at most once in ten seconds for each source, so
//! that whoever sends forgeries cannot make the relay write more.

mod reason;
mod sample;
mod sentence;
mod tally;

pub use self::{
    reason::RefusalReason,
    sample::{MAX_SAMPLES, RefusalSample, RefusedRequest},
    sentence::{of_signature, unreadable},
    tally::{MAX_PLACES, RefusalBatch, RefusalPlace, RefusalTally, WRITE_EVERY},
};

/// The time for which refusals are kept.
pub const KEPT: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

#[cfg(test)]
mod tests;
