//! What a probe costs does not depend on how many deliveries wait.

use domain::endpoint::Endpoint;
use tests::{cloud::Cloud, receiver::Receiver, shown, sizes::size};

use super::{MINUTE, policy};

/// What an hour costs in which so many deliveries wait for an endpoint that does not answer: probes, bells
/// of deliveries, bells of the gate, calls of DynamoDB, write units and read units. The sweep's own queries
/// and lease are left out.
async fn hour(count: u64) -> [f64; 6] {
    let (receiver, cloud) = (Receiver::start().await, Cloud::counting().await);
    let endpoint: Endpoint = cloud.endpoint(&receiver.url("/hook"), policy()).await;
    receiver.answer(503);
    let until = cloud.open_circuit(&endpoint, MINUTE).await;
    cloud.gather_at_gate(&endpoint, count, until).await;
    // Those that were probes before are retried behind the others by now.
    cloud.handled.lock().expect("not poisoned").clear();
    let before = cloud.aws.ledger();
    for _ in 0..60 {
        cloud.pass(MINUTE);
        cloud.sweep().await;
        cloud.work().await;
    }
    let ledger = cloud.aws.ledger().since(&before);
    let own = |line: &local::Line| {
        !["SWEEP", "due", "STATS", "AWAKE"].iter().any(|kind| line.kind.starts_with(kind))
    };
    let capacity = ledger.capacity(own);
    let names = cloud.aws.names().clone();
    let bells = |queue: &str| {
        let handled = cloud.handled.lock().expect("not poisoned");
        handled.iter().filter(|(of, _)| of == queue).count() as f64
    };
    // What is due is read by one scan, or by 64 queries where the index holds more than a hundred entries.
    let reads = |operation: &str| ["Query", "Scan"].contains(&operation);
    let calls = ledger.calls.iter().filter(|(operation, _)| !reads(operation));
    let calls: u64 = calls.map(|(_, count)| *count).sum();
    assert_eq!(
        cloud.count_at_gate(&endpoint).await as u64 / 10,
        (count - 5) / 10,
        "they still wait"
    );
    [
        receiver.received().len() as f64,
        bells(&names.outbox),
        bells(&names.dead_letters),
        calls as f64,
        capacity.written(),
        capacity.read,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_hour_of_an_open_circuit_costs_the_same_whatever_waits() {
    let mut hours = Vec::new();
    for count in [20, 1000 * size("SCALE", 1)] {
        let cost = hour(count).await;
        let [probes, outbox, gate, calls, written, read] = cost;
        shown!(
            "{count} wait for an hour: {probes} probes, {outbox} bells of deliveries, {gate} of the gate, \
             {calls} calls of DynamoDB but for queries, {written} write units, {read} read units"
        );
        assert!(outbox <= 6.0 * probes && gate <= 4.0 * probes, "{outbox} {gate} {probes}");
        hours.push(cost);
    }
    for (few, many) in hours[0].iter().zip(&hours[1]) {
        assert!((many - few).abs() <= 4.0 + few * 0.1, "{hours:?}");
    }
}
