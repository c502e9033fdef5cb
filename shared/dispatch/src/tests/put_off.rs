//! What stands for a delivery until its next attempt.

use adapters::table::{ClaimOutcome, ClaimedDelivery, ConcludeOutcome};
use domain::delivery::{GRACE, LATER_AHEAD};

use super::*;
use crate::outcome::AttemptOutcome;

/// An endpoint that nobody listens at and that is called again after this time.
async fn failing(world: &World, seconds: u32) -> (Endpoint, Delivery) {
    let policy = Policy { delays: vec![seconds], max_retries: 5, ..Policy::default() };
    let endpoint = world.endpoint(|endpoint| endpoint.policy = policy).await;
    let mut delivery = world.announce("event", b"{}", &endpoint).await;
    // What `api` announces is due. What came by the inbox is not: its bell stands for it.
    let table = &world.calls.context.table;
    let claimed = claim(world, &delivery, START).await;
    let done = table.conclude(&claimed, &endpoint.policy, None).await.expect("let go");
    assert_eq!(done, ConcludeOutcome::Done);
    delivery.made = 0;
    (endpoint, delivery)
}

async fn claim(world: &World, delivery: &Delivery, now: Timestamp) -> ClaimedDelivery {
    let table = &world.calls.context.table;
    let claim = table.claim(&delivery.event, &delivery.id, "mine", now).await.expect("asked");
    let ClaimOutcome::Taken(claimed) = claim else { panic!("not taken: {claim:?}") };
    *claimed
}

async fn attempt(world: &World, delivery: &Delivery) -> Delivery {
    let done = world.calls.attempt(&delivery.event, &delivery.id, false).await.expect("attempted");
    let AttemptOutcome::Called(delivery) = done else { panic!("not called: {done:?}") };
    *delivery
}

/// Whether anything is due, at whatever time.
async fn is_due(world: &World) -> bool {
    for shard in 0..adapters::table::SHARDS {
        let page = world.calls.context.table.due_next(shard, 10).await.expect("read");
        if !page.due.is_empty() {
            return true;
        }
    }
    false
}

async fn bells(world: &World) -> i64 {
    world.aws.queue_depth(&world.aws.names().outbox).1
}

#[tokio::test]
async fn a_retry_within_fifteen_minutes_has_a_bell_and_is_not_due() {
    let world = World::start().await;
    let (_, delivery) = failing(&world, 700).await;
    let before = bells(&world).await;
    let waits = attempt(&world, &delivery).await;
    assert!(waits.next_at.since(START) < Duration::from_secs(900), "{:?}", waits.next_at);
    assert!(!is_due(&world).await);
    assert_eq!(bells(&world).await, before + 1);
    assert!(world.calls.context.table.entered(10).await.expect("read").0.is_empty());
}

#[tokio::test]
async fn a_later_retry_has_an_entry_and_neither_bell_nor_due() {
    let world = World::start().await;
    let (_, delivery) = failing(&world, 7_200).await;
    let before = bells(&world).await;
    let waits = attempt(&world, &delivery).await;
    assert!(!is_due(&world).await);
    assert_eq!(bells(&world).await, before);
    let table = &world.calls.context.table;
    let (entered, complete) = table.entered(10).await.expect("read");
    assert!(complete);
    assert_eq!(entered.iter().map(|it| &it.id).collect::<Vec<_>>(), [&waits.id]);
    let places = table.later_places().await.expect("read");
    let before = table.later(&places, waits.next_at, 10).await.expect("read").0;
    assert!(before.is_empty(), "its time is not before the horizon");
    let (found, next) =
        table.later(&places, waits.next_at.plus(LATER_AHEAD), 10).await.expect("read");
    assert_eq!((found.len(), found[0].at), (1, waits.next_at));
    table.keep_later_places(&next).await.expect("kept");
    assert!(table.entered(10).await.expect("read").0.is_empty(), "it was rung for");
}

#[tokio::test]
async fn a_delivery_whose_bell_is_refused_is_due() {
    let mut world = World::start().await;
    let (_, delivery) = failing(&world, 60).await;
    world.calls.context.outbox.0 =
        Queue::new(world.aws.clients().sqs(), world.aws.queue_url("nowhere"));
    attempt(&world, &delivery).await;
    assert!(is_due(&world).await);
}

#[tokio::test]
async fn a_delivery_whose_bell_was_deleted_before_it_was_written_stays_due() {
    let world = World::start().await;
    let (endpoint, delivery) = failing(&world, 60).await;
    let mut claimed = claim(&world, &delivery, START).await;
    // Another worker hears the bell of the retry, and deletes it.
    let table = &world.calls.context.table;
    let other = table.claim(&delivery.event, &delivery.id, "theirs", START).await.expect("asked");
    assert!(matches!(other, ClaimOutcome::Busy), "{other:?}");
    assert!(is_due(&world).await, "whoever deletes a bell leaves the delivery due");
    claimed.delivery.next_at = START.plus(MINUTE);
    let due = claimed.delivery.next_at.plus(GRACE);
    let concluded = table.conclude_rung(&claimed, &endpoint.policy, due).await.expect("written");
    assert_eq!(concluded, ConcludeOutcome::Done);
    assert!(is_due(&world).await);
}

#[tokio::test]
async fn a_delivery_that_was_due_stays_due() {
    let world = World::start().await;
    let policy = Policy { delays: vec![60], max_retries: 5, ..Policy::default() };
    let endpoint = world.endpoint(|endpoint| endpoint.policy = policy).await;
    let delivery = world.announce("event", b"{}", &endpoint).await;
    assert!(is_due(&world).await, "it was announced without a message of the inbox");
    attempt(&world, &delivery).await;
    assert!(is_due(&world).await);
}

const MINUTE: Duration = Duration::from_secs(60);
