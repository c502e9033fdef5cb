//! How waiting at a gate ends besides by a probe: the endpoint is disabled and enabled, moved, or deleted;
//! somebody asks; content or patience is over; deliveries are in lanes.

use std::time::Duration;

use axum::http::Method;
use domain::{
    delivery::{DeliveryState, MAX_PUT_OFF},
    endpoint::Endpoint,
    lane::DeliveryOrdering,
    retry::ErrorClass,
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, invariants::World};

use super::{MINUTE, left, setting};

const DAY: Duration = Duration::from_secs(86_400);

async fn put(cloud: &Cloud, endpoint: &Endpoint, body: Value) {
    let path = format!("/api/v1/app/acme/endpoint/{}", endpoint.id);
    let (status, answer) = cloud.call(Method::PUT, &path, Some(body)).await;
    assert!(status.is_success(), "{answer}");
}

fn count(world: &World, state: DeliveryState) -> usize {
    world.deliveries.iter().filter(|delivery| delivery.state == state).count()
}

#[tokio::test]
async fn what_waits_for_an_endpoint_that_is_disabled_is_parked_and_comes_back_when_it_is_enabled() {
    let (cloud, receiver, endpoint) = setting(None).await;
    let until = cloud.open_circuit(&endpoint, 15 * MINUTE).await;
    cloud.gather_at_gate(&endpoint, 30, until).await;
    put(&cloud, &endpoint, json!({ "url": endpoint.url, "disabled": true })).await;
    cloud.settle_for(12).await;
    let world = World::read(&cloud).await;
    assert_eq!((count(&world, DeliveryState::Dead), receiver.received().len()), (30, 0));
    let disabled = |letter: &domain::letter::Letter| letter.error_class;
    assert!(world.letters.iter().all(|it| disabled(it) == ErrorClass::EndpointDisabled));
    assert_eq!(left(&cloud).await, [""; 0]);
    put(&cloud, &endpoint, json!({ "url": endpoint.url, "disabled": false })).await;
    assert!(cloud.settle(20).await);
    let world = World::read(&cloud).await;
    assert_eq!((count(&world, DeliveryState::Delivered), receiver.received().len()), (30, 30));
}

#[tokio::test]
async fn an_endpoint_that_is_moved_hears_at_once_what_waited() {
    let (cloud, receiver, endpoint) = setting(None).await;
    let until = cloud.open_circuit(&endpoint, 15 * MINUTE).await;
    cloud.gather_at_gate(&endpoint, 30, until).await;
    put(&cloud, &endpoint, json!({ "url": receiver.url("/elsewhere") })).await;
    // No sweep, and no wait for the circuit.
    cloud.work().await;
    cloud.pass(Duration::from_secs(1));
    cloud.work().await;
    assert_eq!(receiver.received().len(), 30);
    assert!(cloud.settle(20).await);
    assert_eq!(left(&cloud).await, [""; 0]);
}

#[tokio::test]
async fn what_waits_for_an_endpoint_or_application_that_is_deleted_is_cancelled() {
    for path in ["/api/v1/app/acme/endpoint/", "/api/v1/app/acme"] {
        let (cloud, receiver, endpoint) = setting(None).await;
        let (status, answer) = cloud.call(Method::DELETE, "/v1/sources/modal", None).await;
        assert!(status.is_success(), "{answer}");
        let until = cloud.open_circuit(&endpoint, 15 * MINUTE).await;
        cloud.gather_at_gate(&endpoint, 30, until).await;
        let path = match path.ends_with('/') {
            true => format!("{path}{}", endpoint.id),
            false => path.to_owned(),
        };
        let (status, answer) = cloud.call(Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{answer}");
        cloud.settle_for(20).await;
        let world = World::read(&cloud).await;
        assert_eq!((count(&world, DeliveryState::Cancelled), receiver.received().len()), (30, 0));
        assert_eq!(left(&cloud).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_waits_for_longer_than_it_may_becomes_a_letter_and_what_has_one_goes_on_waiting() {
    let (cloud, receiver, endpoint) = setting(None).await;
    let mut until = cloud.open_circuit(&endpoint, 11 * DAY).await;
    cloud.gather_at_gate(&endpoint, 5, until).await;
    cloud.pass(11 * DAY);
    cloud.open_circuit(&endpoint, 5 * DAY).await;
    cloud.sweep().await;
    cloud.work().await;
    assert_eq!(cloud.count_at_gate(&endpoint).await, 5);
    cloud.pass(MAX_PUT_OFF - 11 * DAY + MINUTE);
    for _ in 0..5 {
        cloud.sweep().await;
        cloud.work().await;
        cloud.pass(MINUTE);
    }
    let world = World::read(&cloud).await;
    assert_eq!((world.letters.len(), receiver.received().len()), (5, 0));
    assert!(world.letters.iter().all(|letter| letter.error_class == ErrorClass::CircuitOpen));
    // The recovery sends the first of them again, which waits without end.
    until = cloud.open_circuit(&endpoint, 15 * DAY).await;
    for _ in 0..20 {
        cloud.pass(MINUTE);
        cloud.sweep().await;
        cloud.work().await;
    }
    let waiting = cloud.count_at_gate(&endpoint).await;
    assert!(0 < waiting, "a recovery probes");
    let before = World::read(&cloud).await;
    let pending = count(&before, DeliveryState::Pending);
    assert_eq!(pending, waiting);
    cloud.pass(until.since(cloud.clock.now()));
    assert!(cloud.settle(40).await);
    let world = World::read(&cloud).await;
    assert_eq!(count(&world, DeliveryState::Delivered), 5);
    assert_eq!(left(&cloud).await, [""; 0]);
}

#[tokio::test]
async fn content_that_is_gone_meanwhile_is_not_sent() {
    let (cloud, receiver, endpoint) = setting(None).await;
    let until = cloud.open_circuit(&endpoint, 15 * MINUTE).await;
    let waiting = cloud.gather_at_gate(&endpoint, 3, until).await;
    let event = waiting[1].event.event();
    let path = format!("/api/v1/app/acme/msg/{event}/content");
    let (status, answer) = cloud.call(Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{answer}");
    assert!(cloud.settle(20).await);
    let world = World::read(&cloud).await;
    assert_eq!(count(&world, DeliveryState::Cancelled), 1);
    assert_eq!((count(&world, DeliveryState::Delivered), receiver.received().len()), (2, 2));
    assert_eq!(left(&cloud).await, [""; 0]);
}

#[tokio::test]
async fn who_asks_for_a_delivery_that_waits_changes_nothing_while_the_circuit_is_open() {
    let (cloud, receiver, endpoint) = setting(None).await;
    let until = cloud.open_circuit(&endpoint, 15 * MINUTE).await;
    let waiting = cloud.gather_at_gate(&endpoint, 3, until).await;
    let event = waiting[2].event.event();
    let path = format!("/api/v1/app/acme/msg/{event}/endpoint/{}/resend", endpoint.id);
    let (status, answer) = cloud.call(Method::POST, &path, None).await;
    assert!(status.is_success(), "{answer}");
    cloud.work().await;
    assert_eq!((receiver.received().len(), cloud.count_at_gate(&endpoint).await), (0, 3));
    // When the probe may go, the one that somebody asked for goes, and takes the others along.
    cloud.pass(15 * MINUTE);
    let (status, answer) = cloud.call(Method::POST, &path, None).await;
    assert!(status.is_success(), "{answer}");
    cloud.work().await;
    let heard = receiver.received();
    let named = |delivery: &domain::delivery::Delivery| delivery.event.event();
    let id = heard.first().expect("called").header("webhook-id").to_owned();
    assert!(id.ends_with(named(&waiting[2]).trim_start_matches("evt_").trim_start_matches("msg_")));
    assert!(cloud.settle(20).await);
    assert_eq!((receiver.received().len(), left(&cloud).await.len()), (3, 0));
}

#[tokio::test]
async fn a_lane_behind_a_gate_keeps_its_order_and_is_not_rung_for() {
    let (mut cloud, receiver, old) = setting(None).await;
    let new = Endpoint { ordering: Some(DeliveryOrdering::Job), ..old.clone() };
    cloud.sound_table().update_endpoint(&old, &new).await.expect("kept").either_way();
    cloud.open_circuit(&old, MINUTE).await;
    receiver.answer(503);
    let completion = |text: &str, job: &str| tests::sender::completion(job, text, "1");
    for job in ["c1", "c2"] {
        cloud.send(&completion("started", job)).await;
        cloud.work().await;
        cloud.pass(Duration::from_secs(1));
        cloud.send(&completion("success", job)).await;
        cloud.work().await;
    }
    assert_eq!(
        cloud.count_at_gate(&old).await,
        4,
        "those that are not the first of their lane, too"
    );
    let before = super::rung(&cloud).len();
    cloud.pass(Duration::from_secs(50));
    cloud.sweep().await;
    cloud.work().await;
    assert_eq!(super::rung(&cloud).len(), before, "nobody is rung for before the probe");
    cloud.pass(MINUTE);
    cloud.sweep().await;
    cloud.work().await;
    assert_eq!(receiver.received().len(), 1, "one probe");
    receiver.answer(200);
    assert!(cloud.settle(30).await);
    let world = World::read(&cloud).await;
    assert_eq!(count(&world, DeliveryState::Delivered), 4);
    assert_eq!(left(&cloud).await, [""; 0]);
    for job in ["c1", "c2"] {
        let of = |request: &tests::receiver::ReceivedRequest| {
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let its = String::from_utf8_lossy(&request.body).contains(job);
            (its && request.answered == 200).then(|| body["type"].to_string())
        };
        let told: Vec<_> = receiver.received().iter().filter_map(of).collect();
        assert_eq!(told, ["\"job.started\"", "\"job.succeeded\""], "{job}");
    }
}
