//! Batches of lines, as they are sent and kept.

use std::collections::BTreeSet;

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

    /// The lines that none of these batches of the same stream has, in batches between which those
    /// stand: no batch then begins within another, which readers that go on at a batch rely on.
    pub fn without(self, kept: &[Self]) -> Vec<Self> {
        let known: BTreeSet<&Seq> =
            kept.iter().flat_map(|batch| &batch.lines).map(|line| &line.seq).collect();
        let mut rest: Vec<Self> = Vec::new();
        for line in self.lines {
            if known.contains(&line.seq) {
                continue;
            }
            let open = rest.last_mut().filter(|open| {
                kept.iter().all(|batch| batch.first < *open.last() || line.seq < batch.first)
            });
            match open {
                Some(open) => open.lines.push(line),
                None => rest.push(Self {
                    stream: self.stream.clone(),
                    first: line.seq.clone(),
                    lines: vec![line],
                    received_at: self.received_at,
                    // Counted once, whichever lines they were in.
                    replaced: if rest.is_empty() { self.replaced } else { 0 },
                }),
            }
        }
        rest
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(numbers: &[u64]) -> LogBatch {
        let line = |number: &u64| LogLine {
            stream: StreamName::default(),
            seq: Seq::Number(*number),
            at: Timestamp::default(),
            level: None,
            message: number.to_string(),
        };
        LogBatch {
            stream: StreamName::default(),
            first: Seq::Number(numbers[0]),
            lines: numbers.iter().map(line).collect(),
            received_at: Timestamp::default(),
            replaced: 3,
        }
    }

    /// The numbers of the lines of a new batch, of those that are kept, and of those that are left.
    type Case<'c> = (&'c [u64], &'c [&'c [u64]], &'c [&'c [u64]]);

    #[test]
    fn lines_that_are_kept_are_left_out_and_the_rest_stands_around_their_batches() {
        let cases: [Case<'_>; 7] = [
            (&[1, 2, 3], &[], &[&[1, 2, 3]]),
            (&[1, 2, 3], &[&[1, 2, 3]], &[]),
            (&[1, 2, 3], &[&[1, 2]], &[&[3]]),
            (&[1, 2, 3, 4, 5], &[&[3, 4]], &[&[1, 2], &[5]]),
            (&[1, 2, 3], &[&[9], &[2]], &[&[1], &[3]]),
            // The kept batch is between two lines of the new one, and shares none with it.
            (&[10, 30], &[&[20]], &[&[10], &[30]]),
            // It ends within the new one.
            (&[10, 20, 30], &[&[5, 20]], &[&[10, 30]]),
        ];
        for (new, kept, rest) in cases {
            let kept: Vec<_> = kept.iter().map(|numbers| batch(numbers)).collect();
            let left = batch(new).without(&kept);
            let numbers = |batch: &LogBatch| -> Vec<_> {
                batch.lines.iter().map(|line| line.seq.clone()).collect()
            };
            let wanted: Vec<Vec<_>> =
                rest.iter().map(|it| it.iter().copied().map(Seq::Number).collect()).collect();
            assert_eq!(left.iter().map(numbers).collect::<Vec<_>>(), wanted, "{new:?}");
            assert!(left.iter().all(|batch| batch.first == batch.lines[0].seq));
            let replaced: u32 = left.iter().map(|batch| batch.replaced).sum();
            assert_eq!(replaced, if left.is_empty() { 0 } else { 3 });
        }
    }
}
