//! The amount of a log that is kept, and the time for which it is.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Seq, StreamName};
use crate::{job::Job, time::Timestamp};

/// Newest lines of a job that whoever comes late is promised.
pub const PROMISED: u64 = 1000;
/// Most lines of a job that are kept; then the oldest batches go.
pub const MAX_KEPT: u64 = 50_000;
/// Most bytes of a job's packed lines that are kept, 64 MiB: fifty thousand lines of a kilobyte each
/// that hardly shrink. Lines of 16 KB would else add up to 800 MB.
pub const MAX_KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// The time for which a log is kept after its job has ended: 7 days.
pub const RETENTION: Duration = Duration::from_secs(7 * 86_400);
/// The time beyond [`RETENTION`] for which lines of a job that has not ended are kept, unless the job's
/// deadline is later: 30 days.
const UNENDED: Duration = Duration::from_secs(30 * 86_400);
/// The time for which lines of a job that the relay does not know wait for the job: 10 minutes.
pub const JOIN_WITHIN: Duration = Duration::from_secs(600);
/// Streams of which a [`LogLoss`] says how far they were dropped.
const MAX_DROPPED_STREAMS: usize = 64;

/// The size of a batch that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSize {
    /// The number of lines in the batch.
    pub lines: u64,
    /// Bytes of the packed lines.
    pub bytes: u64,
}

/// The number of these batches, oldest first, that are to go. The newest [`PROMISED`] lines stay.
pub fn surplus(batches: &[BatchSize]) -> usize {
    let sum = |count: fn(&BatchSize) -> u64| batches.iter().map(count).sum::<u64>();
    let (mut lines, mut bytes) = (sum(|batch| batch.lines), sum(|batch| batch.bytes));
    let mut gone = 0;
    for batch in batches {
        let fits = lines <= MAX_KEPT && bytes <= MAX_KEPT_BYTES;
        if fits || lines - batch.lines < PROMISED {
            break;
        }
        lines -= batch.lines;
        bytes -= batch.bytes;
        gone += 1;
    }
    gone
}

/// The time until which lines that come now are kept: [`RETENTION`] after the job's end. Of a job
/// that has not ended the end is taken for its deadline, or for 30 days from now if that is later.
/// `None` is a job that the relay did not look up, or does not know yet.
pub fn expiry(job: Option<&Job>, now: Timestamp) -> Timestamp {
    let end = match job {
        Some(Job { finished_at: Some(end), .. }) => *end,
        Some(job) => job.deadline_at.unwrap_or_default().max(now.plus(UNENDED)),
        None => now.plus(UNENDED),
    };
    end.plus(RETENTION)
}

/// Whether the log of a job is no longer kept, because the job ended too long ago.
pub fn is_over(job: &Job, now: Timestamp) -> bool {
    job.finished_at.is_some_and(|end| end.plus(RETENTION) < now)
}

/// Whether lines that came then belong to the log of a job that the relay first heard of at
/// `created_at`: they came later, or at most [`JOIN_WITHIN`] before.
pub fn is_visible(received_at: Timestamp, created_at: Timestamp) -> bool {
    created_at.since(received_at) <= JOIN_WITHIN
}

/// The part of a job's log that is not there: lines that were dropped, and batches that were refused
/// because other lines had their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLoss {
    /// Lines that went because newer ones came.
    pub dropped: u64,
    /// The last number of each stream that went, as [`Seq::key`] writes it.
    pub through: BTreeMap<StreamName, String>,
    /// Batches that came under the numbers of other lines.
    #[serde(skip)]
    pub conflicts: u64,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

impl LogLoss {
    /// The loss when these batches have gone, too, each with its stream, last number and size.
    #[must_use]
    pub fn with<'b>(
        &self,
        batches: impl IntoIterator<Item = (&'b StreamName, &'b Seq, BatchSize)>,
    ) -> Self {
        let mut next = self.clone();
        next.version += 1;
        for (stream, last, size) in batches {
            next.dropped += size.lines;
            let known = next.through.contains_key(stream);
            if known || next.through.len() < MAX_DROPPED_STREAMS {
                let key = last.key();
                let through = next.through.entry(stream.clone()).or_default();
                *through = key.max(std::mem::take(through));
            }
        }
        next
    }

    /// The number behind which a stream's lines were kept: that of the last line that went, or the
    /// one before the first.
    pub fn before(&self, stream: &StreamName) -> Seq {
        let through = self.through.get(stream).and_then(|key| Seq::parse_key(key));
        through.unwrap_or(Seq::Number(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Tenure;

    fn sizes(lines: &[u64]) -> Vec<BatchSize> {
        lines.iter().map(|lines| BatchSize { lines: *lines, bytes: lines * 10 }).collect()
    }

    #[test]
    fn the_oldest_batches_go_once_there_are_too_many_lines() {
        assert_eq!(surplus(&[]), 0);
        assert_eq!(surplus(&sizes(&[500; 100])), 0);
        assert_eq!(surplus(&sizes(&[500; 101])), 1);
        assert_eq!(surplus(&sizes(&[500; 120])), 20);
        assert_eq!(surplus(&sizes(&[1; 50_001])), 1);
        let mut mixed = sizes(&[1, 1]);
        mixed.extend(sizes(&[500; 100]));
        assert_eq!(surplus(&mixed), 2);
    }

    #[test]
    fn the_newest_thousand_lines_stay_however_large_they_are() {
        let huge = BatchSize { lines: 16, bytes: 256 * 1024 };
        let gone = surplus(&vec![huge; 1000]);
        let left = 1000 - gone as u64;
        assert_eq!(left, MAX_KEPT_BYTES / huge.bytes);
        assert!(PROMISED <= left * huge.lines);
        let monstrous = BatchSize { lines: 16, bytes: MAX_KEPT_BYTES };
        assert_eq!((100 - surplus(&[monstrous; 100])) * 16, 1008);
    }

    #[test]
    fn a_log_is_kept_for_a_week_after_its_jobs_end() {
        let now = Timestamp::from_secs(1_800_000_000);
        let day = |days: u64| Duration::from_secs(days * 86_400);
        let mut job = Job::unknown(Tenure::sample(), "s", "j", now);
        assert_eq!(expiry(None, now), now.plus(day(37)));
        assert_eq!(expiry(Some(&job), now), now.plus(day(37)));
        job.deadline_at = Some(now.plus(day(60)));
        assert_eq!(expiry(Some(&job), now), now.plus(day(67)));
        job.finished_at = Some(now);
        assert_eq!(expiry(Some(&job), now.plus(day(3))), now.plus(day(7)));
        assert!(!is_over(&job, now.plus(day(7))) && is_over(&job, now.plus(day(8))));
    }

    #[test]
    fn lines_wait_ten_minutes_for_their_job() {
        let came = Timestamp::from_secs(1_800_000_000);
        let after = |seconds| came.plus(Duration::from_secs(seconds));
        assert!(is_visible(came, came) && is_visible(after(60), came));
        assert!(is_visible(came, after(600)) && !is_visible(came, after(601)));
    }

    #[test]
    fn a_loss_remembers_how_far_each_stream_went() {
        let stream = |name: &str| StreamName::parse(name).expect("a name");
        let (out, err) = (stream("stdout"), stream("stderr"));
        let size = |lines| BatchSize { lines, bytes: 1 };
        let seq = |number| Seq::number(number).expect("in range");
        let loss = LogLoss::default();
        let (ten, twenty, five) = (seq(10), seq(20), seq(5));
        let loss = loss.with([(&out, &twenty, size(10)), (&out, &ten, size(10))]);
        let loss = loss.with([(&err, &five, size(5))]);
        assert_eq!((loss.dropped, loss.version), (25, 2));
        assert_eq!((loss.before(&out), loss.before(&err)), (twenty, five));
        assert_eq!(loss.before(&stream("other")), Seq::Number(0));
        let names: Vec<_> = (0..100).map(|n| stream(&format!("s{n}"))).collect();
        let many = loss.with(names.iter().map(|name| (name, &ten, size(1))));
        assert_eq!((many.dropped, many.through.len()), (125, MAX_DROPPED_STREAMS));
    }
}
