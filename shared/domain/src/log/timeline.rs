//! The lines of several streams in one order.

use super::{LogBatch, LogLine, Seq, StreamName};
use crate::time::Timestamp;

/// A part of a stream that was read.
#[derive(Clone, Debug)]
pub struct StreamPart {
    /// The stream that the part belongs to.
    pub stream: StreamName,
    /// The number behind which the part begins; lines up to it are left out. `None` if nothing is
    /// known of what comes before the part, so that nothing is noticed to be missing there.
    pub behind: Option<Seq>,
    /// The batches, in any order.
    pub batches: Vec<LogBatch>,
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// A line that is kept.
    Line(LogLine),
    /// Lines that never came, or have not come yet.
    Missing {
        /// The stream in which the lines are missing.
        stream: StreamName,
        /// The number of the first of them.
        first: Seq,
        /// The number of missing lines.
        lines: u64,
        /// The time of the line behind them.
        at: Timestamp,
    },
}

impl LogEntry {
    /// The stream of the entry.
    pub const fn stream(&self) -> &StreamName {
        match self {
            Self::Line(line) => &line.stream,
            Self::Missing { stream, .. } => stream,
        }
    }

    /// The time of the entry.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Line(line) => line.at,
            Self::Missing { at, .. } => *at,
        }
    }
}

/// The entries of all parts by time. The lines of a stream stay in the order of their numbers,
/// whatever their times say: a line whose time is before that of the line before it counts as of the
/// same time. Of two lines with one number the one that came first stays.
pub fn timeline(parts: Vec<StreamPart>) -> Vec<LogEntry> {
    let mut all: Vec<(Timestamp, LogEntry)> = Vec::new();
    let mut parts = parts;
    parts.sort_by(|one, other| one.stream.cmp(&other.stream));
    for part in parts {
        let mut last = Timestamp::default();
        for entry in entries(part) {
            last = last.max(entry.at());
            all.push((last, entry));
        }
    }
    // Stable, so that entries of one time stay together by stream.
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// The entries of one stream, in the order of their numbers.
fn entries(part: StreamPart) -> Vec<LogEntry> {
    let StreamPart { stream, behind, batches } = part;
    let came = |batch: LogBatch| {
        let received_at = batch.received_at;
        batch.lines.into_iter().map(move |line| (received_at, line))
    };
    let mut lines: Vec<_> = batches.into_iter().flat_map(came).collect();
    lines.sort_by(|(one_at, one), (other_at, other)| {
        one.seq.cmp(&other.seq).then(one_at.cmp(other_at))
    });
    lines.dedup_by(|(_, later), (_, kept)| later.seq == kept.seq);
    let mut last = behind;
    let mut entries = Vec::with_capacity(lines.len());
    for (_, line) in lines {
        if let Some(last) = &last {
            if line.seq <= *last {
                continue;
            }
            let missing = last.missing_before(&line.seq);
            if 0 < missing {
                let (stream, first) = (stream.clone(), last.plus(1));
                entries.push(LogEntry::Missing { stream, first, lines: missing, at: line.at });
            }
        }
        last = Some(line.seq.clone());
        entries.push(LogEntry::Line(line));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::number(number).expect("in range")
    }

    fn batch(stream: &StreamName, first: u64, received: u64, lines: &[(u64, &str)]) -> LogBatch {
        let line = |(at, (time, text)): (u64, &(u64, &str))| LogLine {
            stream: stream.clone(),
            seq: seq(first + at),
            at: Timestamp(*time),
            level: None,
            message: (*text).to_owned(),
        };
        LogBatch {
            stream: stream.clone(),
            first: seq(first),
            lines: (0..).zip(lines).map(line).collect(),
            received_at: Timestamp(received),
            replaced: 0,
        }
    }

    /// A batch: its first number, when it came, and its lines with their times.
    type Sent<'t> = (u64, u64, &'t [(u64, &'t str)]);

    fn part(stream: &str, behind: Option<u64>, batches: &[Sent<'_>]) -> StreamPart {
        let stream = StreamName::parse(stream).expect("a name");
        let batches = batches.iter().map(|(first, at, lines)| batch(&stream, *first, *at, lines));
        let batches = batches.collect();
        StreamPart { stream, behind: behind.map(Seq::Number), batches }
    }

    fn shown(parts: Vec<StreamPart>) -> Vec<String> {
        let shown = |entry| match entry {
            LogEntry::Line(line) => line.message,
            LogEntry::Missing { stream, first, lines, .. } => {
                format!("{lines} missing of {stream} from {first}")
            }
        };
        timeline(parts).into_iter().map(shown).collect()
    }

    #[test]
    fn streams_are_put_into_one_order_by_time() {
        let out = part("out", Some(0), &[(1, 0, &[(10, "o1"), (30, "o2")]), (3, 0, &[(50, "o3")])]);
        let err = part("err", Some(0), &[(1, 0, &[(20, "e1"), (50, "e2")])]);
        assert_eq!(shown(vec![out, err]), ["o1", "e1", "o2", "e2", "o3"]);
    }

    #[test]
    fn a_stream_keeps_its_order_whatever_its_times_say() {
        let out = part("out", Some(0), &[(1, 0, &[(100, "o1"), (10, "o2"), (90, "o3")])]);
        let err = part("err", Some(0), &[(1, 0, &[(50, "e1"), (101, "e2")])]);
        assert_eq!(shown(vec![out, err]), ["e1", "o1", "o2", "o3", "e2"]);
    }

    #[test]
    fn holes_are_shown_where_they_are_known() {
        let batches: &[Sent<'_>] = &[(15, 0, &[(2, "b")]), (2, 0, &[(1, "a")])];
        let holes = ["1 missing of out from 1", "a", "12 missing of out from 3", "b"];
        assert_eq!(shown(vec![part("out", Some(0), batches)]), holes);
        assert_eq!(shown(vec![part("out", None, batches)]), ["a", "12 missing of out from 3", "b"]);
        assert_eq!(shown(vec![part("out", Some(2), batches)]), ["12 missing of out from 3", "b"]);
        assert!(shown(vec![part("out", Some(15), batches)]).is_empty());
    }

    #[test]
    fn of_lines_with_one_number_the_first_to_come_stays() {
        let late: &[(u64, &str)] = &[(1, "a"), (1, "X"), (1, "c")];
        let twice = part("out", Some(0), &[(1, 9, late), (2, 5, &[(1, "b")])]);
        assert_eq!(shown(vec![twice]), ["a", "b", "c"]);
    }
}
