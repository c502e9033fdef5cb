//! Batches of lines, as they are sent and kept.

use super::{Seq, StreamName};
use crate::{id, time::Timestamp};

/// Most lines of a batch.
pub const MAX_LINES: usize = 500;

/// One line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The stream that the line belongs to.
    pub stream: StreamName,
    /// The number of the line in its stream.
    pub seq: Seq,
    /// The time that the sender gives, or that at which the batch came.
    pub at: Timestamp,
    /// The level in small letters, if the sender gives one.
    pub level: Option<String>,
    /// The text, as [`cleaned`](super::cleaned) leaves it.
    pub message: String,
}

/// Lines of one stream that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// The stream that all the lines belong to.
    pub stream: StreamName,
    /// The number of the first line; with the stream the identity of the batch.
    pub first: Seq,
    /// The lines, in the order of their numbers; 1 to [`MAX_LINES`] of them.
    pub lines: Vec<LogLine>,
    /// The time at which the batch came.
    pub received_at: Timestamp,
    /// Characters in the lines that stand for something that cannot be kept.
    pub replaced: u32,
}

impl LogBatch {
    /// The number that the sender's next line has.
    pub fn next_seq(&self) -> Seq {
        self.first.plus(self.lines.len() as u64)
    }

    /// The number of the last line.
    pub fn last(&self) -> &Seq {
        self.lines.last().map_or(&self.first, |line| &line.seq)
    }

    /// A digest of what the sender wrote. The times of the lines are no part of it: a line without one
    /// has the time at which it came, which is another when it comes again.
    pub fn fingerprint(&self) -> String {
        let level = |line: &LogLine| line.level.clone().unwrap_or_default();
        let levels: Vec<_> = self.lines.iter().map(level).collect();
        let texts = self.lines.iter().zip(&levels);
        let parts: Vec<_> =
            texts.flat_map(|(line, level)| [line.message.as_str(), level.as_str()]).collect();
        id::digest(&parts)
    }
}
