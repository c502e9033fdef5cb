//! The journey of a subscriber that is slow: calls to it are marked and take places, and other workers
//! hold all places meanwhile. One of these workers dies.

use std::time::Duration;

use adapters::table::CallPlace;
use domain::{delivery::Delivery, room::CallCaps, time::Timestamp};
use tests::{
    cloud::Cloud, faults::AwsCall, invariants::World, items, receiver::Receiver, sender::completion,
};

use super::policy;

const CAPS: CallCaps = CallCaps { endpoint: 1, application: 2 };
/// Twice the second after which a call is slow, because a process that is late allows more than that.
const ANSWER: Duration = Duration::from_secs(2);

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    cloud.caps = CAPS;
    let endpoint = World::read(cloud).await.endpoints.remove(0);
    // The call turns out to be slow. It marks the endpoint and takes its places.
    receiver.takes(ANSWER);
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.settle_for(4).await;
    // The next call takes its places before it begins, and finds none of the application. Later it
    // finds one, and its quick answer removes the mark.
    receiver.takes(Duration::ZERO);
    let held = hold(cloud, endpoint.application.as_str(), CAPS.application).await;
    let large = format!("\"{}\"", "x".repeat(70_000));
    cloud.send(&completion("c2", "success", &large)).await;
    cloud.work().await;
    for place in held {
        cloud.sound_table().leave_place(&place).await.expect("left");
    }
    cloud.settle_for(4).await;
    // A slow call finds no place of the endpoint and is broken off. The worker that has the place dies.
    receiver.takes(ANSWER);
    hold(cloud, endpoint.id.as_str(), CAPS.endpoint).await;
    cloud.send(&completion("c3", "success", "1")).await;
    cloud.work().await;
    receiver.takes(Duration::ZERO);
}

/// Takes as many places for other workers as are free.
async fn hold(cloud: &Cloud, owner: &str, cap: u16) -> Vec<CallPlace> {
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    let mut places = Vec::new();
    while let Some(place) = table.take_place(owner, cap, lease_end(now), now).await.expect("read") {
        places.push(place);
    }
    places
}

/// The end of a lease that begins now.
fn lease_end(now: Timestamp) -> Timestamp {
    now.plus(Delivery::lease(&policy()))
}

/// The kinds of calls that this journey is made for, and that were not made.
pub(super) fn unmet(calls: &[AwsCall]) -> Vec<String> {
    let wanted = ["Query of a place", "PutItem of a place", "DeleteItem of a place"];
    let wanted = wanted.map(|operation| ("deliver", operation));
    let others = [("deliver", "PutItem of health"), ("sweep", "UpdateItem of the lease")];
    let made = |(by, operation): &(&str, &str)| {
        calls.iter().any(|call| call.by == *by && call.operation == *operation)
    };
    let unmet = wanted.into_iter().chain(others).filter(|kind| !made(kind));
    unmet.map(|(by, operation)| format!("no {operation} by {by}")).collect()
}

/// Places that are not free when every lease has ended, and without a fault those that no call has and
/// are there, and a mark that a quick answer left.
pub(super) async fn left(cloud: &Cloud, sound: bool) -> Vec<String> {
    let endpoint = World::read(cloud).await.endpoints.remove(0);
    let mut found = Vec::new();
    if sound {
        let all = items::scan(cloud).await;
        let keys = all.iter().map(|item| items::text(item, "pk"));
        let left = keys.filter(|pk| pk.starts_with("CALLS#"));
        found.extend(left.map(|pk| format!("a place of {pk} was not left")));
        let health = cloud.sound_table().health(&endpoint.id).await.expect("read");
        if health.is_some_and(|health| health.slow_until.is_some()) {
            found.push("an endpoint that answers quickly is marked as slow".to_owned());
        }
    }
    cloud.pass(lease_end(Timestamp(0)).since(Timestamp(0)));
    for (owner, cap) in
        [(endpoint.id.as_str(), CAPS.endpoint), (endpoint.application.as_str(), CAPS.application)]
    {
        let free = hold(cloud, owner, cap).await.len();
        if free != usize::from(cap) {
            found.push(format!("{free} of {cap} places of {owner} are free"));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_a_place_that_is_never_free_again() {
    let cloud = Cloud::start(tests::faults::Faults::default()).await;
    let endpoint = cloud.endpoint("http://127.0.0.1:9/", policy()).await;
    assert_eq!(left(&cloud, true).await, [""; 0]);
    cloud.pass(Delivery::lease(&policy()));
    let now = cloud.clock.now();
    let until = now.plus(Duration::from_secs(86_400));
    let taken = cloud.sound_table().take_place(endpoint.id.as_str(), 1, until, now).await;
    assert!(taken.expect("read").is_some());
    let found = left(&cloud, false).await;
    assert_eq!(found, [format!("0 of 1 places of {} are free", endpoint.id)]);
}
