//! The journey of a subscriber that wants the events of one job in order, and fails at first.

use adapters::table::WriteOutcome;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    lane::DeliveryOrdering,
};
use tests::{cloud::Cloud, invariants::World, receiver::Receiver, sender::completion};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let old = World::read(cloud).await.endpoints.remove(0);
    let new = Endpoint { ordering: Some(DeliveryOrdering::Job), ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    receiver.answer(503);
    cloud.send(&completion("c1", "started", "null")).await;
    cloud.work().await;
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.work().await;
    receiver.answer(200);
}

/// The delivery that was recorded first was concluded before the second was attempted. The order is
/// that of processing: a message that returns late is recorded late.
pub(super) fn arrived(world: &World) -> bool {
    let number = |delivery: &&Delivery| delivery.lane.as_ref().map(|place| place.number);
    let mut both: Vec<&Delivery> = world.deliveries.iter().collect();
    both.sort_by_key(number);
    let [first, second] = both[..] else { return false };
    let last = first.attempts.last().map(|attempt| attempt.at);
    let next = second.attempts.first().map(|attempt| attempt.at);
    let delivered = both.iter().all(|delivery| delivery.state == DeliveryState::Delivered);
    delivered && (number(&first), number(&second)) == (Some(1), Some(2)) && last <= next
}
