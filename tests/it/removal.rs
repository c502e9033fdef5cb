//! An application is deleted, and the process dies at every call of that in every way: whoever asks
//! again comes to its end, nothing is sent from the first mark on, and its uid is free.

use std::io::Write;

use axum::http::{Method, StatusCode};
use domain::{delivery::DeliveryState, id::EventId};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::{FaultKind, Faults},
    receiver::Receiver,
};

const APP: &str = "/api/v1/app/doomed";

/// Deletes under a fault; what does not hold afterwards, and how many calls deleting takes.
async fn run(plan: Option<(usize, FaultKind)>) -> (Vec<String>, usize, usize) {
    let receiver = Receiver::start().await;
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    let post = async |path: &str, body: Value| {
        let (status, answer) = cloud.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    };
    let first = post("/api/v1/app", json!({ "name": "d", "uid": "doomed" })).await;
    for number in 0..2 {
        let url = receiver.url(&format!("/{number}"));
        post(&format!("{APP}/endpoint"), json!({ "url": url })).await;
    }
    post("/v1/keys", json!({ "name": "k", "scope": "read", "application": "doomed" })).await;
    let told = post(&format!("{APP}/msg"), json!({ "eventType": "a", "payload": {} })).await;
    let before = faults.calls().len();
    if let Some((k, how)) = plan {
        faults.plan(before + k, how);
    }
    let mut found = Vec::new();
    let mut done = false;
    for _ in 0..4 {
        let (status, _) = cloud.call(Method::DELETE, APP, None).await;
        // Whose answer was lost is told that nothing is there.
        done = status.is_success() || status == StatusCode::NOT_FOUND;
        if done && !cloud.faults.died() {
            break;
        }
    }
    let calls = faults.calls().len() - before;
    if !done {
        found.push("it cannot be deleted".to_owned());
    }
    if !cloud.settle(10).await {
        found.push("I5: the system does not come to rest".to_owned());
    }
    if !receiver.received().is_empty() {
        found.push("something was sent".to_owned());
    }
    let id = EventId::parse(told["id"].as_str().unwrap_or_default()).expect("an id");
    let deliveries = cloud.sound_table().deliveries_of(&id).await.expect("read");
    if deliveries.len() != 2 || deliveries.iter().any(|one| one.state != DeliveryState::Cancelled) {
        found.push(format!("not cancelled: {deliveries:?}"));
    }
    if !cloud.sound_table().keys().await.expect("read").is_empty() {
        found.push("a key is left".to_owned());
    }
    let again = post("/api/v1/app", json!({ "name": "d", "uid": "doomed" })).await;
    if again["id"] == first["id"] {
        found.push("the next bearer of its uid is the same".to_owned());
    }
    let (_, list) = cloud.call(Method::GET, &format!("{APP}/endpoint"), None).await;
    if list["data"] != json!([]) {
        found.push(format!("endpoints are left: {list}"));
    }
    (found, calls, faults.hits())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_deleted_wherever_that_dies() {
    let (found, calls, _) = run(None).await;
    assert!(found.is_empty(), "without faults: {found:?}");
    let (mut total, mut failed) = (0, Vec::new());
    for k in 0..calls {
        for how in FaultKind::ALL {
            let (found, _, hits) = run(Some((k, how))).await;
            total += hits;
            if !found.is_empty() {
                failed.push(format!("call {k} {how:?}: {found:?}"));
            }
        }
    }
    let held = total - failed.len().min(total);
    writeln!(std::io::stderr(), "removal: {held} of {total} held").expect("written");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
