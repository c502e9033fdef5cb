//! Bells: which queue each of them goes to, and what becomes of those that cannot be rung.

use std::slice::from_ref;

use adapters::{
    bells::{DeadLetters, Outbox},
    table::{JobRegistration, RecordOutcome},
};
use dispatch::announce::Announcement;
use domain::{
    batch::BatchMarker,
    endpoint::{Endpoint, EndpointSecret},
    envelope::Doorbell,
    event::Event,
    gate::Gate,
    id::{ApplicationId, BatchId, EventId, SourceId},
    job::{Job, JobStatus},
    secret::SecretKind,
};

use super::*;

/// The time after which the sweep rings for what was rung for already.
const GRACE: Duration = domain::delivery::GRACE;

/// The delivery of a new event to a new endpoint that nobody listens at, and that is called once.
async fn delivery(sweep: &Sweep, name: &str) -> Delivery {
    let (context, now) = (sweep.context(), sweep.context().clock.now());
    let id = EndpointId::derive(&[name]);
    let sealed = sweep.calls.vault.seal(&Endpoint::owner(&id), &Secret::symmetric(&[7; 32]));
    let mut endpoint = Endpoint::new(id, ApplicationId::named("acme"), "http://127.0.0.1:9/", now);
    endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
    endpoint.policy.max_retries = 0;
    context.table.create_endpoint(&endpoint).await.expect("kept").either_way();
    let (id, payload) = (EventId::derive(&[name]), b"{}");
    let event = Event::by_relay(id, endpoint.application.clone(), "a.b", payload, now);
    let endpoints = from_ref(&endpoint);
    let announcement =
        Announcement { event: &event, payload, job: None, marker: None, request: None, endpoints };
    let recorded = context.announce(&announcement).await.expect("recorded");
    assert_eq!(recorded, RecordOutcome::New);
    context.table.deliveries_of(&event.id).await.expect("read").remove(0)
}

fn bell(delivery: &Delivery) -> String {
    let (event, delivery) = (delivery.event.clone(), delivery.id.clone());
    Doorbell::Delivery { event, delivery, hops: 0 }.print()
}

async fn task(sweep: &Sweep, name: &str, at: Timestamp) -> String {
    let task = Task::recover(&EndpointId::derive(&[name]), sweep.context().clock.now());
    sweep.context().table.create_task(&task, at).await.expect("kept").either_way();
    Doorbell::Task { task: task.id, hops: 0 }.print()
}

#[tokio::test]
async fn each_kind_of_what_is_due_rings_the_queue_of_its_function() {
    let (aws, sweep) = world().await;
    let (context, names) = (sweep.context(), aws.names());
    let now = context.clock.now();
    let pending = delivery(&sweep, "pending").await;
    let dead = delivery(&sweep, "dead").await;
    sweep.calls.attempt(&dead.event, &dead.id, false).await.expect("attempted");
    let task = task(&sweep, "task", now.plus(GRACE)).await;
    let gate = Gate::before(&pending);
    context.table.keep_gate(&gate, now.plus(GRACE)).await.expect("kept").either_way();
    let (id, application) = (EventId::derive(&["content"]), ApplicationId::named("acme"));
    let mut event = Event::by_relay(id, application.clone(), "a.b", b"{}", now);
    event.asked.content_until = Some(now.plus(GRACE));
    let announcement = Announcement {
        event: &event,
        payload: b"{}",
        job: None,
        marker: None,
        request: None,
        endpoints: &[],
    };
    let recorded = context.announce(&announcement).await.expect("recorded");
    assert_eq!(recorded, RecordOutcome::New);
    let batch = BatchId::derive(&["batch"]);
    let source = SourceId::derive(&["s"]);
    let tenure = Tenure { source, application: application.clone() };
    for name in names_of_one_shard(&tenure).take(3) {
        let mut job = Job::unknown(tenure.clone(), "s", &name, now);
        job.version = 1;
        let marker = BatchMarker {
            batch: batch.clone(),
            job: job.id.clone(),
            application: application.clone(),
            external_id: "batch".to_owned(),
            joins: true,
            ended: Some(JobStatus::Succeeded),
        };
        let marker = Some(&marker);
        let registering = JobRegistration { job: &job, marker, endpoint: None, deliveries: &[] };
        let registered = context.table.register(&registering).await.expect("kept");
        assert_eq!(registered, WriteOutcome::Done);
    }
    // The bells of what happened just now.
    for queue in [&names.outbox, &names.dead_letters] {
        on(&aws, queue).await;
    }
    context.clock.advance(GRACE);
    let swept = sweep.run().await.expect("swept");
    assert_eq!(swept, SweepCounts { rung: 8, ..SweepCounts::default() });
    assert_eq!(on(&aws, &names.outbox).await, [bell(&pending)]);
    let gate = Doorbell::Gate { gate: gate.endpoint, hops: 0 }.print();
    let mut rest = [bell(&dead), task, gate, Doorbell::Content { content: event.id }.print()];
    rest.sort_unstable();
    assert_eq!(on(&aws, &names.dead_letters).await, rest);
    // A batch is rung for with a delay of a second.
    aws.skip_queue_time(Duration::from_secs(1));
    let one = Doorbell::Batch { batch }.print();
    assert_eq!(on(&aws, &names.inbox).await, [one], "one bell for the three markers of a shard");
}

#[tokio::test]
async fn what_another_worker_marked_meanwhile_is_not_rung_for() {
    let (_aws, sweep) = world().await;
    let now = sweep.context().clock.now();
    for name in ["one", "two"] {
        task(&sweep, name, now).await;
    }
    let read = due(&sweep).await;
    let theirs = sweep.context().table.mark(&read[0], now).await.expect("answered");
    assert_eq!(theirs, WriteOutcome::Done);
    let (marked, failed) = sweep.mark(read, now).await;
    assert_eq!((marked.len(), failed.is_ok()), (1, true));
    assert!(due(&sweep).await.is_empty());
}

#[tokio::test]
async fn of_two_rounds_that_both_run_one_rings_for_each() {
    let (aws, sweep) = world().await;
    let now = sweep.context().clock.now();
    for number in 0..25 {
        task(&sweep, &number.to_string(), now).await;
    }
    let (one, other) = tokio::join!(sweep.run(), sweep.run());
    assert_eq!(one.expect("swept").rung + other.expect("swept").rung, 25);
    assert_eq!(on(&aws, &aws.names().dead_letters).await.len(), 25);
}

#[tokio::test]
async fn a_queue_that_fails_fails_the_round_and_holds_up_no_other() {
    let (aws, mut sweep) = world().await;
    let names = aws.names();
    let delivery = delivery(&sweep, "e").await;
    on(&aws, &names.outbox).await;
    sweep.context().clock.advance(GRACE);
    let now = sweep.context().clock.now();
    let task = task(&sweep, "t", now).await;
    let outbox = std::mem::replace(&mut sweep.calls.context.outbox, Outbox(nowhere(&aws)));
    assert!(sweep.run_alone().await.is_err(), "the schedule's alarm hears of it");
    assert_eq!(on(&aws, &names.dead_letters).await, [task]);
    // The round that failed gave its lease back, and the bell that was lost is due after its mark.
    sweep.calls.context.outbox = outbox;
    assert_eq!(sweep.run_alone().await.expect("swept").rung, 0);
    sweep.context().clock.advance(Duration::from_secs(60));
    assert_eq!(sweep.run_alone().await.expect("swept").rung, 2);
    assert_eq!(on(&aws, &names.outbox).await, [bell(&delivery)]);
}

#[tokio::test]
async fn a_round_that_failed_gives_its_lease_back() {
    let (aws, mut sweep) = world().await;
    let now = sweep.context().clock.now();
    task(&sweep, "t", now).await;
    sweep.calls.dead_letters = DeadLetters(nowhere(&aws));
    assert!(sweep.run_alone().await.is_err());
    let next = sweep.context().table.lease_sweep("next", now, now.plus(LEASE)).await;
    assert_eq!(next.expect("answered"), WriteOutcome::Done);
}

#[tokio::test]
async fn how_late_a_delivery_is_does_not_shrink_with_the_bells_that_nobody_hears() {
    let (_aws, sweep) = world().await;
    let clock = &sweep.context().clock;
    delivery(&sweep, "waits").await;
    let late = async || {
        let mut late = Lateness::default();
        for shard in 0..SHARDS {
            let page = sweep.page(ShardPart::of(shard)).await;
            page.swept.expect("swept");
            late = late.max(page.late);
        }
        (late.due.as_secs(), late.waiting.as_secs())
    };
    assert_eq!(late().await, (0, 0), "its own bell is not late yet");
    for (advanced, due, waiting) in [(60, 0, 60), (60, 0, 120), (120, 0, 240), (300, 60, 540)] {
        clock.advance(Duration::from_secs(advanced));
        assert_eq!(late().await, (due, waiting), "after {waiting} s");
    }
}
