//! Coming to a gate, and leaving it.

use domain::{
    gate::Gate,
    health::{Circuit, Health},
};

use super::*;
use crate::outcome::AttemptOutcome;

const MINUTE: Duration = Duration::from_secs(60);

/// An endpoint whose circuit is open for a minute, and so many deliveries to it.
async fn open(world: &World, count: usize) -> (Endpoint, Vec<Delivery>) {
    let endpoint = world.endpoint(|_| ()).await;
    let circuit = Circuit::Open { until: START.plus(MINUTE) };
    let health = Health { circuit, failures: 5, ..Health::default() };
    let kept = world.calls.context.table.keep_health(&endpoint.id, 0, &health, START).await;
    assert_eq!(kept.expect("kept"), WriteOutcome::Done);
    let mut deliveries = Vec::new();
    for n in 0..count {
        deliveries.push(world.announce(&format!("event {n}"), b"{}", &endpoint).await);
    }
    (endpoint, deliveries)
}

async fn attempt(world: &World, delivery: &Delivery, manual: bool) -> AttemptOutcome {
    world.calls.attempt(&delivery.event, &delivery.id, manual).await.expect("attempted")
}

async fn gate(world: &World, endpoint: &Endpoint) -> (Gate, Timestamp) {
    world.calls.context.table.gate(&endpoint.id).await.expect("read").expect("there")
}

/// The deliveries that wait at the gate.
async fn waiting(world: &World, endpoint: &Endpoint) -> Vec<String> {
    let page = world.calls.context.table.at_gate(&endpoint.id, None, 100).await.expect("read");
    page.items.iter().map(|entry| entry.delivery.to_string()).collect()
}

async fn now_is(world: &World, delivery: &Delivery) -> Delivery {
    let table = &world.calls.context.table;
    table.delivery(&delivery.event, &delivery.id).await.expect("read").expect("there")
}

#[tokio::test]
async fn who_meets_an_open_circuit_waits_and_the_first_puts_up_the_gate() {
    let world = World::start().await;
    let (endpoint, deliveries) = open(&world, 3).await;
    let until = START.plus(MINUTE);
    for delivery in &deliveries {
        let came = attempt(&world, delivery, false).await;
        assert!(matches!(came, AttemptOutcome::Early(at) if at == until), "{came:?}");
        let waits = now_is(&world, delivery).await;
        assert_eq!((waits.made, waits.next_at, waits.at_gate), (0, START, Some(until)));
    }
    let (gate, due) = gate(&world, &endpoint).await;
    assert_eq!((gate.version, due), (1, until), "those who came later wrote no gate");
    assert_eq!(waiting(&world, &endpoint).await.len(), 3);
    // Whoever comes again stays where it is.
    attempt(&world, &deliveries[0], false).await;
    assert_eq!(waiting(&world, &endpoint).await.len(), 3);
}

#[tokio::test]
async fn a_gate_that_was_found_empty_is_not_removed_under_one_who_comes() {
    let world = World::start().await;
    let (endpoint, deliveries) = open(&world, 1).await;
    let table = &world.calls.context.table;
    let mut found = Gate::before(&deliveries[0]);
    found.find_nothing(START);
    let look = START.plus(15 * MINUTE);
    assert_eq!(table.keep_gate(&found, look).await.expect("kept"), WriteOutcome::Done);
    // A worker reads the gate and finds nothing once more; meanwhile a delivery comes.
    let (read, _) = gate(&world, &endpoint).await;
    attempt(&world, &deliveries[0], false).await;
    assert_eq!(table.remove_gate(&read).await.expect("asked"), WriteOutcome::Refused);
    let (kept, due) = gate(&world, &endpoint).await;
    assert_eq!(
        (kept.empty_since, due),
        (None, START.plus(MINUTE)),
        "and it is looked after in time"
    );
}

#[tokio::test]
async fn who_goes_leaves_the_gate_before_it_is_called() {
    let world = World::start().await;
    let (endpoint, deliveries) = open(&world, 2).await;
    for delivery in &deliveries {
        attempt(&world, delivery, false).await;
    }
    // Somebody asks for one while the circuit is open.
    let asked = attempt(&world, &deliveries[0], true).await;
    assert!(matches!(asked, AttemptOutcome::Called(_)), "{asked:?}");
    assert_eq!(waiting(&world, &endpoint).await, [deliveries[1].id.to_string()]);
    // The other goes as the probe, when the lease of that one is over.
    world.calls.context.clock.advance(15 * MINUTE);
    let probe = attempt(&world, &deliveries[1], false).await;
    assert!(matches!(probe, AttemptOutcome::Called(_)), "{probe:?}");
    assert_eq!(waiting(&world, &endpoint).await, [""; 0]);
    for delivery in &deliveries {
        let ended = now_is(&world, delivery).await;
        assert_eq!((ended.made, ended.at_gate), (1, None));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_disabled_or_gone_keeps_nobody_at_its_gate() {
    for is_gone in [false, true] {
        let world = World::start().await;
        let (endpoint, deliveries) = open(&world, 1).await;
        attempt(&world, &deliveries[0], false).await;
        let table = &world.calls.context.table;
        let off = Endpoint {
            disabled: Some(domain::endpoint::DisabledReason::ByOwner),
            ..endpoint.clone()
        };
        let written = match is_gone {
            true => table.delete_endpoint(&endpoint).await,
            false => table.update_endpoint(&endpoint, &off).await,
        };
        assert_eq!(written.expect("written"), WriteOutcome::Done);
        let ended = attempt(&world, &deliveries[0], false).await;
        assert!(matches!(ended, AttemptOutcome::Ended(_)), "{ended:?}");
        assert_eq!(waiting(&world, &endpoint).await, [""; 0]);
        assert_eq!(now_is(&world, &deliveries[0]).await.at_gate, None);
    }
}

#[tokio::test]
async fn a_gate_is_rung_for_once_when_it_is_to_be_looked_after() {
    let world = World::start().await;
    let (endpoint, deliveries) = open(&world, 1).await;
    let queue = world.aws.names().dead_letters.clone();
    world.calls.look_after_gate(&endpoint.id).await;
    assert_eq!(world.aws.queue_depth(&queue).0, 0, "there is none");
    attempt(&world, &deliveries[0], false).await;
    for _ in 0..2 {
        world.calls.look_after_gate(&endpoint.id).await;
    }
    assert_eq!((gate(&world, &endpoint).await.1, world.aws.queue_depth(&queue).0), (START, 1));
}
