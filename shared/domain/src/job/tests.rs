//! Tests of jobs whose reports arrive in every possible order.

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Reports in order; the types that subscribers hear, and the job.
fn run(reports: &[JobStatus]) -> (Vec<&'static str>, Job) {
    let mut job = Job::unknown(Tenure::sample(), "s", "j1", NOW);
    let mut heard = Vec::new();
    for status in reports {
        match job.report(*status, &SenderReport::default(), &EventId::derive(&["e"]), NOW) {
            ReportEffect::Applied(next, event) => {
                heard.extend(event);
                job = *next;
            }
            ReportEffect::Conflict(next) => job = *next,
            ReportEffect::Stale => (),
        }
    }
    (heard, job)
}

#[test]
fn a_job_goes_forward_only() {
    use JobStatus::{Failed, Pending, Progress, Running, Succeeded};
    let (heard, job) = run(&[Pending, Running, Progress, Progress, Succeeded, Running, Pending]);
    assert_eq!(heard, ["job.started", "job.progress", "job.progress", "job.succeeded"]);
    assert_eq!((job.status, job.conflicts), (Succeeded, 0));
    assert_eq!(run(&[Succeeded]).0, ["job.succeeded"], "completion before start is fine");
    let (heard, job) = run(&[Succeeded, Failed, Succeeded]);
    assert_eq!(heard, ["job.succeeded"], "a terminal state never changes");
    assert_eq!((job.status, job.conflicts), (Succeeded, 1));
}

#[test]
fn a_timed_out_job_may_still_be_completed_and_is_marked_late() {
    use JobStatus::{Failed, Running, Succeeded, TimedOut};
    let (heard, job) = run(&[Running, TimedOut, Running, Succeeded, TimedOut, Failed]);
    assert_eq!(heard, ["job.started", "job.timed_out", "job.succeeded"]);
    assert!(job.late);
    assert_eq!((job.status, job.conflicts), (Succeeded, 1));
}

#[test]
fn a_failed_job_may_still_succeed_once_and_is_marked_late() {
    use JobStatus::{Cancelled, Failed, Running, Succeeded, TimedOut};
    let (heard, job) = run(&[Running, Failed, Running, Succeeded, Failed, Succeeded]);
    assert_eq!(heard, ["job.started", "job.failed", "job.succeeded"]);
    assert_eq!((job.status, job.late, job.conflicts), (Succeeded, true, 1));
    // A job that was late already has said what it had to say.
    let (heard, job) = run(&[TimedOut, Failed, Succeeded]);
    assert_eq!(heard, ["job.timed_out", "job.failed"]);
    assert_eq!((job.status, job.late, job.conflicts), (Failed, true, 1));
    // Nobody tries again what succeeded or was stopped.
    for (first, second) in [(Succeeded, Failed), (Cancelled, Succeeded), (Failed, Cancelled)] {
        let (heard, job) = run(&[first, second]);
        assert_eq!(heard.len(), 1, "{first:?} and then {second:?}");
        assert_eq!((job.status, job.late, job.conflicts), (first, false, 1));
    }
}

/// Something that happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happening {
    Registered,
    Started,
    Progress,
    Completed,
    Duplicate,
}

/// Every order in which these reports can arrive.
fn orders(of: &[Happening]) -> Vec<Vec<Happening>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        orders(&rest).into_iter().map(move |rest| [vec![first], rest].concat())
    };
    (0..of.len()).flat_map(first).collect()
}

/// The job, the application's events and the webhook's events after these happenings, whatever
/// their order.
fn live(order: &[Happening]) -> (JobStatus, bool, Vec<&'static str>, Vec<&'static str>) {
    let mut job = Job::unknown(Tenure::sample(), "s", "j1", NOW);
    let webhook = EndpointId::of_job(&job.id, "https://subscriber.example/");
    let mut seen = Vec::new();
    let (mut application, mut heard) = (Vec::new(), Vec::new());
    for happening in order {
        let (name, status) = match happening {
            Happening::Registered => {
                let registration =
                    Registration { webhook: Some(webhook.clone()), ..Registration::default() };
                job = job.registered(&registration, NOW);
                // What the registration finds announced is delivered to the webhook as well.
                let missed = seen.iter().filter(|(id, _)| job.announced.contains(id));
                heard.extend(missed.map(|(_, kind)| *kind));
                continue;
            }
            Happening::Started => ("started", JobStatus::Running),
            Happening::Progress => ("progress", JobStatus::Progress),
            Happening::Completed | Happening::Duplicate => ("completed", JobStatus::Succeeded),
        };
        let id = EventId::derive(&[name]);
        // The same key again is a duplicate before anybody looks at the job.
        if seen.iter().any(|(known, _)| *known == id) {
            continue;
        }
        let ReportEffect::Applied(next, Some(kind)) =
            job.report(status, &SenderReport::default(), &id, NOW)
        else {
            panic!("{happening:?} in {order:?} is announced");
        };
        job = *next;
        seen.push((id, kind));
        application.push(kind);
        if job.webhooks.contains(&webhook) {
            heard.push(kind);
        }
    }
    application.sort_unstable();
    heard.sort_unstable();
    assert_eq!(job.version, 4, "a registration and three reports");
    assert!(job.registered_at.is_some() && job.result_event.is_some());
    (job.status, job.started, application, heard)
}

#[test]
fn all_120_orders_end_in_the_same_state_with_the_same_notifications() {
    use Happening::{Completed, Duplicate, Progress, Registered, Started};
    let orders = orders(&[Registered, Started, Progress, Completed, Duplicate]);
    assert_eq!(orders.len(), 120);
    let all = vec!["job.progress", "job.started", "job.succeeded"];
    for order in orders {
        let expected = (JobStatus::Succeeded, true, all.clone(), all.clone());
        assert_eq!(live(&order), expected, "{order:?}");
    }
}

#[test]
fn what_is_learned_late_is_kept_and_what_is_known_already_changes_nothing() {
    let job =
        Job::unknown(Tenure::sample(), "s", "j1", NOW).registered(&Registration::default(), NOW);
    let id = EventId::derive(&["e"]);
    let said = SenderReport { call_id: Some("c1".to_owned()), ..SenderReport::default() };
    let ReportEffect::Applied(job, None) = job.report(JobStatus::Pending, &said, &id, NOW) else {
        panic!("the call id is news, which is nobody's business");
    };
    assert_eq!(job.call_id.as_deref(), Some("c1"));
    assert_eq!(job.report(JobStatus::Pending, &said, &id, NOW), ReportEffect::Stale);
}

#[test]
fn a_job_remembers_a_bounded_number_of_announcements_and_always_its_end() {
    let mut job = Job::unknown(Tenure::sample(), "s", "j1", NOW);
    let reports =
        [vec![JobStatus::Progress; 100], vec![JobStatus::Running, JobStatus::Failed]].concat();
    for (number, status) in reports.into_iter().enumerate() {
        let id = EventId::derive(&[&number.to_string()]);
        if let ReportEffect::Applied(next, _) =
            job.report(status, &SenderReport::default(), &id, NOW)
        {
            job = *next;
        }
    }
    assert_eq!(job.announced.len(), MAX_REMEMBERED + 2);
    assert_eq!(job.announced.last(), job.result_event.as_ref());
}

#[test]
fn a_claim_that_nobody_vouches_for_only_has_the_platform_asked() {
    let job = Job::unknown(Tenure::sample(), "s", "j1", NOW);
    let ReportEffect::Applied(job, None) = job.hinted(&SenderReport::default(), NOW) else {
        panic!("asked")
    };
    assert_eq!((job.status, job.poll_at), (JobStatus::Pending, Some(NOW)));
    let id = EventId::derive(&["e"]);
    let ReportEffect::Applied(job, _) =
        job.report(JobStatus::Failed, &SenderReport::default(), &id, NOW)
    else {
        panic!("it ends");
    };
    assert_eq!(job.poll_at, None);
    assert_eq!(job.hinted(&SenderReport::default(), NOW), ReportEffect::Stale);
}
