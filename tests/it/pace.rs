//! The rate of an endpoint and of an application, over any number of workers: places in a row, and deliveries that come back for
//! theirs.

use std::time::Duration;

use axum::http::Method;
use domain::{
    delivery::{Delivery, DeliveryState},
    retry::Policy,
    time::Timestamp,
};
use futures::future::join_all;
use serde_json::json;
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion, shown,
};

/// Calls to the endpoint per second.
const RATE: u16 = 5;

/// A cloud with so many deliveries on their way to a subscriber with a rate.
async fn paced(count: usize) -> (Cloud, Receiver) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let known = cloud.endpoint(&receiver.url("/hook"), Policy::default()).await;
    let mut slow = known.clone();
    slow.throttle_rate = Some(RATE);
    cloud.sound_table().update_endpoint(&known, &slow).await.expect("kept").either_way();
    cloud.accept_all((0..count).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    (cloud, receiver)
}

/// Most calls within any second, by when each was to go.
fn most_in_a_second(mut times: Vec<Timestamp>) -> usize {
    times.sort();
    let second = Duration::from_secs(1);
    let within = |from: &Timestamp| {
        times.iter().filter(|at| *from <= **at && at.since(*from) < second).count()
    };
    times.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_taken_by_many_workers_at_once_are_as_far_apart_as_the_rate_says() {
    let cloud = Cloud::start(Faults::default()).await;
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    for (rate, apart) in [(5_u16, 200), (10, 100), (1, 1000)] {
        let name = format!("ep_{rate}");
        let all = (0..100).map(|_| table.reserve(&name, rate, now));
        let places = join_all(all).await.into_iter().map(|place| place.expect("a place"));
        let mut places: Vec<_> = places.map(|place| place.since(now).as_millis()).collect();
        places.sort_unstable();
        assert_eq!(places, (0..100).map(|n| n * apart).collect::<Vec<_>>(), "{rate} a second");
        // A row that nobody stood in for long begins now, and owes nobody anything.
        let later = now.plus(Duration::from_secs(3600));
        assert_eq!(table.reserve(&name, rate, later).await.expect("a place"), later);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_workers_never_call_faster_than_the_rate_and_spend_nothing_by_waiting() {
    let (cloud, receiver) = paced(30).await;
    attempt_all(&cloud, &receiver, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoints_of_an_application_are_called_no_faster_together_than_its_rate() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    for path in ["/a", "/b", "/c"] {
        cloud.endpoint(&receiver.url(path), Policy::default()).await;
    }
    let path = "/api/v1/app/acme";
    let rate = json!({ "name": "acme", "throttleRate": RATE });
    let (status, answer) = cloud.call(Method::PATCH, path, Some(rate)).await;
    assert!(status.is_success(), "{answer}");
    cloud.accept_all((0..10).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    attempt_all(&cloud, &receiver, 30).await;
}

/// Attempts everything with many workers, and sees how many calls come within a second.
async fn attempt_all(cloud: &Cloud, receiver: &Receiver, count: usize) {
    let calls = cloud.calls();
    let inbox = cloud.aws.names().inbox.clone();
    while cloud.step(&inbox).await {}
    let begun = cloud.clock.now();
    // Eight workers at a time on everything that is there, a quarter of a second apart.
    for round in 0_u64.. {
        assert!(round < 200, "it comes to an end");
        let waiting: Vec<Delivery> = World::read(cloud).await.deliveries;
        let waiting: Vec<_> = waiting
            .into_iter()
            .filter(|d| d.state == DeliveryState::Pending && d.next_at <= cloud.clock.now())
            .collect();
        for batch in waiting.chunks(8) {
            let each = batch.iter().map(|d| calls.attempt(&d.event, &d.id, false));
            for attempted in join_all(each).await {
                attempted.expect("no failure");
            }
        }
        // What is under way has counted on places up to the patience ahead of the clock.
        let reach = cloud.clock.now().since(begun) + domain::pace::PATIENCE;
        let allowed = (reach.as_secs_f64() * f64::from(RATE)).floor() as usize + 1;
        let came = receiver.received().len();
        assert!(came <= allowed, "{came} calls where {allowed} may be");
        if came == count {
            break;
        }
        cloud.pass(Duration::from_millis(250));
    }
    let world = World::read(cloud).await;
    assert!(world.deliveries.iter().all(|d| d.state == DeliveryState::Delivered && d.made == 1));
    let times: Vec<_> = world.deliveries.iter().map(|d| d.attempts[0].at).collect();
    let last = times.iter().max().expect("some").since(begun);
    let most = most_in_a_second(times);
    shown!("{count} calls at {RATE} a second took {last:?}; most within a second: {most}");
    assert!(most <= usize::from(RATE), "{most} calls within a second");
}

#[tokio::test]
async fn a_delivery_that_comes_back_for_its_place_is_rung_for_and_one_that_comes_late_takes_another()
 {
    let (cloud, receiver) = paced(30).await;
    cloud.work().await;
    let came = receiver.received().len();
    assert!(came <= 9, "{came} within a second and a half");
    let waits = |d: &&Delivery| d.state == DeliveryState::Pending;
    let world = World::read(&cloud).await;
    let places: Vec<_> = world.deliveries.iter().filter(waits).filter_map(|d| d.place).collect();
    assert_eq!(places.len(), 30 - came, "each has its place");
    // A minute later all of them are late at once, and do not go at once.
    cloud.pass(Duration::from_secs(60));
    cloud.work().await;
    let then = receiver.received().len() - came;
    assert!(then <= 9, "{then} late ones at once");
    assert!(cloud.settle(20).await);
    assert_eq!(receiver.received().len(), 30);
}
