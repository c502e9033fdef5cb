//! Jobs that are due: asked for, timed out, missed, or moved since they were read. Nobody listens at
//! the platform.

use adapters::table::RecordOutcome;
use dispatch::announce::Announcement;
use domain::{
    envelope::{Envelope, OpenedBody, Trust},
    event::Event,
    id::{ApplicationId, EventId, JobId, SourceId},
    job::{Job, JobStatus},
    poll,
    source::Source,
};
use serde_json::{Value, json};

use super::*;

/// A source of `acme` with these options.
async fn source(sweep: &Sweep, options: Value) -> Source {
    let now = sweep.context().clock.now();
    let (id, application) = (SourceId::derive(&["s"]), ApplicationId::named("acme"));
    let mut source = Source::new(id, "s", "modal-mesh", application, now);
    source.options = serde_json::from_value(options).expect("options");
    let put = sweep.context().table.put_source(&source, None, now).await.expect("kept");
    assert_eq!(put, WriteOutcome::Done);
    source
}

/// Options of a source without a platform: its jobs time out 360 s after they were registered.
fn unasked() -> Value {
    json!({ "deadline_seconds": 60 })
}

/// Options of a source whose platform is asked 60 s after a job was registered.
fn asked() -> Value {
    let platform = json!({ "kind": "http", "status_url": "http://127.0.0.1:9/{external_id}" });
    json!({ "deadline_seconds": 60, "platform": platform })
}

/// Keeps a job of the source as it follows from its registration and from `change`.
async fn job(sweep: &Sweep, source: &Source, name: &str, change: impl FnOnce(&mut Job)) -> Job {
    let now = sweep.context().clock.now();
    let mut job = Job::unknown(source.tenure(), &source.name, name, now);
    poll::expect(&mut job, &source.options, now);
    change(&mut job);
    job.version += 1;
    keep(sweep, &job).await;
    job
}

async fn keep(sweep: &Sweep, job: &Job) {
    let kept = sweep.context().table.keep_job(job).await.expect("answered");
    assert_eq!(kept, WriteOutcome::Done);
}

async fn read(sweep: &Sweep, id: &JobId) -> Job {
    sweep.context().table.job(id).await.expect("read").expect("there")
}

/// Sees to jobs as they were read, perhaps some time ago.
async fn see_to(sweep: &Sweep, read: Vec<DueItem>) -> SweepCounts {
    let mut jobs: HashMap<_, Vec<DueItem>> = HashMap::new();
    for due in read {
        let DueSubject::Job(job) = &due.what else { panic!("{due:?}") };
        jobs.entry((job.source.clone(), job.tenure())).or_default().push(due);
    }
    let (mut round, until) = (Round::default(), Instant::now() + sweep.limits.asking);
    sweep.ask_all(jobs, until, &mut round).await;
    assert!(round.failed.is_none(), "{round:?}");
    round.swept
}

async fn told(aws: &LocalAws) -> Vec<Envelope> {
    let bodies = on(aws, &aws.names().inbox).await;
    bodies.iter().map(|body| Envelope::parse(body).expect("an envelope")).collect()
}

#[tokio::test]
async fn a_job_that_timed_out_is_told_of_until_it_has_ended() {
    let (aws, sweep) = world().await;
    let source = source(&sweep, unasked()).await;
    let job = job(&sweep, &source, "j", |_| ()).await;
    let clock = &sweep.context().clock;
    clock.advance(Duration::from_secs(359));
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    clock.advance(Duration::from_secs(1));
    assert_eq!(sweep.run().await.expect("swept").told, 1);
    assert_eq!(sweep.run().await.expect("swept").told, 0, "the mark came first");
    let first = told(&aws).await.remove(0);
    assert_eq!((&first.source_id, first.trust), (&source.id, Trust::Polled));
    let Ok(OpenedBody::Bytes(body)) = first.body.clone().open() else { panic!("{first:?}") };
    let profile = first.options.profile(&first.profile).expect("a profile");
    let said = profile.read(&body);
    assert_eq!((said.job.as_deref(), said.status), (Some("j"), Some(JobStatus::TimedOut)));
    // The message was lost: the next one is the same event.
    clock.advance(Duration::from_secs(60));
    assert_eq!(sweep.run().await.expect("swept").told, 1);
    assert_eq!(told(&aws).await.remove(0).event, first.event);
    let ended = Job { status: JobStatus::TimedOut, poll_at: None, ..read(&sweep, &job.id).await };
    keep(&sweep, &Job { version: ended.version + 1, ..ended }).await;
    clock.advance(Duration::from_secs(3600));
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
}

#[tokio::test]
async fn a_job_that_ended_since_it_was_read_does_not_time_out() {
    let (aws, sweep) = world().await;
    let source = source(&sweep, unasked()).await;
    let job = job(&sweep, &source, "j", |_| ()).await;
    sweep.context().clock.advance(Duration::from_secs(360));
    let stale = due(&sweep).await;
    assert_eq!(stale.len(), 1);
    let ended = Job { status: JobStatus::Succeeded, poll_at: None, version: 2, ..job };
    keep(&sweep, &ended).await;
    assert_eq!(see_to(&sweep, stale).await, SweepCounts::default());
    assert!(told(&aws).await.is_empty());
    assert_eq!(read(&sweep, &ended.id).await, ended);
}

#[tokio::test]
async fn a_time_out_that_the_inbox_did_not_take_is_told_at_the_next_look() {
    let (aws, mut sweep) = world().await;
    let source = source(&sweep, unasked()).await;
    job(&sweep, &source, "j", |_| ()).await;
    sweep.context().clock.advance(Duration::from_secs(360));
    let inbox = std::mem::replace(&mut sweep.inbox, Inbox(nowhere(&aws)));
    assert!(sweep.run().await.is_err());
    sweep.inbox = inbox;
    assert_eq!(sweep.run().await.expect("swept").told, 0, "it is marked");
    sweep.context().clock.advance(Duration::from_secs(60));
    assert_eq!(sweep.run().await.expect("swept").told, 1);
    assert_eq!(told(&aws).await.len(), 1);
}

#[tokio::test]
async fn a_job_whose_deadline_was_moved_is_looked_at_then() {
    let (aws, sweep) = world().await;
    let source = source(&sweep, unasked()).await;
    let now = sweep.context().clock.now();
    let later = now.plus(Duration::from_secs(600));
    let change = |job: &mut Job| (job.deadline_at, job.poll_at) = (Some(later), Some(now));
    let job = job(&sweep, &source, "j", change).await;
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    assert_eq!(read(&sweep, &job.id).await.poll_at, Some(later.plus(Duration::from_secs(300))));
    assert!(told(&aws).await.is_empty());
}

#[tokio::test]
async fn jobs_of_a_source_that_was_deleted_or_moved_are_not_looked_at_again() {
    let (aws, sweep) = world().await;
    let mut elsewhere = source(&sweep, unasked()).await;
    elsewhere.application = ApplicationId::named("other");
    let moved = job(&sweep, &elsewhere, "moved", |_| ()).await;
    elsewhere.name = "gone".to_owned();
    let gone = job(&sweep, &elsewhere, "gone", |_| ()).await;
    sweep.context().clock.advance(Duration::from_secs(360));
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    for id in [moved.id, gone.id] {
        assert_eq!(read(&sweep, &id).await.poll_at, None);
    }
    assert!(told(&aws).await.is_empty());
}

#[tokio::test]
async fn of_two_that_read_a_job_one_asks() {
    let (_aws, sweep) = world().await;
    let source = source(&sweep, asked()).await;
    let job = job(&sweep, &source, "j", |_| ()).await;
    sweep.context().clock.advance(Duration::from_secs(60));
    let (one, other) = (due(&sweep).await, due(&sweep).await);
    assert_eq!(see_to(&sweep, one).await, SweepCounts { asked: 1, ..SweepCounts::default() });
    assert_eq!(see_to(&sweep, other).await, SweepCounts::default());
    let asked = read(&sweep, &job.id).await;
    let wait = asked.poll_at.expect("due").since(sweep.context().clock.now()).as_secs();
    assert_eq!((asked.polls, asked.status), (1, JobStatus::Pending));
    assert!((60..=72).contains(&wait), "{wait} s until the next question");
}

#[tokio::test]
async fn no_question_begins_once_the_round_has_used_up_its_time() {
    let (_aws, mut sweep) = world().await;
    let source = source(&sweep, asked()).await;
    let job = job(&sweep, &source, "j", |_| ()).await;
    sweep.context().clock.advance(Duration::from_secs(60));
    sweep.limits.asking = Duration::ZERO;
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    assert_eq!(read(&sweep, &job.id).await, job, "the next round asks");
    sweep.limits = Limits::default();
    assert_eq!(sweep.run().await.expect("swept").asked, 1);
}

#[tokio::test]
async fn a_platform_that_wants_to_be_left_alone_is_asked_when_that_is_over() {
    let (_aws, sweep) = world().await;
    let source = source(&sweep, asked()).await;
    job(&sweep, &source, "j", |_| ()).await;
    let clock = &sweep.context().clock;
    clock.advance(Duration::from_secs(60));
    let until = clock.now().plus(Duration::from_secs(600));
    sweep.context().table.pause_asking(&source.id, until).await.expect("kept");
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    assert!(due(&sweep).await.is_empty(), "the job is put off");
    clock.advance(Duration::from_secs(599));
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    clock.advance(Duration::from_secs(1));
    assert_eq!(sweep.run().await.expect("swept").asked, 1);
}

/// The event that told how a job ended.
async fn end(sweep: &Sweep) -> EventId {
    let now = sweep.context().clock.now();
    let (id, application) = (EventId::derive(&["end"]), ApplicationId::named("acme"));
    let event = Event::by_relay(id, application, "job.succeeded", b"{}", now);
    let announcement = Announcement {
        event: &event,
        payload: b"{}",
        job: None,
        marker: None,
        request: None,
        endpoints: &[],
    };
    let recorded = sweep.context().announce(&announcement).await.expect("recorded");
    assert_eq!(recorded, RecordOutcome::New);
    event.id
}

#[tokio::test]
async fn an_end_that_no_webhook_told_is_missed_once() {
    let (_aws, sweep) = world().await;
    let source = source(&sweep, asked()).await;
    let (end, now) = (end(&sweep).await, sweep.context().clock.now());
    let change = |job: &mut Job| {
        (job.status, job.result_event) = (JobStatus::Succeeded, Some(end));
        (job.finished_at, job.poll_at) = (Some(now), Some(now));
    };
    let job = job(&sweep, &source, "j", change).await;
    let (one, other) = (due(&sweep).await, due(&sweep).await);
    assert_eq!(see_to(&sweep, one).await, SweepCounts { missed: 1, ..SweepCounts::default() });
    assert_eq!(see_to(&sweep, other).await, SweepCounts::default(), "another counted it");
    let (event, _) = poll::missed_event(&job, now);
    assert!(sweep.context().table.event(&event.id).await.expect("read").is_some());
    let job = read(&sweep, &job.id).await;
    assert_eq!((job.watch.missed, job.poll_at), (true, None));
}

#[tokio::test]
async fn an_end_that_a_webhook_told_in_time_is_not_missed() {
    let (_aws, sweep) = world().await;
    let source = source(&sweep, asked()).await;
    let (end, now) = (end(&sweep).await, sweep.context().clock.now());
    sweep.context().table.count_webhook(&end).await.expect("counted");
    let change = |job: &mut Job| {
        (job.status, job.result_event) = (JobStatus::Succeeded, Some(end));
        (job.finished_at, job.poll_at) = (Some(now), Some(now));
    };
    let job = job(&sweep, &source, "j", change).await;
    assert_eq!(sweep.run().await.expect("swept"), SweepCounts::default());
    let (event, _) = poll::missed_event(&job, now);
    assert!(sweep.context().table.event(&event.id).await.expect("read").is_none());
    let job = read(&sweep, &job.id).await;
    assert_eq!((job.watch.missed, job.poll_at), (false, None));
}

#[tokio::test]
async fn jobs_beyond_those_that_a_shard_brings_into_a_round_wait_for_the_next() {
    let (aws, sweep) = world().await;
    let source = source(&sweep, unasked()).await;
    for name in names_of_one_shard(&source.tenure()).take(MAX_JOBS + 3) {
        job(&sweep, &source, &name, |_| ()).await;
    }
    // So many entries that shards are read one by one.
    let context = sweep.context();
    let later = context.clock.now().plus(Duration::from_secs(86_400));
    for number in 0..100 {
        let endpoint = EndpointId::derive(&[&number.to_string()]);
        let task = Task::recover(&endpoint, context.clock.now());
        context.table.create_task(&task, later).await.expect("kept").either_way();
    }
    context.clock.advance(Duration::from_secs(360));
    assert_eq!(sweep.run().await.expect("swept").told, MAX_JOBS);
    assert_eq!(sweep.run().await.expect("swept").told, 0, "they do not stand in front");
    sweep.context().clock.advance(NEXT_ROUND);
    assert_eq!(sweep.run().await.expect("swept").told, 3);
    assert_eq!(told(&aws).await.len(), MAX_JOBS + 3);
}
