//! Gates: what waits for an open circuit is not rung for, and passes in order and at a rate when the circuit
//! has closed.

mod ends;
mod growth;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use adapters::table::WriteOutcome;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    envelope::Doorbell,
    gate::RELEASE_RATE,
    health::{Circuit, Health},
    id::DeliveryId,
    retry::Policy,
};
use tests::{
    cloud::{Cloud, QueueFaults},
    faults::Faults,
    invariants::World,
    items,
    receiver::Receiver,
    shown,
};

const MINUTE: Duration = Duration::from_secs(60);

fn policy() -> Policy {
    Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid")
}

/// A cloud with an endpoint at a receiver that answers 200.
async fn setting(rate: Option<u16>) -> (Cloud, Receiver, Endpoint) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let old = cloud.endpoint(&receiver.url("/hook"), policy()).await;
    let new = Endpoint { throttle_rate: rate, ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    (cloud, receiver, Endpoint { version: old.version + 1, ..new })
}

/// The health of an endpoint as it is after a probe that succeeded.
async fn close(cloud: &Cloud, endpoint: &Endpoint) {
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    let known = table.health(&endpoint.id).await.expect("read").expect("open");
    let closed = Health { changed_at: now, ..Health::default() };
    let kept = table.keep_health(&endpoint.id, known.version, &closed, now).await;
    assert_eq!(kept.expect("kept"), WriteOutcome::Done);
}

/// The keys of the table that have to do with gates.
async fn left(cloud: &Cloud) -> Vec<String> {
    let keys = items::scan(cloud).await;
    let keys = keys.iter().map(|item| items::text(item, "pk").to_owned());
    keys.filter(|pk| pk.starts_with("GATE")).collect()
}

/// The deliveries of the outbox's bells, in the order in which they came.
fn rung(cloud: &Cloud) -> Vec<DeliveryId> {
    let outbox = &cloud.aws.names().outbox;
    let handled = cloud.handled.lock().expect("not poisoned");
    let bells = handled.iter().filter(|(queue, _)| queue == outbox);
    bells
        .filter_map(|(_, body)| match Doorbell::parse(body) {
            Ok(Doorbell::Delivery { delivery, .. }) => Some(delivery),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_probes_and_all_pass_in_order_when_it_is_answered() {
    let (mut cloud, receiver, endpoint) = setting(None).await;
    cloud.queues = QueueFaults::of(3, 0.3, 0.0);
    let until = cloud.open_circuit(&endpoint, MINUTE).await;
    let waiting = cloud.gather_at_gate(&endpoint, 300, until).await;
    // An hour in which the endpoint does not answer.
    receiver.answer(503);
    for _ in 0..60 {
        cloud.pass(MINUTE);
        cloud.sweep().await;
        cloud.work().await;
    }
    let probes = receiver.received().len();
    shown!("300 wait for an hour: {probes} probes, {} bells", rung(&cloud).len());
    assert!((4..=12).contains(&probes), "{probes} probes in an hour");
    // A bell for each probe and for each retry of what was a probe, each perhaps heard twice.
    assert!(rung(&cloud).len() <= 6 * probes, "{} bells for {probes}", rung(&cloud).len());
    let probed: HashSet<_> = rung(&cloud).into_iter().collect();
    cloud.handled.lock().expect("not poisoned").clear();
    receiver.answer(200);
    assert!(cloud.settle(30).await);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    assert_eq!(left(&cloud).await, [""; 0]);
    // Each behind those that came before it, give or take those of one second. Those that were probes come by
    // their retries, or as letters.
    let place: HashMap<&DeliveryId, usize> =
        waiting.iter().enumerate().map(|(place, delivery)| (&delivery.id, place)).collect();
    let mut first = Vec::new();
    for id in rung(&cloud) {
        if !first.contains(&id) {
            first.push(id);
        }
    }
    let first = first.iter().filter(|id| !probed.contains(*id));
    let places = first.filter_map(|id| place.get(id).copied());
    let (mut highest, mut worst) = (0, 0);
    for place in places {
        highest = highest.max(place);
        worst = worst.max(highest - place);
    }
    shown!("released in order: none more than {worst} places late");
    assert!(worst <= RELEASE_RATE as usize, "{worst}");
}

/// The numbers of bells in each second of a release, and of the deliveries that waited.
async fn release(rate: Option<u16>, count: u64, twice: f64) -> Vec<usize> {
    let (mut cloud, _receiver, endpoint) = setting(rate).await;
    cloud.queues = QueueFaults::of(1, twice, 0.0);
    let until = cloud.open_circuit(&endpoint, MINUTE).await;
    cloud.gather_at_gate(&endpoint, count, until).await;
    close(&cloud, &endpoint).await;
    cloud.calls().look_after_gate(&endpoint.id).await;
    // Nobody attempts anything here. Only the queue of the gates is worked on.
    let names = cloud.aws.names().clone();
    let mut rung = vec![0];
    for second in 0..130 {
        if second % 60 == 37 {
            cloud.sweep().await;
        }
        while cloud.step(&names.dead_letters).await {}
        rung.push(usize::try_from(cloud.aws.queue_depth(&names.outbox).0).expect("few"));
        cloud.pass(Duration::from_secs(1));
    }
    rung
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_keeps_its_rate_though_two_workers_do_each_step() {
    for (rate, twice) in [(Some(20), 0.0), (Some(20), 1.0), (Some(1), 0.0), (None, 0.0)] {
        let per_second = rate.map_or(RELEASE_RATE, u32::from) as usize;
        // A minute, or what 3,000 deliveries give.
        let seconds = (3_000 / per_second).min(60);
        let rung = release(rate, (per_second * seconds) as u64, twice).await;
        // Bells have whole seconds, so that those of the first are heard with those of the next.
        let (wanted, within) = (per_second * (seconds - 1), rung[seconds] - rung[1]);
        let fastest = rung.windows(11).map(|ten| ten[10] - ten[0]).max().expect("many");
        shown!(
            "{per_second}/s, each bell twice: {twice}: {within} of {wanted} in {} s",
            seconds - 1
        );
        assert!(within.abs_diff(wanted) * 20 <= wanted, "{within} of {wanted}");
        // Whatever happens, ten seconds have no more than eleven seconds' deliveries.
        assert!(fastest <= 11 * per_second, "{fastest} in ten seconds");
    }
}

#[tokio::test]
async fn what_comes_to_an_open_circuit_waits_at_the_gate_and_is_due_when_it_would_expire() {
    let (mut cloud, receiver, endpoint) = setting(None).await;
    cloud.open_circuit(&endpoint, MINUTE).await;
    for job in ["c1", "c2", "c3"] {
        cloud.send(&tests::sender::completion(job, "success", "1")).await;
    }
    cloud.work().await;
    let world = World::read(&cloud).await;
    assert_eq!((receiver.received().len(), cloud.count_at_gate(&endpoint).await), (0, 3));
    let table = cloud.sound_table();
    let (_, due) = table.gate(&endpoint.id).await.expect("read").expect("there");
    assert_eq!(due, cloud.clock.now().plus(MINUTE), "looked after when the circuit may be probed");
    let spent = |delivery: &Delivery| delivery.made != 0 || !delivery.attempts.is_empty();
    assert!(!world.deliveries.iter().any(spent));
    // What is shown is when they may go.
    assert!(world.deliveries.iter().all(|delivery| delivery.expected_at() == due));
    for delivery in &world.deliveries {
        let item = items::scan(&cloud).await;
        let sk = format!("DLV#{}", delivery.id);
        let item = item.iter().find(|item| items::text(item, "sk") == sk).expect("there");
        let due = item["due_at"].as_n().expect("a number").parse::<u64>().expect("a number");
        assert_eq!(due, delivery.waits_at_most_until(cloud.clock.now()).0);
    }
    let (status, answer) = cloud.call(axum::http::Method::GET, "/v1/status", None).await;
    assert!(status.is_success(), "{answer}");
    assert_eq!(answer["pending"]["count"], 3, "{answer}");
    assert!(cloud.settle(20).await);
    assert_eq!((receiver.received().len(), left(&cloud).await.len()), (3, 0));
    assert!(matches!(
        table.health(&endpoint.id).await.expect("read").unwrap_or_default().circuit,
        Circuit::Closed
    ));
}
