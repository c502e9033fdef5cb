//! Merging, dropping and splitting of news.

use std::time::Duration;

use super::*;
use crate::{
    id::{ApplicationId, Tenure},
    live::topic::Topic,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn acme() -> ApplicationId {
    ApplicationId::named("acme")
}

fn event(name: &str) -> News {
    let event =
        Event::by_relay(EventId::derive(&[name]), acme(), "job.failed", b"{\"planted\":1}", NOW);
    News::Event(EventNews::of(&event))
}

fn job(name: &str, status: JobStatus, version: u64) -> News {
    let mut job = Job::unknown(Tenure::sample(), "modal", name, NOW);
    job.version = version;
    News::Job(JobNews::of(&job, status, None))
}

fn lines(stream: &str, from: u64, to: u64) -> News {
    let stream = StreamName::parse(stream).expect("a name");
    let (from, to) = (Seq::Number(from), Seq::Number(to));
    News::Lines(LinesNews { job: JobId::derive(&["j"]), stream, from, to })
}

fn bulletin(news: impl IntoIterator<Item = News>) -> Bulletin {
    let mut bulletin = Bulletin::new(Topic::events(acme()), NOW);
    news.into_iter().for_each(|news| bulletin.add(news));
    bulletin
}

#[test]
fn a_message_prints_and_parses_and_has_a_group() {
    let open = LiveMessage::Open("L0SM9cOFvHcCIhw=".to_owned());
    assert_eq!(open.group(), "L0SM9cOFvHcCIhw=");
    let told = bulletin([event("a"), job("j", JobStatus::Progress, 3), lines("out", 1, 9)]);
    let told = LiveMessage::Bulletin(told);
    assert_eq!(told.group(), format!("events:{}", acme()));
    let ping = LiveMessage::Ping("c=".to_owned());
    assert_eq!(ping.group(), "c=");
    for message in [open, ping, told] {
        let printed = message.print();
        assert_eq!(LiveMessage::parse(&printed).expect("ours"), message);
        assert!(!printed.contains("planted"), "no payload travels: {printed}");
    }
    for garbage in ["", "{}", "{\"open\":1}", "{\"bulletin\":{}}", "[]"] {
        assert!(LiveMessage::parse(garbage).is_err(), "{garbage}");
    }
}

#[test]
fn news_of_one_thing_replace_each_other() {
    use JobStatus::{Failed, Progress, Running, Succeeded};
    for (told, left) in [
        (vec![(Running, 1), (Progress, 2), (Succeeded, 3)], (Succeeded, 3)),
        // Told in another order than they happened.
        (vec![(Succeeded, 3), (Running, 1)], (Succeeded, 3)),
        (vec![(Succeeded, 3), (Progress, 4)], (Succeeded, 3)),
        (vec![(Failed, 3), (Succeeded, 4)], (Succeeded, 4)),
        (vec![(Succeeded, 4), (Failed, 3)], (Succeeded, 4)),
    ] {
        let told = told.into_iter().map(|(status, version)| job("j", status, version));
        let merged = bulletin(told.chain([job("other", Running, 1)]));
        assert_eq!(merged.news.len(), 2);
        assert!(merged.news.contains(&job("j", left.0, left.1)), "{left:?}: {merged:?}");
    }
    let merged = bulletin([event("a"), event("b"), event("a")]);
    assert_eq!(merged.news, [event("b"), event("a")]);
}

#[test]
fn lines_of_one_stream_become_one_range() {
    let mut merged = bulletin([lines("out", 1, 5), lines("err", 3, 3), lines("out", 6, 9)]);
    assert_eq!(merged.news, [lines("err", 3, 3), lines("out", 1, 9)]);
    let mut filling = bulletin([lines("out", 0, 0)]);
    filling.at = Timestamp(NOW.0 - 1);
    merged.merge(filling);
    let filled = [lines("err", 3, 3), lines("out", 1, 9), lines("out", 0, 0)];
    assert_eq!(merged.news, filled, "those behind a hole may have been told");
    assert_eq!(merged.at, Timestamp(NOW.0 - 1));
}

#[test]
fn what_is_too_much_becomes_a_gap_but_lines_and_ends_stay() {
    let ends: Vec<_> = (0..3).map(|n| job(&n.to_string(), JobStatus::Failed, 2)).collect();
    let many = (0..1000).map(|n| event(&n.to_string()));
    let many = bulletin(many.chain(ends.clone()).chain([lines("out", 1, 5)]));
    let (message, left) = many.into_message();
    assert!(message.print().len() <= MAX_BULLETIN && left.is_none());
    let LiveMessage::Bulletin(told) = message else { panic!("a bulletin") };
    assert!(told.gap);
    assert_eq!(told.news.len(), 4);
    assert_eq!(told.news[..3], ends);
}

#[test]
fn ends_that_do_not_fit_wait_for_the_next_message() {
    let ends: Vec<_> = (0..2000).map(|n| job(&n.to_string(), JobStatus::Succeeded, 2)).collect();
    let (mut left, mut told, mut messages) = (Some(bulletin(ends.clone())), Vec::new(), 0);
    while let Some(bulletin) = left {
        let (message, rest) = bulletin.into_message();
        assert!(message.print().len() <= MAX_BULLETIN, "{}", message.print().len());
        let LiveMessage::Bulletin(said) = message else { panic!("a bulletin") };
        assert!(!said.gap && !said.news.is_empty());
        told.extend(said.news);
        messages += 1;
        left = rest;
    }
    assert_eq!(told, ends, "each once and in order");
    assert!(messages < 40, "{messages} messages");
    // News whose own ids are longer than a message still go, alone.
    let long = |n: u8| job(&format!("{n}{}", "\u{0}".repeat(40_000)), JobStatus::Failed, 1);
    let (message, left) = bulletin([long(1), long(2)]).into_message();
    let LiveMessage::Bulletin(said) = message else { panic!("a bulletin") };
    assert_eq!((said.news.len(), left.map(|left| left.news.len())), (1, Some(1)));
}

#[test]
fn what_comes_too_late_becomes_a_gap() {
    let mut told = bulletin([event("a"), lines("out", 1, 5), job("j", JobStatus::Running, 1)]);
    told.grow_old(NOW.plus(OUTDATED));
    assert!(!told.gap && told.news.len() == 3);
    told.grow_old(NOW.plus(OUTDATED + Duration::from_millis(1)));
    assert!(told.gap);
    assert_eq!(told.news, [lines("out", 1, 5)]);
    // Without anything to drop there is no gap.
    let mut lines_only = bulletin([lines("out", 1, 5)]);
    lines_only.grow_old(NOW.plus(OUTDATED * 9));
    assert!(!lines_only.gap && !lines_only.is_empty());
}
