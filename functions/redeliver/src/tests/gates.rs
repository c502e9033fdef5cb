//! Steps of gates: what they ring for, what they leave alone, and when they end.

use adapters::table::{ClaimOutcome, ConcludeOutcome, EventRecording, RecordOutcome};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    gate::Gate,
    health::{Circuit, Health},
    id::{DeliveryId, EndpointId},
    task::LEASE,
};

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// An endpoint with this circuit, at whose gate so many deliveries wait, a millisecond apart.
async fn waiting(redeliver: &Redeliver, circuit: Circuit, count: u64) -> (Endpoint, Vec<Delivery>) {
    let Context { table, clock, .. } = &redeliver.context;
    let (now, application) = (clock.now(), ApplicationId::named("acme"));
    let id = EndpointId::derive(&["endpoint"]);
    let endpoint = Endpoint::new(id, application.clone(), "http://127.0.0.1:9/", now);
    assert_eq!(table.create_endpoint(&endpoint).await.expect("kept"), WriteOutcome::Done);
    let health = Health { circuit, ..Health::default() };
    table.keep_health(&endpoint.id, 0, &health, now).await.expect("kept").either_way();
    let mut deliveries = Vec::new();
    for n in 0..count {
        let at = Timestamp(now.0 - count + n);
        let id = EventId::derive(&[&n.to_string()]);
        let event = Event::by_relay(id, application.clone(), "a.b", b"{}", at);
        let delivery = Delivery::new(&event, &endpoint, 0, at);
        let recording = EventRecording {
            event: &event,
            job: None,
            marker: None,
            request: None,
            deliveries: std::slice::from_ref(&delivery),
            endpoints: &[],
            callee: None,
        };
        assert_eq!(table.record(&recording).await.expect("recorded"), RecordOutcome::New);
        if n == 0 {
            let gate = Gate::before(&delivery);
            assert_eq!(table.keep_gate(&gate, now).await.expect("kept"), WriteOutcome::Done);
        }
        let claim = table.claim(&event.id, &delivery.id, "worker", now).await;
        let Ok(ClaimOutcome::Taken(claimed)) = claim else { panic!("{claim:?}") };
        let due = delivery.waits_at_most_until(now);
        let waits = table.wait_at_gate(&claimed, &endpoint.policy, now, due).await;
        assert_eq!(waits.expect("waits"), ConcludeOutcome::Done);
        deliveries.push(delivery);
    }
    (endpoint, deliveries)
}

async fn ring(redeliver: &Redeliver, endpoint: &Endpoint) {
    let mut bell = batch(TASK);
    bell.records[0].body = Some(Doorbell::Gate { gate: endpoint.id.clone(), hops: 0 }.print());
    let failed = redeliver.handle(&bell).await.batch_item_failures;
    assert!(failed.is_empty(), "{failed:?}");
}

async fn gate(redeliver: &Redeliver, endpoint: &Endpoint) -> Option<(Gate, Timestamp)> {
    redeliver.context.table.gate(&endpoint.id).await.expect("read")
}

/// The deliveries that bells on the outbox name, those of the future too.
async fn rung(aws: &LocalAws) -> Vec<DeliveryId> {
    aws.skip_queue_time(MINUTE);
    let (sqs, url) = (aws.clients().sqs(), aws.queue_url(&aws.names().outbox));
    let mut rung = Vec::new();
    loop {
        let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10);
        let messages = received.send().await.expect("received").messages.unwrap_or_default();
        if messages.is_empty() {
            return rung;
        }
        for message in messages {
            match Doorbell::parse(message.body.as_deref().unwrap_or_default()) {
                Ok(Doorbell::Delivery { delivery, .. }) => rung.push(delivery),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The end of an opening that is over.
fn over() -> Circuit {
    Circuit::Open { until: Timestamp::from_secs(1_700_000_000) }
}

#[tokio::test]
async fn a_gate_that_is_shut_rings_for_nobody_and_is_due_when_the_circuit_may_be_probed() {
    let (aws, redeliver) = world().await;
    let until = redeliver.context.clock.now().plus(MINUTE);
    let (endpoint, _) = waiting(&redeliver, Circuit::Open { until }, 3).await;
    ring(&redeliver, &endpoint).await;
    let (_, due) = gate(&redeliver, &endpoint).await.expect("there");
    assert_eq!((due, rung(&aws).await), (until, vec![]));
}

#[tokio::test]
async fn one_is_the_probe_the_one_that_has_waited_longest() {
    let (aws, redeliver) = world().await;
    let (endpoint, deliveries) = waiting(&redeliver, over(), 20).await;
    ring(&redeliver, &endpoint).await;
    let (_, due) = gate(&redeliver, &endpoint).await.expect("there");
    let lease = Delivery::lease(&endpoint.policy);
    assert_eq!(due, Gate::after_probe(lease, redeliver.context.clock.now()));
    assert_eq!(rung(&aws).await, [deliveries[0].id.clone()]);
}

#[tokio::test]
async fn entries_that_were_left_behind_are_removed_and_do_not_stop_a_gate() {
    let (aws, redeliver) = world().await;
    let (endpoint, deliveries) = waiting(&redeliver, over(), 4).await;
    let table = &redeliver.context.table;
    let now = redeliver.context.clock.now();
    // The relay gave the first one up, and somebody took the second before its entry was removed.
    let first = &deliveries[0];
    let first = table.delivery(&first.event, &first.id).await.expect("read").expect("there");
    let given_up = Delivery { state: domain::delivery::DeliveryState::Dead, ..first };
    assert_eq!(table.give_up(&given_up, now).await.expect("ended"), WriteOutcome::Done);
    let claim = table.claim(&deliveries[1].event, &deliveries[1].id, "other", now).await;
    let Ok(ClaimOutcome::Taken(mut claimed)) = claim else { panic!("{claim:?}") };
    claimed.delivery.at_gate = None;
    claimed.delivery.state = domain::delivery::DeliveryState::Delivered;
    let ended = table.conclude(&claimed, &endpoint.policy, None).await.expect("ended");
    assert_eq!(ended, ConcludeOutcome::Done);
    ring(&redeliver, &endpoint).await;
    assert_eq!(rung(&aws).await, [deliveries[2].id.clone()]);
    let left = table.at_gate(&endpoint.id, None, 100).await.expect("read").items;
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn a_release_rings_for_all_in_order_and_again_for_those_that_did_not_come() {
    let (aws, redeliver) = world().await;
    let (endpoint, deliveries) = waiting(&redeliver, Circuit::Closed, 600).await;
    let all: Vec<_> = deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    ring(&redeliver, &endpoint).await;
    // 600 at 100 per second are in the reach of one step.
    assert_eq!(rung(&aws).await, all);
    let (_, due) = gate(&redeliver, &endpoint).await.expect("there");
    let now = redeliver.context.clock.now();
    assert_eq!(due, now.plus(Duration::from_secs(6) + MINUTE));
    // Nobody heard these bells.
    redeliver.context.clock.advance(due.since(now));
    ring(&redeliver, &endpoint).await;
    assert_eq!(rung(&aws).await, all);
}

#[tokio::test]
async fn a_step_takes_a_lease_and_is_done_again_if_its_worker_died() {
    let (aws, redeliver) = world().await;
    let (endpoint, _) = waiting(&redeliver, Circuit::Closed, 3).await;
    let table = &redeliver.context.table;
    let (read, _) = gate(&redeliver, &endpoint).await.expect("there");
    let (leased, until) = read.leased(redeliver.context.clock.now());
    assert_eq!(table.keep_gate(&leased, until).await.expect("kept"), WriteOutcome::Done);
    ring(&redeliver, &endpoint).await;
    assert_eq!(rung(&aws).await, []);
    redeliver.context.clock.advance(LEASE);
    ring(&redeliver, &endpoint).await;
    assert_eq!(rung(&aws).await.len(), 3);
}

#[tokio::test]
async fn a_gate_at_which_nothing_waits_is_removed_after_three_looks() {
    let (aws, redeliver) = world().await;
    let (endpoint, deliveries) = waiting(&redeliver, over(), 1).await;
    let table = &redeliver.context.table;
    let Delivery { event, id, .. } = &deliveries[0];
    let waits = table.delivery(event, id).await.expect("read").expect("there");
    table.leave_gate(&waits).await.expect("left");
    let mut looks = 0;
    while let Some((_, due)) = gate(&redeliver, &endpoint).await {
        let clock = &redeliver.context.clock;
        clock.advance(due.since(clock.now()));
        ring(&redeliver, &endpoint).await;
        looks += 1;
        assert!(looks <= 3);
    }
    assert_eq!((looks, rung(&aws).await), (3, vec![]));
}
