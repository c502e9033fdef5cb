//! Lines that wait to be sent: a ring of bounded size, between the threads that read the command's
//! output and the task that sends it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use domain::{log::MAX_LINES, time::Timestamp};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// Lines that wait at the most; then the oldest go.
pub(super) const MAX_WAITING: usize = 10_000;
/// Bytes of text that wait at the most, 16 MB; then the oldest lines go.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Lines with which a batch is worth sending at once.
pub(super) const WORTH_SENDING: usize = 50;
/// Bytes of JSON in a batch, below the 256 KB that the relay takes.
const MAX_BATCH: usize = 200_000;
/// Bytes of JSON around the text of a line, with its time.
const AROUND: usize = 48;

/// The output that a line belongs to, which is the stream of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// The standard output of the command.
    Stdout,
    /// The standard error of the command.
    Stderr,
}

impl Output {
    /// The name of the stream.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

#[derive(Debug)]
struct WaitingLine {
    output: Output,
    number: u64,
    at: Timestamp,
    text: String,
}

/// A batch that is to be sent: lines of one stream, whose numbers follow on each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WaitingBatch {
    output: Output,
    first: u64,
    last: u64,
    /// The body of the request.
    pub(super) body: Value,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<WaitingLine>,
    bytes: usize,
    /// Number of the last line of each stream.
    last: [u64; 2],
    dropped: usize,
    /// Whether nobody will send the lines that still come.
    abandoned: bool,
    closed: bool,
}

/// The lines of the command that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    ring: Mutex<Ring>,
    changed: Notify,
}

impl Backlog {
    /// Adds a line, and drops the oldest if there are too many.
    pub(super) fn push(&self, output: Output, text: String, at: Timestamp) {
        let mut ring = self.ring();
        let last = &mut ring.last[output as usize];
        *last += 1;
        let line = WaitingLine { output, number: *last, at, text };
        ring.bytes += line.text.len();
        ring.lines.push_back(line);
        while MAX_WAITING < ring.lines.len() || MAX_BYTES < ring.bytes || ring.abandoned {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.text.len();
            ring.dropped += 1;
        }
        drop(ring);
        self.changed.notify_one();
    }

    /// Says that no more lines come.
    pub(super) fn close(&self) {
        self.ring().closed = true;
        self.changed.notify_one();
    }

    /// Drops all lines, and those that come: the relay takes none.
    pub(super) fn abandon(&self) {
        let mut ring = self.ring();
        ring.dropped += ring.lines.len();
        (ring.bytes, ring.abandoned) = (0, true);
        ring.lines.clear();
    }

    /// Waits until the number of waiting lines, or whether more come, has changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether a batch is worth sending at once.
    pub(super) fn is_full(&self) -> bool {
        let ring = self.ring();
        WORTH_SENDING <= ring.lines.len() || ring.closed
    }

    /// Whether no line waits to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.ring().lines.is_empty()
    }

    /// Whether no more lines come.
    pub(super) fn is_closed(&self) -> bool {
        self.ring().closed
    }

    /// The lines that were not sent: dropped, or still waiting.
    pub(super) fn unsent(&self) -> usize {
        let ring = self.ring();
        ring.dropped + ring.lines.len()
    }

    /// The oldest lines of the stream of the oldest line, as many as fit into a batch; `None` if no line
    /// waits. They keep waiting until they are [`taken`](Self::taken).
    pub(super) fn batch(&self) -> Option<WaitingBatch> {
        let ring = self.ring();
        let WaitingLine { output, number: first, .. } = ring.lines.front()?;
        let (mut lines, mut size) = (Vec::new(), 0);
        for line in ring.lines.iter().filter(|line| line.output == *output) {
            size += json!(line.text).to_string().len() + AROUND;
            if lines.len() == MAX_LINES || (!lines.is_empty() && MAX_BATCH < size) {
                break;
            }
            lines.push(json!({ "message": line.text, "timestamp": line.at.0 }));
        }
        let last = first + lines.len() as u64 - 1;
        let body = json!({ "stream": output.name(), "first_seq": first, "lines": lines });
        Some(WaitingBatch { output: *output, first: *first, last, body })
    }

    /// Removes the lines of a batch that the relay has, or refuses for good.
    pub(super) fn taken(&self, batch: &WaitingBatch, refused: bool) {
        let mut ring = self.ring();
        let before = ring.lines.len();
        ring.lines.retain(|line| {
            line.output != batch.output || !(batch.first..=batch.last).contains(&line.number)
        });
        ring.bytes = ring.lines.iter().map(|line| line.text.len()).sum();
        let removed = before - ring.lines.len();
        if refused {
            ring.dropped += removed;
        } else {
            // Lines that the ring dropped while they were on their way arrived all the same.
            let sent = usize::try_from(batch.last + 1 - batch.first).unwrap_or(removed);
            ring.dropped = ring.dropped.saturating_sub(sent.saturating_sub(removed));
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn push(backlog: &Backlog, output: Output, text: &str) {
        backlog.push(output, text.to_owned(), NOW);
    }

    fn texts(batch: &WaitingBatch) -> Vec<&str> {
        let lines = batch.body["lines"].as_array().into_iter().flatten();
        lines.map(|line| line["message"].as_str().expect("text")).collect()
    }

    #[test]
    fn a_batch_has_lines_of_one_stream_numbered_from_one() {
        let backlog = Backlog::default();
        assert_eq!(backlog.batch(), None);
        push(&backlog, Output::Stdout, "one");
        push(&backlog, Output::Stderr, "oops");
        push(&backlog, Output::Stdout, "two");
        let out = backlog.batch().expect("lines");
        let want = json!({ "stream": "stdout", "first_seq": 1, "lines": [
            { "message": "one", "timestamp": NOW.0 }, { "message": "two", "timestamp": NOW.0 },
        ] });
        assert_eq!(out.body, want);
        assert_eq!(backlog.batch(), Some(out.clone()), "it waits until the relay has it");
        push(&backlog, Output::Stdout, "three");
        backlog.taken(&out, false);
        let err = backlog.batch().expect("lines");
        assert_eq!((err.output, err.first, texts(&err)), (Output::Stderr, 1, vec!["oops"]));
        backlog.taken(&err, false);
        let rest = backlog.batch().expect("lines");
        assert_eq!((rest.output, rest.first, texts(&rest)), (Output::Stdout, 3, vec!["three"]));
        backlog.taken(&rest, false);
        assert!(backlog.is_empty());
        assert_eq!(backlog.unsent(), 0);
    }

    #[test]
    fn fifty_lines_are_worth_sending_and_the_last_ones_are() {
        let backlog = Backlog::default();
        for _ in 0..49 {
            push(&backlog, Output::Stdout, "x");
        }
        assert!(!backlog.is_full());
        push(&backlog, Output::Stderr, "x");
        assert!(backlog.is_full());
        let few = Backlog::default();
        push(&few, Output::Stdout, "x");
        assert!(!few.is_full());
        few.close();
        assert!(few.is_full() && few.is_closed());
    }

    #[test]
    fn a_batch_fits_into_a_request() {
        let backlog = Backlog::default();
        for _ in 0..600 {
            push(&backlog, Output::Stdout, "short");
        }
        assert_eq!(texts(&backlog.batch().expect("lines")).len(), MAX_LINES);
        let wide = Backlog::default();
        let escapes = "\u{1b}".repeat(domain::log::MAX_LINE);
        for _ in 0..3 {
            push(&wide, Output::Stdout, &escapes);
        }
        let batch = wide.batch().expect("lines");
        assert_eq!(texts(&batch).len(), 2);
        assert!(batch.body.to_string().len() <= domain::log::MAX_BODY);
    }

    #[test]
    fn the_oldest_lines_go_and_leave_a_hole_in_the_numbers() {
        let backlog = Backlog::default();
        for number in 1..=MAX_WAITING + 3 {
            push(&backlog, Output::Stdout, &number.to_string());
        }
        let batch = backlog.batch().expect("lines");
        assert_eq!((batch.first, texts(&batch)[0]), (4, "4"));
        assert_eq!(backlog.unsent(), MAX_WAITING + 3);
        // A batch that was on its way when the ring dropped its first lines takes the others with it.
        for _ in 0..10 {
            push(&backlog, Output::Stderr, "x");
        }
        backlog.taken(&batch, false);
        assert_eq!(backlog.batch().map(|next| next.first), Some(batch.last + 1));
        assert_eq!(backlog.unsent(), 3 + MAX_WAITING - (MAX_LINES - 10));
    }

    #[test]
    fn many_bytes_go_before_there_are_many_lines() {
        let backlog = Backlog::default();
        let wide = "x".repeat(domain::log::MAX_LINE);
        for _ in 0..2 * MAX_BYTES / wide.len() {
            push(&backlog, Output::Stdout, &wide);
        }
        assert_eq!(backlog.unsent(), 2 * MAX_BYTES / wide.len());
        let waiting = backlog.ring().lines.len();
        assert_eq!(waiting, MAX_BYTES / wide.len());
    }

    #[test]
    fn what_nobody_takes_is_counted_and_not_kept() {
        let backlog = Backlog::default();
        push(&backlog, Output::Stdout, "one");
        let batch = backlog.batch().expect("lines");
        backlog.taken(&batch, true);
        push(&backlog, Output::Stdout, "two");
        backlog.abandon();
        push(&backlog, Output::Stderr, "three");
        assert!(backlog.is_empty());
        assert_eq!(backlog.unsent(), 3);
    }
}
