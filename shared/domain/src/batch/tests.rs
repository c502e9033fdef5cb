//! Counting, steps and ends.

use super::*;
use crate::{
    id::JobId,
    job::{Effect, Job, Registration},
    profile::Said,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn ended(number: usize, status: Status) -> Marker {
    let external = number.to_string();
    Marker {
        batch: BatchId::of(&ApplicationId::named("acme"), "b1"),
        job: JobId::of("s", &external),
        application: "acme".to_owned(),
        external_id: "b1".to_owned(),
        joins: true,
        ended: Some(status),
    }
}

fn declared(size: Option<u64>, steps: Option<Steps>, fail_on: FailOn) -> Batch {
    let declaration = Declaration { size, steps, fail_on, ..Declaration::default() };
    Batch::unknown("acme", "b1", NOW).declared(declaration, NOW)
}

/// Announces everything there is to announce.
fn tell(batch: &mut Batch) -> Vec<News> {
    let news: Vec<News> = batch.news().collect();
    *batch = batch.told(&news, NOW);
    assert!(!batch.is_busy());
    news
}

#[test]
fn each_step_is_announced_once_and_those_crossed_together_each() {
    let mut batch = declared(Some(10), Some(Steps::Every(2)), FailOn::All);
    let markers: Vec<Marker> = (0..10).map(|n| ended(n, Status::Succeeded)).collect();
    batch = batch.counted(&markers[..1], NOW);
    assert_eq!(tell(&mut batch), []);
    batch = batch.counted(&markers[1..7], NOW);
    assert_eq!(tell(&mut batch), [News::Step(1), News::Step(2), News::Step(3)]);
    assert_eq!(tell(&mut batch), []);
    batch = batch.counted(&markers[7..], NOW);
    let rest = [News::Step(4), News::Step(5), News::End(End::Completed)];
    assert_eq!(tell(&mut batch), rest);
    let more = batch.counted(&[ended(11, Status::Failed)], NOW);
    assert!(!more.is_busy(), "a job too many changes nothing that was said");
    assert_eq!((more.end, more.counts.failed), (Some(End::Completed), 1));
}

#[test]
fn percentages_need_a_size_and_are_made_up_for_when_it_is_known() {
    let mut batch = declared(None, Some(Steps::Percent(25)), FailOn::All);
    let markers: Vec<Marker> = (0..4).map(|n| ended(n, Status::Succeeded)).collect();
    batch = batch.counted(&markers[..3], NOW);
    assert!(!batch.is_busy());
    batch = batch.closed(Some(7), NOW);
    assert_eq!(tell(&mut batch), [News::Step(1)], "3 of 7 are 42 %");
    assert_eq!((batch.threshold(1), batch.threshold(2)), (Some(2), Some(4)));
    batch = batch.counted(&markers[3..], NOW);
    assert_eq!(tell(&mut batch), [News::Step(2)]);
}

#[test]
fn how_it_ends_depends_on_what_counts_as_failed() {
    use Status::{Cancelled, Failed, Succeeded, TimedOut};
    for (fail_on, ends, end) in [
        (FailOn::All, vec![Succeeded, Failed], End::Completed),
        (FailOn::All, vec![Failed, TimedOut], End::Failed),
        (FailOn::Any, vec![Succeeded, Succeeded], End::Completed),
        (FailOn::Any, vec![Succeeded, Cancelled], End::Failed),
        (FailOn::All, vec![], End::Completed),
    ] {
        let size = u64::try_from(ends.len()).expect("few");
        let markers: Vec<Marker> =
            ends.iter().enumerate().map(|(n, status)| ended(n, *status)).collect();
        let batch = declared(Some(size), None, fail_on).counted(&markers, NOW);
        assert_eq!(batch.end, Some(end), "{fail_on:?} {ends:?}");
    }
}

#[test]
fn a_batch_may_be_declared_after_its_jobs_and_closed_later() {
    let markers: Vec<Marker> = (0..3).map(|n| ended(n, Status::Succeeded)).collect();
    let mut batch = Batch::unknown("acme", "b1", NOW).counted(&markers, NOW);
    assert!(!batch.is_busy());
    batch = batch.declared(Declaration { size: Some(3), ..Declaration::default() }, NOW);
    assert_eq!(tell(&mut batch), [News::End(End::Completed)]);
    let open = declared(None, None, FailOn::All).counted(&markers, NOW);
    assert_eq!(open.end, None);
    let mut closing = open.closed(None, NOW);
    assert!(closing.is_busy() && closing.end.is_none());
    closing = closing.counted(&[ended(4, Status::Failed)], NOW).sealed(NOW);
    assert_eq!((closing.size, closing.end), (Some(4), Some(End::Completed)));
}

#[test]
fn a_job_is_counted_when_it_joins_and_when_it_first_ends() {
    let new = Job::unknown("s", "acme", "j1", NOW);
    let said = Said { batch_id: Some("b1".to_owned()), ..Said::default() };
    let report = |job: &Job, status| {
        let id = EventId::derive(&[&format!("{status:?}")]);
        match job.report(status, &said, &id, NOW) {
            Effect::Applied(next, _) | Effect::Conflict(next) => *next,
            Effect::Stale => job.clone(),
        }
    };
    let what = |before: &Job, after: &Job| {
        Marker::between(before, after).map(|marker| (marker.joins, marker.ended))
    };
    let at_once = report(&new, Status::Succeeded);
    assert_eq!(what(&new, &at_once), Some((true, Some(Status::Succeeded))));
    let started = report(&new, Status::Running);
    assert_eq!(what(&new, &started), Some((true, None)));
    let progressed = report(&started, Status::Progress);
    assert_eq!(what(&started, &progressed), None);
    let timed_out = report(&progressed, Status::TimedOut);
    assert_eq!(what(&progressed, &timed_out), Some((false, Some(Status::TimedOut))));
    let late = report(&timed_out, Status::Succeeded);
    assert!(late.late && what(&timed_out, &late).is_none(), "it was counted");
    // It ended before anybody knew of its batch.
    let id = EventId::derive(&["e"]);
    let Effect::Applied(alone, _) = new.report(Status::Failed, &Said::default(), &id, NOW) else {
        panic!("it ends")
    };
    let registration = Registration { batch_id: Some("b1".to_owned()), ..Registration::default() };
    let joined = alone.registered(&registration, NOW);
    assert_eq!(what(&alone, &joined), Some((true, Some(Status::Failed))));
}

#[test]
fn progress_that_is_told_after_the_end_does_not_say_that_it_ended() {
    let steps = Some(Steps::Every(1));
    let batch = declared(Some(1), steps, FailOn::All).counted(&[ended(1, Status::Succeeded)], NOW);
    assert_eq!(batch.news().collect::<Vec<_>>(), [News::Step(1), News::End(End::Completed)]);
    let said = |news| -> Value {
        let said: Value = serde_json::from_slice(&notice(&batch, news, NOW)).expect("JSON");
        said["data"]["batch"].clone()
    };
    let (step, end) = (said(News::Step(1)), said(News::End(End::Completed)));
    assert_eq!((&step["status"], &step["completed_at"]), (&"in_progress".into(), &().into()));
    assert_eq!((&end["status"], end["completed_at"].is_string()), (&"completed".into(), true));
}
