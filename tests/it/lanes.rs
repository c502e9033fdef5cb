//! Deliveries of one key arrive in order, through retries and with many workers; a failing key does not
//! hold the others.

use std::{collections::BTreeMap, time::Duration};

use adapters::table::WriteOutcome;
use axum::http::Method;
use domain::{
    delivery::DeliveryState,
    endpoint::{CircuitBreaker, Endpoint},
    lane::DeliveryOrdering,
    retry::Policy,
};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::{
    cloud::{Cloud, QueueFaults},
    faults::Faults,
    invariants::World,
    receiver::{ReceivedRequest, Receiver},
    shown,
};

/// A cloud whose endpoint wants the deliveries of one customer in order, each tried again so many
/// times, after one second.
async fn ordered(retries: i64) -> (Cloud, Receiver) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let policy = Policy::of(Some(retries), Some(5), Some(vec![1])).expect("valid");
    let old = cloud.endpoint(&receiver.url("/hook"), policy).await;
    let breaker = CircuitBreaker { threshold: u16::MAX, recovery_seconds: 1 };
    let ordering = Some(DeliveryOrdering::Path("customer".to_owned()));
    let new = Endpoint { breaker, ordering, ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    (cloud, receiver)
}

async fn say(cloud: &Cloud, customer: &str, number: usize) {
    let payload = json!({ "customer": customer, "n": number });
    let message = json!({ "eventType": "order.changed", "payload": payload });
    let path = "/api/v1/app/acme/msg";
    let (status, answer) = cloud.call(Method::POST, path, Some(message)).await;
    assert!(status.is_success(), "{answer}");
}

/// Many workers, until nothing is left; or for so many rounds.
async fn work(cloud: &Cloud, rounds: usize) {
    for _ in 0..rounds {
        join_all((0..12).map(|_| cloud.work())).await;
        if cloud.is_quiet().await {
            return;
        }
        cloud.pass(Duration::from_secs(61));
        cloud.sweep().await;
    }
}

/// The numbers of each customer in the order of their first arrival.
fn heard(received: &[ReceivedRequest]) -> BTreeMap<String, Vec<u64>> {
    let mut heard: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for request in received.iter().filter(|request| request.answered == 200) {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let number = body["n"].as_u64().expect("a number");
        let customer = body["customer"].as_str().expect("a customer").to_owned();
        let numbers = heard.entry(customer).or_default();
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_one_key_arrive_in_the_order_in_which_they_were_recorded() {
    let (mut cloud, receiver) = ordered(10).await;
    receiver.fails(5, 0.3);
    cloud.queues = QueueFaults::of(6, 0.2, 0.2);
    for number in 0..200 {
        say(&cloud, &format!("customer-{}", number % 10), number).await;
    }
    work(&cloud, 200).await;
    let heard = heard(&receiver.received());
    let in_order = heard.values().filter(|numbers| numbers.is_sorted()).count();
    let arrived: usize = heard.values().map(Vec::len).sum();
    shown!(
        "lanes: {arrived} of 200 arrived, {in_order} of 10 keys in order, a third of answers failing"
    );
    assert_eq!((arrived, in_order), (200, 10));
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_recorded_at_the_same_moment_have_an_order() {
    let (cloud, receiver) = ordered(10).await;
    join_all((0..40).map(|number| say(&cloud, "one", number))).await;
    let world = World::read(&cloud).await;
    let place = |delivery: &domain::delivery::Delivery| delivery.lane.as_ref().map(|it| it.number);
    let mut numbers: Vec<_> = world.deliveries.iter().filter_map(place).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<u64>>(), "each number once");
    work(&cloud, 60).await;
    assert_eq!(receiver.received().len(), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trouble_of_one_key_does_not_hold_the_others_and_ends_with_its_letters() {
    let (cloud, receiver) = ordered(2).await;
    receiver.fails_at(Some("\"bad\""));
    for number in 0..30 {
        say(&cloud, ["good", "bad", "fine"][number % 3], number).await;
    }
    join_all((0..12).map(|_| cloud.work())).await;
    let at_once = heard(&receiver.received());
    assert_eq!(at_once["good"].len() + at_once["fine"].len(), 20, "nobody waits for `bad`");
    let bad = |received: &[ReceivedRequest]| {
        received.iter().filter(|it| String::from_utf8_lossy(&it.body).contains("\"bad\"")).count()
    };
    assert_eq!(bad(&receiver.received()), 1, "and in its lane one is tried at a time");
    receiver.fails_at(None);
    work(&cloud, 80).await;
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    assert!(heard(&receiver.received())["bad"].is_sorted());
}

#[tokio::test]
async fn an_ordering_that_is_none_is_refused_and_the_room_is_counted() {
    let (cloud, receiver) = ordered(1).await;
    let path = "/api/v1/app/acme/endpoint";
    let body = |ordering: &str| json!({ "url": receiver.url("/x"), "ordering": ordering });
    for bad in ["", "by job", "$."] {
        let (status, answer) = cloud.call(Method::POST, path, Some(body(bad))).await;
        assert_eq!(status.as_u16(), 422, "{answer}");
    }
    // One is there already, ordered.
    for number in 0..29 {
        let (status, answer) = cloud.call(Method::POST, path, Some(body("job"))).await;
        assert_eq!(status.as_u16(), 201, "{number}: {answer}");
        assert_eq!(answer["ordering"], "job");
    }
    for (ordering, status) in [("job", 409), ("none", 201)] {
        let (answered, answer) = cloud.call(Method::POST, path, Some(body(ordering))).await;
        assert_eq!(answered.as_u16(), status, "{ordering}: {answer}");
    }
}
