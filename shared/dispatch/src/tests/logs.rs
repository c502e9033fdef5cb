//! Logs of jobs: what is kept, what is dropped, and how it is read.

use domain::{
    id::{SourceId, Tenure},
    job::Job,
    log::{
        BatchPlace, LogBatch, LogEntry, LogOwner, LogPosition, MAX_BODY, MAX_KEPT, Seq, StreamName,
        read_json, read_text,
    },
};
use serde_json::json;

use super::*;
use crate::logs::{KeepOutcome, LogPage, Logs};

fn tenure() -> Tenure {
    Tenure { source: SourceId::derive(&["s"]), application: ApplicationId::named("acme") }
}

struct Log {
    _world: World,
    table: Table,
    logs: Logs,
    job: Job,
}

impl Log {
    async fn start() -> Self {
        let world = World::start().await;
        let table = world.calls.context.table.clone();
        let job = Job::unknown(tenure(), "s", "job-1", START);
        Self { _world: world, logs: Logs::new(table.clone()), table, job }
    }

    /// Another process over the same table.
    fn process(&self) -> Logs {
        Logs::new(self.table.clone())
    }

    async fn keep(&self, batch: &LogBatch) -> KeepOutcome {
        self.logs.keep(&LogOwner::of(&self.job), batch, second(9_999_999)).await.expect("kept")
    }

    /// Keeps lines that say their numbers.
    async fn numbered(&self, stream: &str, first: u64, lines: u64, at: u64) {
        let kept = self.keep(&numbered(stream, first, lines, at)).await;
        assert_eq!(kept, KeepOutcome::Kept, "{stream} {first}");
    }

    async fn newest(&self, lines: usize) -> LogPage {
        self.logs.newest(&self.job, lines).await.expect("read")
    }

    async fn behind(&self, position: Option<LogPosition>, lines: usize) -> LogPage {
        // As it comes back from a client.
        let position = position.map(|it| LogPosition::parse(&it.to_string()).expect("a token"));
        self.logs.behind(&self.job, position, lines).await.expect("read")
    }

    /// Every entry, read in pages of this size from the beginning.
    async fn whole(&self, lines: usize) -> Vec<String> {
        let (mut all, mut position) = (Vec::new(), None);
        loop {
            let page = self.behind(position, lines).await;
            assert!(page.entries.len() <= lines);
            assert!(!page.more || !page.entries.is_empty(), "a page that goes on has something");
            all.extend(texts(&page));
            position = Some(page.position);
            if !page.more {
                return all;
            }
        }
    }
}

/// The instant so many seconds after the tests' beginning.
fn second(at: u64) -> Timestamp {
    START.plus(Duration::from_secs(at))
}

fn batch(stream: &str, first: u64, lines: &[String], at: u64) -> LogBatch {
    let body = json!({ "stream": stream, "first_seq": first, "lines": lines });
    read_json(body.to_string().as_bytes(), &BatchPlace::default(), second(at)).expect("a batch")
}

fn numbered(stream: &str, first: u64, lines: u64, at: u64) -> LogBatch {
    let lines: Vec<_> = (first..first + lines).map(|seq| format!("{stream} {seq}")).collect();
    batch(stream, first, &lines, at)
}

fn texts(page: &LogPage) -> Vec<String> {
    let text = |entry: &LogEntry| match entry {
        LogEntry::Line(line) => line.message.clone(),
        LogEntry::Missing { stream, first, lines, .. } => {
            format!("{lines} missing of {stream} from {first}")
        }
    };
    page.entries.iter().map(text).collect()
}

fn said(stream: &str, numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    numbers.map(|seq| format!("{stream} {seq}")).collect()
}

#[tokio::test]
async fn a_batch_that_comes_twice_is_kept_once_and_the_first_of_two_stays() {
    let log = Log::start().await;
    log.numbered("out", 1, 3, 0).await;
    // Sent again a minute later, by way of another process.
    let again = log.process();
    let again =
        again.keep(&LogOwner::of(&log.job), &numbered("out", 1, 3, 60), second(9_999_999)).await;
    assert_eq!(again.expect("kept"), KeepOutcome::Known);
    let other = batch("out", 1, &["other".to_owned()], 61);
    assert_eq!(log.keep(&other).await, KeepOutcome::Conflict);
    let page = log.newest(10).await;
    assert_eq!(texts(&page), said("out", 1..=3));
    assert_eq!((page.loss.conflicts, page.loss.dropped), (1, 0));
    assert!(!page.more);
}

#[tokio::test]
async fn lines_are_read_on_from_where_the_last_page_ended() {
    let log = Log::start().await;
    for turn in 0..8 {
        log.numbered("out", 1 + turn * 7, 7, turn).await;
        log.numbered("err", 1 + turn * 2, 2, turn).await;
    }
    let all = log.whole(1000).await;
    assert_eq!(all.len(), 72);
    assert_eq!(&all[..9], [said("err", 1..=2), said("out", 1..=7)].concat());
    for lines in [1, 3, 10, 64] {
        assert_eq!(log.whole(lines).await, all, "{lines}");
    }
    let tail = log.newest(11).await;
    assert_eq!(texts(&tail), all[61..]);
    // Nothing is new, then something is, of a stream that began meanwhile too.
    let none = log.behind(Some(tail.position), 100).await;
    assert!(none.entries.is_empty() && !none.more);
    log.numbered("out", 57, 2, 9).await;
    log.numbered("aaa", 1, 1, 10).await;
    log.numbered("zzz#%", 1, 1, 11).await;
    log.numbered("middle", 1, 1, 12).await;
    let new = log.behind(Some(none.position), 100).await;
    let wanted =
        [said("out", 57..=58), said("aaa", 1..=1), said("zzz#%", 1..=1), said("middle", 1..=1)];
    assert_eq!(texts(&new), wanted.concat());
    assert!(log.behind(Some(new.position), 100).await.entries.is_empty());
}

#[tokio::test]
async fn lines_behind_a_number_can_be_asked_for() {
    let log = Log::start().await;
    log.numbered("out", 1, 50, 0).await;
    log.numbered("out", 51, 50, 1).await;
    for after in [0, 1, 49, 50, 51, 99, 100, 200] {
        let position = log.logs.position_after(&log.job, &Seq::Number(after)).await.expect("read");
        let page = log.behind(Some(position), 1000).await;
        assert_eq!(texts(&page), said("out", after + 1..=100), "{after}");
    }
}

#[tokio::test]
async fn holes_are_shown_and_closed() {
    let log = Log::start().await;
    log.numbered("out", 3, 2, 0).await;
    log.numbered("out", 17, 1, 1).await;
    let holes = ["2 missing of out from 1", "out 3", "out 4", "12 missing of out from 5", "out 17"];
    assert_eq!(log.whole(100).await, holes);
    for lines in [2, 3, 4] {
        assert_eq!(log.whole(lines).await, holes, "{lines}");
    }
    log.numbered("out", 1, 2, 2).await;
    log.numbered("out", 5, 12, 3).await;
    assert_eq!(log.whole(100).await, said("out", 1..=17));
}

#[tokio::test]
async fn lines_that_came_too_long_before_their_job_are_not_shown() {
    let mut log = Log::start().await;
    log.numbered("out", 1, 2, 0).await;
    log.numbered("out", 3, 2, 300).await;
    log.job.created_at = second(700);
    for lines in [1, 100] {
        assert_eq!(log.whole(lines).await, said("out", 3..=4));
    }
    assert_eq!(texts(&log.newest(100).await), said("out", 3..=4));
}

#[tokio::test]
async fn a_job_that_logs_too_much_is_told_to_wait() {
    let log = Log::start().await;
    let (mut kept, mut first) = (0, 1);
    for _ in 0..20 {
        let outcome = log.keep(&numbered("out", first, 500, 0)).await;
        if outcome == KeepOutcome::Kept {
            (kept, first) = (kept + 500, first + 500);
        } else {
            assert_eq!(outcome, KeepOutcome::TooMany(1));
        }
    }
    assert_eq!(kept, 5_000);
    assert_eq!(log.keep(&numbered("out", first, 500, 1)).await, KeepOutcome::Kept);
    // Another job is not held up, nor does this one lose what it has.
    let other = LogOwner::at(&tenure(), "other");
    let outcome = log.logs.keep(&other, &numbered("out", 1, 500, 0), second(9_999_999)).await;
    assert_eq!(outcome.expect("kept"), KeepOutcome::Kept);
}

#[tokio::test]
async fn of_too_many_lines_the_oldest_go_and_are_counted() {
    let log = Log::start().await;
    for turn in 0..110 {
        log.numbered("out", 1 + turn * 500, 500, turn).await;
    }
    let loss = log.table.log_loss(&log.job.id).await.expect("read");
    assert_eq!(loss.dropped, 110 * 500 - MAX_KEPT);
    let page = log.behind(None, 3).await;
    assert_eq!(texts(&page), said("out", 5001..=5003), "what was dropped is not called missing");
    assert!(page.more);
    let old = log.logs.position_after(&log.job, &Seq::Number(17)).await.expect("read");
    assert_eq!(texts(&log.behind(Some(old), 1).await), said("out", 5001..=5001));
    assert_eq!(texts(&log.newest(1000).await), said("out", 54_001..=55_000));
    // Again changes nothing; two at once count each line once.
    for turn in 110..115 {
        let (process, batch) = (log.process(), numbered("out", 1 + turn * 500, 500, turn));
        let kept = process.keep(&LogOwner::of(&log.job), &batch, second(9_999_999)).await;
        assert_eq!(kept.expect("kept"), KeepOutcome::Kept);
    }
    let (one, other, until) = (log.process(), log.process(), second(9_999_999));
    let (one, other) =
        tokio::join!(one.drop_oldest(&log.job.id, until), other.drop_oldest(&log.job.id, until));
    one.and(other).expect("dropped");
    let loss = log.table.log_loss(&log.job.id).await.expect("read");
    assert_eq!(loss.dropped, 115 * 500 - MAX_KEPT);
    let streams = log.table.log_streams(&log.job.id, 9).await.expect("read");
    assert_eq!(streams, [StreamName::parse("out").expect("a name")]);
}

#[tokio::test]
async fn a_batch_of_the_largest_size_is_kept_whatever_is_in_it() {
    let log = Log::start().await;
    // Characters that JSON writes with six bytes each, and that hardly shrink.
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        1 + (state >> 40) as u8 % 126
    };
    let mut body: Vec<u8> = (0..MAX_BODY).map(|_| random()).collect();
    body.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b'x');
    (1..17).for_each(|line| body[line * 16_000] = b'\n');
    let place = BatchPlace { first_seq: Some(1), ..BatchPlace::default() };
    let batch = read_text(&body, &place, START).expect("read");
    assert_eq!(log.keep(&batch).await, KeepOutcome::Kept);
    let page = log.newest(500).await;
    let lines: Vec<_> = batch.lines.into_iter().map(LogEntry::Line).collect();
    assert_eq!(page.entries, lines);
}

#[tokio::test]
async fn a_page_ends_where_an_answer_would_grow_too_large() {
    let log = Log::start().await;
    let lines = std::array::from_fn::<_, 10, _>(|_| "\u{1b}".repeat(16_000)).join("\n");
    for turn in 0..8 {
        let place = BatchPlace { first_seq: Some(1 + turn * 10), ..BatchPlace::default() };
        let batch = read_text(lines.as_bytes(), &place, second(turn)).expect("a batch");
        assert_eq!(log.keep(&batch).await, KeepOutcome::Kept);
    }
    let page = log.behind(None, 1000).await;
    assert!(page.more && (10..60).contains(&page.entries.len()), "{}", page.entries.len());
    assert_eq!(log.whole(1000).await.len(), 80);
    assert!(log.newest(1000).await.entries.len() < 60);
}
