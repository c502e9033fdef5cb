//! Workers that are paused past their lease and wake up late: whatever they found out is refused.

use std::time::Duration;

use adapters::table::{ClaimOutcome, ClaimedDelivery, ConcludeOutcome};
use dispatch::outcome::AttemptOutcome;
use domain::{
    delivery::{Delivery, DeliveryState},
    retry::Policy,
};
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion, shown,
};

const WORKERS: usize = 30;

fn policy() -> Policy {
    Policy::of(Some(2), Some(5), Some(vec![1])).expect("valid")
}

#[tokio::test]
async fn every_worker_that_wakes_up_after_its_lease_is_refused() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/hook"), policy()).await;
    let bodies = (0..WORKERS).map(|n| completion(&format!("c{n}"), "success", "1"));
    cloud.accept_all(bodies).await;
    let inbox = cloud.aws.names().inbox.clone();
    while cloud.step(&inbox).await {}
    let (table, calls) = (cloud.sound_table(), cloud.calls());
    let mut zombies: Vec<ClaimedDelivery> = Vec::new();
    for delivery in World::read(&cloud).await.deliveries {
        let token = format!("zombie of {}", delivery.id);
        let claim = table.claim(&delivery.event, &delivery.id, &token, cloud.clock.now()).await;
        let ClaimOutcome::Taken(claimed) = claim.expect("asked") else { panic!("it is free") };
        zombies.push(*claimed);
    }
    cloud.pass(Delivery::lease(&policy()) + Duration::from_secs(1));
    for zombie in &zombies {
        let Delivery { event, id, .. } = &zombie.delivery;
        let other = calls.attempt(event, id, false).await.expect("done");
        assert!(matches!(other, AttemptOutcome::Called(_)), "{other:?}");
    }
    // They say, one after the other, that it is spent, that it is to be tried again, that it arrived.
    let said = [DeliveryState::Dead, DeliveryState::Pending, DeliveryState::Delivered];
    let mut refused = 0;
    for (zombie, state) in zombies.iter_mut().zip(said.iter().cycle()) {
        zombie.delivery.state = *state;
        zombie.delivery.made += 7;
        let late = table.conclude(zombie, &policy(), Some(cloud.clock.now())).await.expect("asked");
        refused += usize::from(late == ConcludeOutcome::Stale);
    }
    shown!("workers that woke up late refused: {refused} of {WORKERS}");
    assert_eq!(refused, WORKERS);
    assert!(cloud.settle(10).await);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|d| d.state == DeliveryState::Delivered && d.made == 1));
    assert_eq!(receiver.received().len(), WORKERS, "each was called once");
}
