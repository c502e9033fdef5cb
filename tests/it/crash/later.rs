//! The journey of a delivery whose retries have a bell, then an entry for a time half an hour away, then a
//! bell again.

use adapters::table::WriteOutcome;
use domain::{delivery::DeliveryState, endpoint::Endpoint, retry::Policy};
use tests::{cloud::Cloud, invariants::World, receiver::Receiver, sender::completion};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let old = World::read(cloud).await.endpoints.remove(0);
    let policy = Policy::of(Some(3), Some(5), Some(vec![10, 1_800, 10])).expect("valid");
    let patient = Endpoint { policy, ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &patient).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    receiver.answer(500);
    cloud.send(&completion("c1", "success", "1")).await;
    // Two failures, and the entry that follows is not rung for yet.
    cloud.settle_for(3).await;
    receiver.answer(500);
    // The half hour passes.
    cloud.settle_for(9).await;
    receiver.answer(200);
}

/// It arrived.
pub(super) fn arrived(world: &World) -> bool {
    world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered)
}
