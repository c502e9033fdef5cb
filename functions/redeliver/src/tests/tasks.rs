//! Steps of tasks: one worker at a time, and a last look after everything has settled.

use adapters::table::{EventRecording, RecordOutcome, WriteOutcome};
use domain::{
    endpoint::EndpointScope,
    event::Event,
    id::{ApplicationId, DeliveryId, EndpointId, EventId, LetterId, TaskId},
    letter::{Letter, LetterFilter},
    retry::ErrorClass,
    task::{INDEX_SETTLES, LAST_LOOK_AFTER, LEASE, Task},
};
use futures::future::join_all;

use super::*;

/// A batch with a doorbell for this task.
fn bell(task: &TaskId) -> SqsEvent {
    let mut bell = batch(TASK);
    bell.records[0].body = Some(Doorbell::Task { task: task.clone(), hops: 0 }.print());
    bell
}

async fn ring(redeliver: &Redeliver, task: &TaskId) {
    let failed = redeliver.handle(&bell(task)).await.batch_item_failures;
    assert!(failed.is_empty(), "{failed:?}");
}

async fn task(redeliver: &Redeliver, id: &TaskId) -> Task {
    redeliver.context.table.task(id).await.expect("read").expect("there")
}

/// Parks so many poisoned messages.
async fn poisoned(redeliver: &Redeliver, count: usize) {
    for n in 0..count {
        let mut message = batch(POISONED);
        message.records[0].body = Some(format!("not what the inbox carries: {n}"));
        assert!(redeliver.handle(&message).await.batch_item_failures.is_empty());
    }
}

async fn redrive(redeliver: &Redeliver) -> TaskId {
    let Context { table, clock, .. } = &redeliver.context;
    let id = TaskId::random([7; 16]);
    let task = Task::redrive(id.clone(), LetterFilter::default(), 10, clock.now());
    assert_eq!(table.create_task(&task, clock.now()).await.expect("asked"), WriteOutcome::Done);
    id
}

#[test]
fn a_letter_that_was_only_meant_to_be_put_back_is_put_back_again() {
    let (asked, endpoint) = (Timestamp::from_secs(100), EndpointId::derive(&["e"]));
    let parked = letter(&endpoint, asked);
    assert!(!parked.was_put_back_since(asked));
    let meant = Letter { retried_at: Some(asked), ..parked };
    assert!(!meant.was_put_back_since(asked));
    let died_again = Letter { retry_success: Some(false), ..meant };
    assert!(died_again.was_put_back_since(asked));
    assert!(!died_again.was_put_back_since(asked.plus(Duration::from_millis(1))));
}

#[tokio::test]
async fn a_bell_during_a_step_of_another_worker_leaves_the_task_alone() {
    let (_aws, redeliver) = world().await;
    poisoned(&redeliver, 3).await;
    let id = redrive(&redeliver).await;
    let Context { table, clock, .. } = &redeliver.context;
    let held = task(&redeliver, &id).await.leased(clock.now());
    assert_eq!(
        table.update_task(&held, held.lease_until).await.expect("asked"),
        WriteOutcome::Done
    );
    let version = task(&redeliver, &id).await.version;
    for _ in 0..5 {
        ring(&redeliver, &id).await;
    }
    let left = task(&redeliver, &id).await;
    assert_eq!((left.version, left.redriven, left.finished_at), (version, 0, None));
    // That worker died: its lease ends, and the step is done.
    clock.advance(LEASE);
    ring(&redeliver, &id).await;
    let done = task(&redeliver, &id).await;
    assert_eq!((done.redriven, done.matched, done.lease_until), (3, 3, None));
    assert!(done.finished_at.is_some());
}

#[tokio::test]
async fn of_many_bells_at_once_one_does_the_step() {
    let (_aws, redeliver) = world().await;
    poisoned(&redeliver, 20).await;
    let id = redrive(&redeliver).await;
    join_all((0..16).map(|_| ring(&redeliver, &id))).await;
    let done = task(&redeliver, &id).await;
    assert_eq!((done.matched, done.redriven, done.scanned), (20, 20, 20));
    assert!(done.finished_at.is_some());
}

/// A letter about a delivery to this endpoint, which is not there.
fn letter(endpoint: &EndpointId, now: Timestamp) -> Letter {
    let (event, delivery) = (EventId::random([1; 16]), DeliveryId::random([2; 16]));
    Letter {
        id: LetterId::of_delivery(&delivery),
        number: 1,
        what: LetterSubject::Delivery {
            event,
            delivery,
            endpoint: endpoint.clone(),
            application: ApplicationId::named("acme"),
            scope: EndpointScope::Application,
            event_type: "invoice.paid".to_owned(),
            url: "https://subscriber.example/".to_owned(),
            job: None,
            batch_id: None,
        },
        error: "the endpoint answered 500".to_owned(),
        error_class: ErrorClass::Status,
        attempts: 1,
        last_attempt_at: Some(now),
        created_at: now,
        retried_at: None,
        retry_success: None,
        state: LetterState::Waiting,
        expires_at: None,
        version: 0,
    }
}

#[tokio::test]
async fn a_recovery_looks_once_more_after_the_index_has_settled() {
    let (_aws, redeliver) = world().await;
    let Context { table, clock, .. } = &redeliver.context;
    let (endpoint, began) = (EndpointId::random([3; 16]), clock.now());
    let (id, recovery) = (TaskId::recovery(&endpoint), Task::recover(&endpoint, began));
    table.create_task(&recovery, began).await.expect("created").either_way();
    clock.advance(INDEX_SETTLES);
    // A letter is parked, and the index does not show it yet.
    assert_eq!(table.touch_task(&id, clock.now()).await.expect("asked"), WriteOutcome::Done);
    ring(&redeliver, &id).await;
    assert_eq!(task(&redeliver, &id).await.settles_at(), clock.now().plus(INDEX_SETTLES));
    table.park(&letter(&endpoint, clock.now()), None).await.expect("parked").either_way();
    clock.advance(INDEX_SETTLES);
    ring(&redeliver, &id).await;
    // The letter is found. Its endpoint is gone, so that nothing has to be probed.
    let found = task(&redeliver, &id).await;
    assert!(found.is_answering(), "{found:?}");
}

#[tokio::test]
async fn a_recovery_without_letters_ends_once_the_index_has_settled() {
    let (_aws, redeliver) = world().await;
    let Context { table, clock, .. } = &redeliver.context;
    let endpoint = EndpointId::random([3; 16]);
    let id = TaskId::recovery(&endpoint);
    table
        .create_task(&Task::recover(&endpoint, clock.now()), clock.now())
        .await
        .expect("created")
        .either_way();
    ring(&redeliver, &id).await;
    assert!(table.task(&id).await.expect("read").is_some());
    clock.advance(INDEX_SETTLES);
    ring(&redeliver, &id).await;
    assert!(table.task(&id).await.expect("read").is_none());
}

/// Records a message of `acme` that was received at `at`.
async fn message(redeliver: &Redeliver, name: &str, at: Timestamp) -> EventId {
    let application = ApplicationId::named("acme");
    let id = EventId::derive(&[name]);
    let event = Event::by_relay(id.clone(), application, "invoice.paid", br#"{"a":1}"#, at);
    let recording = EventRecording {
        event: &event,
        job: None,
        marker: None,
        request: None,
        deliveries: &[],
        endpoints: &[],
        callee: None,
    };
    let recorded = redeliver.context.table.record(&recording).await.expect("asked");
    assert_eq!(recorded, RecordOutcome::New);
    id
}

#[tokio::test]
async fn a_purge_looks_once_more_for_messages_that_were_still_in_the_inbox() {
    let (_aws, redeliver) = world().await;
    let Context { table, clock, .. } = &redeliver.context;
    let received = clock.now();
    let early = message(&redeliver, "early", received).await;
    clock.advance(Duration::from_secs(1));
    let id = TaskId::random([7; 16]);
    let purge = Task::purge(id.clone(), ApplicationId::named("acme"), clock.now());
    table.create_task(&purge, clock.now()).await.expect("created").either_way();
    ring(&redeliver, &id).await;
    let ended = task(&redeliver, &id).await.finished_at;
    assert_eq!(ended, Some(clock.now()));
    // These were received before the purge, and after it.
    let late = message(&redeliver, "late", received).await;
    clock.advance(Duration::from_secs(1));
    let young = message(&redeliver, "young", clock.now()).await;
    ring(&redeliver, &id).await;
    let gone = async |id: &EventId| {
        let event = table.event(id).await.expect("read").expect("there");
        event.expunged_at.is_some()
    };
    assert!(gone(&early).await && !gone(&late).await, "the last look has its time");
    clock.advance(LAST_LOOK_AFTER);
    ring(&redeliver, &id).await;
    assert!(gone(&late).await && !gone(&young).await);
    let rests = task(&redeliver, &id).await;
    assert_eq!((rests.finished_at, rests.looked_again, rests.redriven), (ended, true, 2));
    ring(&redeliver, &id).await;
    assert_eq!(task(&redeliver, &id).await.version, rests.version, "nothing is left to do");
}

#[tokio::test]
async fn a_recovery_removes_letters_whose_time_is_over_and_at_its_end_their_counters() {
    let (_aws, redeliver) = world().await;
    let Context { table, clock, .. } = &redeliver.context;
    let (endpoint, application) = (EndpointId::random([3; 16]), ApplicationId::named("acme"));
    let life = Duration::from_secs(1000);
    let parked = letter(&endpoint, clock.now());
    let parked = Letter { expires_at: Some(clock.now().plus(life)), ..parked };
    table.park(&parked, None).await.expect("parked").either_way();
    let id = TaskId::recovery(&endpoint);
    let of = Some(application.clone());
    let recovery = Task { of, ..Task::recover(&endpoint, clock.now()) };
    table.create_task(&recovery, clock.now()).await.expect("created").either_way();
    let waiting = async || table.count_waiting_at(&application, &endpoint).await.expect("read");
    let refused = table.forget_counts(&application, &endpoint).await.expect("asked");
    assert_eq!((waiting().await, refused), (1, WriteOutcome::Refused));
    clock.advance(life);
    ring(&redeliver, &id).await;
    assert_eq!((table.letter(&parked.id).await.expect("read"), waiting().await), (None, 0));
    clock.advance(INDEX_SETTLES);
    ring(&redeliver, &id).await;
    assert!(table.task(&id).await.expect("read").is_none());
    let all = table.count_waiting_letters(None).await.expect("read");
    assert!(all.is_empty(), "{all:?}");
}
