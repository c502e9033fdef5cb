//! Logs of jobs: bodies, lines, packed batches, and several streams in one order.

use domain::{
    log::{
        BatchPlace, LogBatch, LogEntry, LogLine, LogToken, MAX_LINE, MAX_SEQ, Seq, StreamName,
        StreamPart, cleaned, pack, read_json, read_text, timeline, unpack,
    },
    time::Timestamp,
};
use proptest::prelude::*;
use serde_json::json;

use crate::config;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn numbers() -> impl Strategy<Value = Seq> {
    (1..=MAX_SEQ).prop_map(Seq::Number)
}

fn ids() -> impl Strategy<Value = Seq> {
    "[0-9]{1,64}".prop_map(|digits| Seq::event(&digits).expect("digits"))
}

/// Batches of a stream: where each begins, when it came, and the times of its lines.
fn batches() -> impl Strategy<Value = Vec<(u64, u64, Vec<u64>)>> {
    let batch = (1..60_u64, 0..100_u64, prop::collection::vec(0..50_u64, 1..8));
    prop::collection::vec(batch, 0..8)
}

fn part(name: &str, behind: Option<u64>, batches: &[(u64, u64, Vec<u64>)]) -> StreamPart {
    let stream = StreamName::parse(name).expect("a name");
    let batch = |(first, came, times): &(u64, u64, Vec<u64>)| LogBatch {
        stream: stream.clone(),
        first: Seq::Number(*first),
        lines: (*first..)
            .zip(times)
            .map(|(seq, at)| LogLine {
                stream: stream.clone(),
                seq: Seq::Number(seq),
                at: Timestamp(*at),
                level: None,
                message: format!("{came}"),
            })
            .collect(),
        received_at: Timestamp(*came),
        replaced: 0,
    };
    let batches = batches.iter().map(batch).collect();
    StreamPart { stream, behind: behind.map(Seq::Number), batches }
}

fn number(seq: &Seq) -> u64 {
    match seq {
        Seq::Number(number) => *number,
        Seq::Event(_) => panic!("a number"),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_line_is_kept_within_its_bounds(line in prop::collection::vec(any::<u8>(), 0..40_000)) {
        let kept = cleaned(&line);
        prop_assert!(kept.message.len() <= MAX_LINE);
        prop_assert!(!kept.message.contains(['\0', '\r']));
        prop_assert!(!kept.message.ends_with('\n'));
        prop_assert_eq!(0 < kept.cut, kept.message.contains("…[cut "));
    }

    #[test]
    fn a_plain_line_is_kept_as_it_is(line in "[^\u{0}\r\n\u{fffd}]{0,200}") {
        let kept = cleaned(line.as_bytes());
        prop_assert_eq!((kept.message, kept.replaced, kept.cut), (line, 0, 0));
    }

    #[test]
    fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..3000), first in 1..=MAX_SEQ) {
        let place = BatchPlace { first_seq: Some(first), job: "j", ..BatchPlace::default() };
        let read = [read_text(&body, &place, NOW), read_json(&body, &place, NOW)];
        for batch in read.into_iter().flatten() {
            prop_assert!((1..=500).contains(&batch.lines.len()));
            for (line, wanted) in batch.lines.iter().zip(first..) {
                prop_assert_eq!(&line.seq, &Seq::Number(wanted));
            }
        }
    }

    #[test]
    fn lines_of_json_come_as_they_were_written(
        lines in prop::collection::vec("[^\u{0}\r\n\u{fffd}]{0,40}", 1..20),
        first in 1..MAX_SEQ - 20,
        as_objects: bool,
    ) {
        let written: Vec<_> = lines
            .iter()
            .map(|line| if as_objects { json!({ "message": line }) } else { json!(line) })
            .collect();
        let body = json!({ "stream": "s", "first_seq": first, "lines": written }).to_string();
        let batch = read_json(body.as_bytes(), &BatchPlace::default(), NOW).expect("read");
        let read: Vec<_> = batch.lines.iter().map(|line| line.message.clone()).collect();
        prop_assert_eq!(read, lines);
        prop_assert_eq!(batch.next_seq(), Seq::Number(first + batch.lines.len() as u64));
    }

    #[test]
    fn packed_lines_are_the_lines(
        texts in prop::collection::vec((any::<String>(), any::<u64>(), prop::option::of("[a-z]{1,8}")), 0..30),
        first in prop_oneof![numbers(), ids()],
    ) {
        let stream = StreamName::default();
        let lines: Vec<_> = (0..)
            .zip(texts)
            .map(|(at, (message, time, level))| LogLine {
                stream: stream.clone(),
                seq: first.plus(at),
                at: Timestamp(time),
                level,
                message,
            })
            .collect();
        prop_assert_eq!(unpack(&stream, &first, &pack(&lines)), Some(lines));
    }

    #[test]
    fn keys_of_numbers_sort_as_the_numbers(
        pair in prop_oneof![(numbers(), numbers()), (ids(), ids())],
    ) {
        let (one, other) = pair;
        prop_assert_eq!(one.cmp(&other), one.key().cmp(&other.key()));
        prop_assert_eq!(Seq::parse_key(&one.key()), Some(one));
    }

    #[test]
    fn a_timeline_has_each_line_once_and_each_stream_in_its_order(
        out in batches(), err in batches(), behind in prop::option::of(0..30_u64),
    ) {
        let all = timeline(vec![part("out", behind, &out), part("err", behind, &err)]);
        for (name, batches) in [("out", &out), ("err", &err)] {
            let known = |(first, _, times): &(u64, u64, Vec<u64>)| *first..*first + times.len() as u64;
            let mut wanted: Vec<u64> = batches.iter().flat_map(known).collect();
            wanted.sort_unstable();
            wanted.dedup();
            wanted.retain(|seq| behind.is_none_or(|behind| behind < *seq));
            let entries = all.iter().filter(|entry| entry.stream().as_str() == name);
            let (mut lines, mut covered) = (Vec::new(), behind);
            for entry in entries {
                match entry {
                    LogEntry::Line(line) => {
                        lines.push(number(&line.seq));
                        // The first batch to come has its place.
                        let came = |(first, came, times): &(u64, u64, Vec<u64>)| {
                            let last = *first + times.len() as u64;
                            (*first..last).contains(&number(&line.seq)).then_some(*came)
                        };
                        let first = batches.iter().filter_map(came).min().map(|came| came.to_string());
                        prop_assert_eq!(Some(&line.message), first.as_ref());
                        covered = Some(number(&line.seq));
                    }
                    LogEntry::Missing { first, lines: missing, .. } => {
                        prop_assert_eq!(Some(number(first)), covered.map(|last| last + 1));
                        prop_assert!(0 < *missing);
                        covered = covered.map(|last| last + missing);
                    }
                }
            }
            prop_assert_eq!(lines, wanted);
        }
    }

    #[test]
    fn any_text_is_a_token_or_none(text in prop_oneof![any::<String>(), "lt_[a-z0-9_]{0,60}"]) {
        if let Some(token) = LogToken::parse(&text) {
            prop_assert_eq!(token.to_string(), text);
        }
    }
}
