//! The circuit of an endpoint, over any number of workers: time is turned by hand.

use std::time::Duration;

use adapters::{random, table::WriteOutcome};
use dispatch::{context::CallContext, outcome::AttemptOutcome};
use domain::{
    delivery::{Delivery, DeliveryState},
    health::{Circuit, Health},
    id::EndpointId,
    retry::Policy,
};
use futures::future::join_all;
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion, shown,
};

fn patient() -> Policy {
    Policy::of(Some(10), Some(5), Some(vec![1])).expect("valid")
}

/// A cloud with so many deliveries to one subscriber that answers `status`, none of them rung for.
async fn waiting(count: usize, policy: Policy, status: u16) -> (Cloud, Receiver, Vec<Delivery>) {
    let receiver = Receiver::start().await;
    receiver.answer(status);
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/hook"), policy).await;
    let bodies = (0..count).map(|n| completion(&format!("c{n}"), "success", "1"));
    cloud.accept_all(bodies).await;
    let names = cloud.aws.names().clone();
    while cloud.step(&names.inbox).await {}
    purge(&cloud).await;
    let deliveries = World::read(&cloud).await.deliveries;
    assert_eq!(deliveries.len(), count);
    (cloud, receiver, deliveries)
}

async fn purge(cloud: &Cloud) {
    let outbox = cloud.aws.queue_url(&cloud.aws.names().outbox);
    cloud.sound.sqs().purge_queue().queue_url(outbox).send().await.expect("purged");
}

/// Fifty workers, each with a delivery of its own, at the same moment.
async fn all_at_once(calls: &CallContext, deliveries: &[Delivery]) -> Vec<AttemptOutcome> {
    let each = deliveries.iter().map(|d| calls.attempt(&d.event, &d.id, false));
    join_all(each).await.into_iter().map(|attempted| attempted.expect("no failure")).collect()
}

async fn health(cloud: &Cloud, endpoint: &EndpointId) -> Health {
    cloud.sound_table().health(endpoint).await.expect("read").unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_workers_at_a_dead_endpoint_those_in_flight_call_and_then_one_per_interval() {
    let (cloud, receiver, deliveries) = waiting(150, patient(), 503).await;
    let (calls, endpoint) = (cloud.calls(), deliveries[0].endpoint.clone());
    all_at_once(&calls, &deliveries[..50]).await;
    let first = receiver.received().len();
    assert!((5..=50).contains(&first), "{first} calls by 50 workers");
    let opened = health(&cloud, &endpoint).await;
    assert!(matches!(opened.circuit, Circuit::Open { .. }), "{opened:?}");
    // Whoever comes now finds it open.
    let came = all_at_once(&calls, &deliveries[50..100]).await;
    assert!(came.iter().all(|attempted| matches!(attempted, AttemptOutcome::Early(_))), "{came:?}");
    assert_eq!(receiver.received().len(), first, "an open circuit lets nobody through");
    // Each time it may be asked, one of fifty asks.
    let mut asked = Vec::new();
    for interval in [60_u64, 120, 240, 480, 900, 900] {
        let Circuit::Open { until } = health(&cloud, &endpoint).await.circuit else {
            panic!("the probe failed")
        };
        assert_eq!(until.since(cloud.clock.now()).as_secs(), interval);
        let before = receiver.received().len();
        // Twice within the interval, and when it is over.
        for passes in [interval / 2, interval - interval / 2 - 1] {
            cloud.pass(Duration::from_secs(passes));
            all_at_once(&calls, &deliveries[100..]).await;
            assert_eq!(receiver.received().len(), before, "not before its time");
        }
        // They come back one after the other, within ten seconds.
        cloud.pass(Duration::from_secs(12));
        all_at_once(&calls, &deliveries[100..]).await;
        asked.push(receiver.received().len() - before);
    }
    shown!("calls by 50 workers before it opened: {first}; then per interval: {asked:?}");
    assert!(asked.iter().all(|count| *count == 1), "{asked:?}");
    let world = World::read(&cloud).await;
    let spent = world.deliveries.iter().map(|delivery| delivery.made).sum::<u32>();
    assert_eq!(spent as usize, receiver.received().len(), "what was put off spent nothing");
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Pending));
}

#[tokio::test]
async fn forty_deferrals_put_nothing_on_the_queue_and_spend_nothing() {
    let (cloud, receiver, deliveries) = waiting(6, patient(), 503).await;
    let (calls, put_off) = (cloud.calls(), &deliveries[5]);
    all_at_once(&calls, &deliveries[..5]).await;
    // Who failed is rung for again, as always.
    purge(&cloud).await;
    let outbox = cloud.aws.names().outbox.clone();
    let table = cloud.sound_table();
    for round in 0..40 {
        let attempted = calls.attempt(&put_off.event, &put_off.id, false).await.expect("done");
        let AttemptOutcome::Early(at) = attempted else { panic!("round {round}: {attempted:?}") };
        assert_eq!(cloud.aws.queue_depth(&outbox).1, 0, "round {round} rang");
        // Somebody asks just before it comes, and finds that nothing is better.
        cloud.pass(at.since(cloud.clock.now()));
        let now = cloud.clock.now();
        let known = health(&cloud, &put_off.endpoint).await;
        let until = now.plus(Duration::from_secs(900));
        let still = Health { circuit: Circuit::Open { until }, ..known.clone() };
        let kept = table.keep_health(&put_off.endpoint, known.version, &still, now).await;
        assert_eq!(kept.expect("kept"), WriteOutcome::Done);
    }
    let after = table.delivery(&put_off.event, &put_off.id).await.expect("read").expect("there");
    assert_eq!((after.made, after.attempts.len(), after.state), (0, 0, DeliveryState::Pending));
    assert_eq!(receiver.received().len(), 5);
    // And the sweep alone brings it to its end.
    receiver.answer(200);
    assert!(cloud.settle(20).await);
    assert!(
        World::read(&cloud).await.deliveries.iter().all(|d| d.state == DeliveryState::Delivered)
    );
    assert!(health(&cloud, &put_off.endpoint).await.fares_well());
}

#[tokio::test]
async fn a_worker_that_wakes_up_late_does_not_close_a_circuit_that_another_opened() {
    let workers = 20;
    let (cloud, receiver, deliveries) = waiting(workers + 5, patient(), 503).await;
    let (table, endpoint) = (cloud.sound_table(), deliveries[0].endpoint.clone());
    all_at_once(&cloud.calls(), &deliveries[..5]).await;
    let mut refused = 0;
    for zombie in &deliveries[5..] {
        // It takes the probe, is paused past its lease, and another takes it over.
        let open = health(&cloud, &endpoint).await;
        let Circuit::Open { until } = open.circuit else { panic!("{open:?}") };
        cloud.pass(until.since(cloud.clock.now()));
        let token = random::token();
        let lease = Delivery::lease(&patient());
        let probing = open.probing(&token, lease, cloud.clock.now());
        let now = cloud.clock.now();
        let kept = table.keep_health(&endpoint, open.version, &probing, now).await.expect("kept");
        assert_eq!(kept, WriteOutcome::Done);
        let held = health(&cloud, &endpoint).await;
        cloud.pass(lease + Duration::from_secs(1));
        let calls = cloud.calls();
        let other = calls.attempt(&zombie.event, &zombie.id, false).await.expect("done");
        assert!(matches!(other, AttemptOutcome::Called(_)), "the lease ended: {other:?}");
        let before = health(&cloud, &endpoint).await;
        // The late one says that the endpoint answers: by what it read, and by what is there now.
        let called = domain::health::CallReport {
            sign: domain::health::HealthSignal::Success,
            token: &token,
            began: now,
        };
        let breaker = domain::endpoint::CircuitBreaker::default();
        let domain::health::HealthChange::Changed { next, .. } = held.judge(called, breaker, now)
        else {
            panic!("it held the probe")
        };
        let late = table.keep_health(&endpoint, held.version, &next, cloud.clock.now()).await;
        let by_version = late.expect("asked") == WriteOutcome::Refused;
        let anew = before.judge(called, breaker, cloud.clock.now());
        let by_token = anew == domain::health::HealthChange::Same;
        refused += usize::from(by_version && by_token);
        assert_eq!(health(&cloud, &endpoint).await, before);
    }
    shown!("late workers refused: {refused} of {workers}");
    assert_eq!(refused, workers);
    assert_eq!(receiver.received().len(), 5 + workers);
}
