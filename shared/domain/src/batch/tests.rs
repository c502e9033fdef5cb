//! Counting, steps and ends.

use super::*;
use crate::{
    id::{JobId, Tenure},
    job::{Job, Registration, ReportEffect},
    profile::SenderReport,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn ended(number: usize, status: JobStatus) -> BatchMarker {
    let external = number.to_string();
    BatchMarker {
        batch: BatchId::of(&ApplicationId::named("acme"), "b1"),
        job: JobId::of(&Tenure::sample(), &external),
        application: ApplicationId::named("acme"),
        external_id: "b1".to_owned(),
        joins: true,
        ended: Some(status),
    }
}

fn declared(size: Option<u64>, steps: Option<Steps>, fail_on: FailOn) -> Batch {
    let declaration = Declaration { size, steps, fail_on, ..Declaration::default() };
    Batch::unknown(ApplicationId::named("acme"), "b1", NOW).declared(declaration, NOW)
}

/// Announces everything there is to announce.
fn tell(batch: &mut Batch) -> Vec<BatchNews> {
    let news: Vec<BatchNews> = batch.news().collect();
    *batch = batch.told(&news, NOW);
    assert!(!batch.is_busy());
    news
}

#[test]
fn each_step_is_announced_once_and_those_crossed_together_each() {
    let mut batch = declared(Some(10), Some(Steps::Every(2)), FailOn::All);
    let markers: Vec<BatchMarker> = (0..10).map(|n| ended(n, JobStatus::Succeeded)).collect();
    batch = batch.counted(&markers[..1], NOW);
    assert_eq!(tell(&mut batch), []);
    batch = batch.counted(&markers[1..7], NOW);
    assert_eq!(tell(&mut batch), [BatchNews::Step(1), BatchNews::Step(2), BatchNews::Step(3)]);
    assert_eq!(tell(&mut batch), []);
    batch = batch.counted(&markers[7..], NOW);
    let rest = [BatchNews::Step(4), BatchNews::Step(5), BatchNews::End(BatchEnd::Completed)];
    assert_eq!(tell(&mut batch), rest);
    let more = batch.counted(&[ended(11, JobStatus::Failed)], NOW);
    assert!(!more.is_busy(), "a job too many changes nothing that was said");
    assert_eq!((more.end, more.counts.failed), (Some(BatchEnd::Completed), 1));
}

#[test]
fn percentages_need_a_size_and_are_made_up_for_when_it_is_known() {
    let mut batch = declared(None, Some(Steps::Percent(25)), FailOn::All);
    let markers: Vec<BatchMarker> = (0..4).map(|n| ended(n, JobStatus::Succeeded)).collect();
    batch = batch.counted(&markers[..3], NOW);
    assert!(!batch.is_busy());
    batch = batch.closed(Some(7), NOW);
    assert_eq!(tell(&mut batch), [BatchNews::Step(1)], "3 of 7 are 42 %");
    assert_eq!((batch.threshold(1), batch.threshold(2)), (Some(2), Some(4)));
    batch = batch.counted(&markers[3..], NOW);
    assert_eq!(tell(&mut batch), [BatchNews::Step(2)]);
}

#[test]
fn how_it_ends_depends_on_what_counts_as_failed() {
    use JobStatus::{Cancelled, Failed, Succeeded, TimedOut};
    for (fail_on, ends, end) in [
        (FailOn::All, vec![Succeeded, Failed], BatchEnd::Completed),
        (FailOn::All, vec![Failed, TimedOut], BatchEnd::Failed),
        (FailOn::Any, vec![Succeeded, Succeeded], BatchEnd::Completed),
        (FailOn::Any, vec![Succeeded, Cancelled], BatchEnd::Failed),
        (FailOn::All, vec![], BatchEnd::Completed),
    ] {
        let size = u64::try_from(ends.len()).expect("few");
        let markers: Vec<BatchMarker> =
            ends.iter().enumerate().map(|(n, status)| ended(n, *status)).collect();
        let batch = declared(Some(size), None, fail_on).counted(&markers, NOW);
        assert_eq!(batch.end, Some(end), "{fail_on:?} {ends:?}");
    }
}

#[test]
fn a_batch_may_be_declared_after_its_jobs_and_closed_later() {
    let markers: Vec<BatchMarker> = (0..3).map(|n| ended(n, JobStatus::Succeeded)).collect();
    let mut batch = Batch::unknown(ApplicationId::named("acme"), "b1", NOW).counted(&markers, NOW);
    assert!(!batch.is_busy());
    batch = batch.declared(Declaration { size: Some(3), ..Declaration::default() }, NOW);
    assert_eq!(tell(&mut batch), [BatchNews::End(BatchEnd::Completed)]);
    let open = declared(None, None, FailOn::All).counted(&markers, NOW);
    assert_eq!(open.end, None);
    let mut closing = open.closed(None, NOW);
    assert!(closing.is_busy() && closing.end.is_none());
    closing = closing.counted(&[ended(4, JobStatus::Failed)], NOW).sealed(NOW);
    assert_eq!((closing.size, closing.end), (Some(4), Some(BatchEnd::Completed)));
}

#[test]
fn a_job_is_counted_when_it_joins_and_when_it_first_ends() {
    let new = Job::unknown(Tenure::sample(), "s", "j1", NOW);
    let said = SenderReport { batch_id: Some("b1".to_owned()), ..SenderReport::default() };
    let report = |job: &Job, status| {
        let id = EventId::derive(&[&format!("{status:?}")]);
        match job.report(status, &said, &id, NOW) {
            ReportEffect::Applied(next, _) | ReportEffect::Conflict(next) => *next,
            ReportEffect::Stale => job.clone(),
        }
    };
    let what = |before: &Job, after: &Job| {
        BatchMarker::between(before, after).map(|marker| (marker.joins, marker.ended))
    };
    let at_once = report(&new, JobStatus::Succeeded);
    assert_eq!(what(&new, &at_once), Some((true, Some(JobStatus::Succeeded))));
    let started = report(&new, JobStatus::Running);
    assert_eq!(what(&new, &started), Some((true, None)));
    let progressed = report(&started, JobStatus::Progress);
    assert_eq!(what(&started, &progressed), None);
    let timed_out = report(&progressed, JobStatus::TimedOut);
    assert_eq!(what(&progressed, &timed_out), Some((false, Some(JobStatus::TimedOut))));
    let late = report(&timed_out, JobStatus::Succeeded);
    assert!(late.late && what(&timed_out, &late).is_none(), "it was counted");
    // It ended before anybody knew of its batch.
    let id = EventId::derive(&["e"]);
    let ReportEffect::Applied(alone, _) =
        new.report(JobStatus::Failed, &SenderReport::default(), &id, NOW)
    else {
        panic!("it ends")
    };
    let registration = Registration { batch_id: Some("b1".to_owned()), ..Registration::default() };
    let joined = alone.registered(&registration, NOW);
    assert_eq!(what(&alone, &joined), Some((true, Some(JobStatus::Failed))));
}

#[test]
fn progress_that_is_told_after_the_end_does_not_say_that_it_ended() {
    let steps = Some(Steps::Every(1));
    let batch =
        declared(Some(1), steps, FailOn::All).counted(&[ended(1, JobStatus::Succeeded)], NOW);
    assert_eq!(
        batch.news().collect::<Vec<_>>(),
        [BatchNews::Step(1), BatchNews::End(BatchEnd::Completed)]
    );
    let said = |news| -> Value {
        let said: Value = serde_json::from_slice(&notice(&batch, news, NOW)).expect("JSON");
        said["data"]["batch"].clone()
    };
    let (step, end) = (said(BatchNews::Step(1)), said(BatchNews::End(BatchEnd::Completed)));
    assert_eq!((&step["status"], &step["completed_at"]), (&"in_progress".into(), &().into()));
    assert_eq!((&end["status"], end["completed_at"].is_string()), (&"completed".into(), true));
}

#[test]
fn every_end_is_counted_in_its_own_place_and_what_is_open_is_the_rest() {
    use JobStatus::{Cancelled, Failed, Succeeded, TimedOut};
    let joined = |number| BatchMarker { ended: None, ..ended(number, Succeeded) };
    // It joined before, and ends now.
    let later = BatchMarker { joins: false, ..ended(0, Failed) };
    let mut markers = vec![joined(0), joined(1), joined(2), later];
    let ends = [Succeeded, Succeeded, TimedOut, TimedOut, TimedOut, Cancelled];
    markers.extend(ends.iter().zip(3..).map(|(status, number)| ended(number, *status)));
    let counts =
        Batch::unknown(ApplicationId::named("acme"), "b1", NOW).counted(&markers, NOW).counts;
    let want = BatchCounts { known: 9, succeeded: 2, failed: 1, timed_out: 3, cancelled: 1 };
    assert_eq!(counts, want);
    assert_eq!((counts.ended(), counts.unsuccessful(), counts.open()), (7, 5, 2));
}

#[test]
fn a_step_is_a_number_of_jobs_or_a_part_of_the_size() {
    for (steps, size, thresholds) in [
        (None, Some(10), [None, None]),
        (Some(Steps::Every(3)), None, [Some(3), Some(6)]),
        (Some(Steps::Percent(10)), None, [None, None]),
        (Some(Steps::Percent(10)), Some(30), [Some(3), Some(6)]),
        (Some(Steps::Percent(10)), Some(31), [Some(4), Some(7)]),
    ] {
        let batch = declared(size, steps, FailOn::All);
        assert_eq!([1, 2].map(|step| batch.threshold(step)), thresholds, "{steps:?} {size:?}");
    }
    // Nothing is a part of nothing.
    let empty = declared(Some(0), Some(Steps::Percent(10)), FailOn::All);
    assert_eq!(empty.news().collect::<Vec<_>>(), [BatchNews::End(BatchEnd::Completed)]);
}

#[test]
fn a_change_has_a_number_and_a_time() {
    let later = NOW.plus(std::time::Duration::from_secs(7));
    let batch = declared(Some(2), None, FailOn::All);
    let changes = [
        batch.declared(Declaration::default(), later),
        batch.counted(&[], later),
        batch.closed(None, later),
        batch.sealed(later),
        batch.told(&[], later),
    ];
    for next in changes {
        assert_eq!((next.version, next.updated_at), (batch.version + 1, later));
        assert_eq!((next.created_at, &next.id), (NOW, &batch.id));
    }
}

#[test]
fn a_change_is_announced_under_one_id_by_every_worker() {
    let id = |name| BatchId::of(&ApplicationId::named("acme"), name);
    let (one, end) = (BatchNews::Step(1), BatchNews::End(BatchEnd::Completed));
    for (news, name) in [(one, "batch.progress"), (end, "batch.completed")] {
        assert_eq!((news.event(&id("b1")), news.event_type()), (news.event(&id("b1")), name));
        assert_ne!(news.event(&id("b1")), news.event(&id("b2")));
    }
    let failed = BatchNews::End(BatchEnd::Failed);
    assert_eq!(failed.event_type(), "batch.failed");
    assert_eq!(failed.event(&id("b1")), end.event(&id("b1")), "it ends once");
    assert_ne!(one.event(&id("b1")), BatchNews::Step(2).event(&id("b1")));
}

#[test]
fn a_notice_has_the_counts_as_they_are() {
    use JobStatus::{Failed, Succeeded, TimedOut};
    let markers: Vec<BatchMarker> = [Succeeded, Succeeded, Failed, TimedOut]
        .iter()
        .zip(0..)
        .map(|(status, number)| ended(number, *status))
        .collect();
    let data = |size, fail_on, news: BatchNews| -> Value {
        let batch = declared(Some(size), Some(Steps::Every(2)), fail_on).counted(&markers, NOW);
        let said: Value = serde_json::from_slice(&notice(&batch, news, NOW)).expect("JSON");
        said["data"].clone()
    };
    let counts = |data: &Value| {
        let batch = &data["batch"];
        [&batch["total"], &batch["completed"], &batch["failed"]]
            .map(|n| n.as_u64().expect("a number"))
    };
    let step = data(10, FailOn::All, BatchNews::Step(2));
    assert_eq!((counts(&step), step["step"].as_u64()), ([10, 2, 2], Some(4)));
    // More jobs ended than were said to come.
    let end = data(3, FailOn::Any, BatchNews::End(BatchEnd::Failed));
    assert_eq!((counts(&end), &end["step"]), ([4, 2, 2], &Value::Null));
    assert_eq!(end["batch"]["status"], "failed");
    let open = declared(Some(10), None, FailOn::All);
    assert_eq!(open.word(), "in_progress");
    assert_eq!(Batch { size: None, ..open }.total(), 0, "nobody knows yet");
}
