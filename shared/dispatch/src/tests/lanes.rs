//! Order among the deliveries of one key.

use adapters::table::{ClaimOutcome, ClaimedDelivery};
use domain::{delivery::DeliveryState, lane::DeliveryOrdering};

use super::*;
use crate::{outcome::AttemptOutcome, turn::Turn};

/// A worker's claim of a delivery.
async fn claimed(world: &World, delivery: &Delivery) -> ClaimedDelivery {
    let Context { table, clock, .. } = &world.calls.context;
    let claim = table.claim(&delivery.event, &delivery.id, "worker", clock.now()).await;
    match claim.expect("claimed") {
        ClaimOutcome::Taken(claimed) => *claimed,
        other => panic!("{other:?}"),
    }
}

/// Two deliveries of one lane.
async fn lane(world: &World) -> (Endpoint, [Delivery; 2]) {
    let ordering = DeliveryOrdering::Path("customer".to_owned());
    let endpoint = world.endpoint(|endpoint| endpoint.ordering = Some(ordering)).await;
    let payload = br#"{"customer":"one"}"#;
    let first = world.announce("first", payload, &endpoint).await;
    let second = world.announce("second", payload, &endpoint).await;
    (endpoint, [first, second])
}

async fn attempt(world: &World, delivery: &Delivery) -> AttemptOutcome {
    world.calls.attempt(&delivery.event, &delivery.id, false).await.expect("attempted")
}

#[tokio::test]
async fn a_delivery_waits_for_the_one_before_it_and_goes_with_it() {
    let world = World::start().await;
    let (endpoint, [first, second]) = lane(&world).await;
    assert!(matches!(attempt(&world, &second).await, AttemptOutcome::Early(_)));
    assert!(matches!(attempt(&world, &first).await, AttemptOutcome::Called(_)));
    let table = &world.calls.context.table;
    let second = table.delivery(&second.event, &second.id).await.expect("read").expect("there");
    assert_eq!(
        (second.state, second.made),
        (DeliveryState::Dead, 1),
        "nobody listens at {}",
        endpoint.url
    );
}

#[tokio::test]
async fn a_delivery_that_was_held_while_its_turn_came_is_claimed_again() {
    let world = World::start().await;
    let (endpoint, [first, second]) = lane(&world).await;
    // A worker claims the second and sees that it has to wait. Before it releases the second, another
    // worker ends the first and wants to go on with the second.
    let waiting = claimed(&world, &second).await;
    assert!(matches!(attempt(&world, &first).await, AttemptOutcome::Called(_)));
    let place = waiting.delivery.lane.clone().expect("a place");
    let turn = world.calls.release(&waiting, &place, &endpoint).await.expect("released");
    assert!(matches!(turn, Turn::Missed), "{turn:?}: nobody comes for it before it is due");
    assert!(matches!(attempt(&world, &second).await, AttemptOutcome::Called(_)));
}

#[tokio::test]
async fn a_delivery_that_has_to_wait_is_due_after_a_while() {
    let world = World::start().await;
    let (endpoint, [_, second]) = lane(&world).await;
    let waiting = claimed(&world, &second).await;
    let turn = world.calls.turn(&waiting, &endpoint).await.expect("released");
    let due = START.plus(Duration::from_secs(300));
    assert!(matches!(turn, Turn::Waits(AttemptOutcome::Early(at)) if at == due), "{turn:?}");
}
