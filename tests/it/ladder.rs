//! Retry times: all steps of a ladder, and what an endpoint asks for itself.

use std::time::Duration;

use domain::{
    delivery::DeliveryState,
    retry::{LADDER, MAX_DELAY, MAX_DELAYS, MAX_RETRIES, Policy},
};
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion, shown,
};

/// A cloud with one completion on its way to a subscriber that answers `status`.
async fn on_its_way(policy: Policy, receiver: &Receiver) -> Cloud {
    let mut cloud = Cloud::start(Faults::default()).await;
    let known = cloud.endpoint(&receiver.url("/hook"), policy).await;
    let mut patient = known.clone();
    // The circuit would put off what is measured here.
    patient.breaker.threshold = 100;
    cloud.sound_table().update_endpoint(&known, &patient).await.expect("kept").either_way();
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.work().await;
    cloud
}

#[tokio::test]
async fn all_retries_of_the_longest_policy_keep_to_their_ladder() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let mut ladder: Vec<i64> = LADDER.iter().map(|delay| i64::from(*delay)).collect();
    ladder.resize(MAX_DELAYS, i64::from(MAX_DELAY));
    let policy = Policy::of(None, Some(5), Some(ladder.clone())).expect("valid");
    let cloud = on_its_way(policy, &receiver).await;
    let mut within = 0;
    for (step, delay) in ladder.iter().enumerate() {
        let waiting = World::read(&cloud).await.deliveries.remove(0);
        assert_eq!(waiting.made as usize, step + 1);
        let wait = waiting.next_at.since(waiting.attempts[step].at);
        let ratio = wait.as_secs_f64() / *delay as f64;
        within += usize::from((0.8..=1.2).contains(&ratio));
        cloud.pass(waiting.next_at.since(cloud.clock.now()) + Duration::from_secs(1));
        cloud.sweep().await;
        cloud.work().await;
    }
    shown!("retry times within 20 % of their step: {within} of {}", ladder.len());
    assert_eq!(within, MAX_DELAYS);
    let delivery = World::read(&cloud).await.deliveries.remove(0);
    let made = u64::from(MAX_RETRIES) + 1;
    assert_eq!((u64::from(delivery.made), delivery.state), (made, DeliveryState::Dead));
}

#[tokio::test]
async fn retry_after_is_never_undercut() {
    let receiver = Receiver::start().await;
    for status in [429, 503] {
        for seconds in [30_u64, 600, 7_200] {
            receiver.answer(status);
            receiver.asks_to_wait(seconds);
            let policy = Policy::of(Some(3), Some(5), Some(vec![10])).expect("valid");
            let cloud = on_its_way(policy, &receiver).await;
            let delivery = World::read(&cloud).await.deliveries.remove(0);
            let wait = delivery.next_at.since(delivery.attempts[0].at).as_secs();
            assert!(seconds <= wait, "{status} asked for {seconds} s and got {wait} s");
            let before = receiver.received().len();
            cloud.pass(Duration::from_secs(seconds - 3));
            cloud.sweep().await;
            cloud.work().await;
            assert_eq!(receiver.received().len(), before, "{status}: not before {seconds} s");
        }
    }
}

#[tokio::test]
async fn a_chain_of_bells_ends_at_twelve_and_the_sweep_begins_another() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let policy = Policy::of(Some(10), Some(5), Some(vec![1])).expect("valid");
    let cloud = on_its_way(policy, &receiver).await;
    let outbox = cloud.aws.names().outbox.clone();
    let purge = cloud.sound.sqs().purge_queue().queue_url(cloud.aws.queue_url(&outbox));
    purge.send().await.expect("purged");
    let calls = cloud.calls();
    for (hops, rung) in [(0, true), (11, true), (12, false), (13, false)] {
        let waiting = World::read(&cloud).await.deliveries.remove(0);
        let before = cloud.aws.queue_depth(&outbox).1;
        cloud.clock.advance(waiting.next_at.since(cloud.clock.now()));
        calls.attempt_rung(&waiting.event, &waiting.id, hops).await.expect("done");
        assert_eq!(cloud.aws.queue_depth(&outbox).1 - before, i64::from(rung), "{hops}");
    }
    // Nothing of it is lost: the sweep rings, and its bell begins a chain.
    purge_and_settle(&cloud, &receiver).await;
}

async fn purge_and_settle(cloud: &Cloud, receiver: &Receiver) {
    let url = cloud.aws.queue_url(&cloud.aws.names().outbox);
    cloud.sound.sqs().purge_queue().queue_url(url).send().await.expect("purged");
    receiver.answer(200);
    assert!(cloud.settle(20).await);
    assert_eq!(World::read(cloud).await.deliveries[0].state, DeliveryState::Delivered);
}
