//! The journey of a job's log: lines of a job that is not registered, signed lines, lines that come
//! twice, and lines that find others in their place.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, invariants::World, sender};
use tower::ServiceExt;

use super::until_it_works;

const LOG: &str = "/v1/jobs/job-c1/logs?source=modal";

fn lines(first: u64, lines: &[&str]) -> Value {
    json!({ "stream": "out", "first_seq": first, "lines": lines })
}

pub(super) async fn walk(cloud: &mut Cloud) {
    // A job that nobody registers.
    let early = "/v1/jobs/job-early/logs?source=modal";
    until_it_works(cloud, Method::POST, early, lines(1, &["early"])).await;
    cloud.expect("modal", "job-c1", "c1").await;
    until_it_works(cloud, Method::POST, LOG, lines(1, &["one", "two"])).await;
    signed(cloud, 3, &["three"]).await;
    for text in ["four", "four", "other"] {
        until_it_works(cloud, Method::POST, LOG, lines(4, &[text])).await;
    }
    cloud.send(&sender::completion("c1", "success", "1")).await;
    cloud.work().await;
    signed(cloud, 7, &["late"]).await;
    let log = read(cloud).await;
    let texts: Vec<_> = log["data"].as_array().into_iter().flatten().collect();
    let texts: Vec<_> = texts.iter().map(|line| line["message"].clone()).collect();
    assert_eq!(texts, ["one", "two", "three", "four", "2 lines missing", "late"], "each line once");
    let conflicts = log["conflicts"].as_u64().expect("a number");
    // After a crash the sender sends once more, and that is counted once more.
    assert!((1..=3).contains(&conflicts), "{conflicts}");
}

/// Sends signed lines until they are accepted.
async fn signed(cloud: &Cloud, first: u64, texts: &[&str]) {
    let mut body = lines(first, texts);
    body["job_id"] = json!("job-c1");
    let body = body.to_string().into_bytes();
    for _ in 0..60 {
        let mut request = Request::post("/in/modal/jobs/job-c1/logs")
            .body(Body::from(body.clone()))
            .expect("one");
        *request.headers_mut() = sender::headers(&body, cloud.clock.now());
        let response = cloud.ingest().oneshot(request).await.expect("infallible");
        if response.status().is_success() && !cloud.faults.died() {
            return;
        }
        assert!(response.status().is_server_error() || cloud.faults.hits() != 0);
        cloud.waits_for_better_weather();
    }
    panic!("signed lines are not accepted");
}

async fn read(cloud: &Cloud) -> Value {
    for _ in 0..60 {
        let (status, log) = cloud.call(Method::GET, LOG, None).await;
        if status.is_success() {
            return log;
        }
        cloud.waits_for_better_weather();
    }
    panic!("the log cannot be read");
}

/// The completion has arrived.
pub(super) fn arrived(world: &World) -> bool {
    use domain::delivery::DeliveryState::Delivered;
    world.deliveries.iter().filter(|delivery| delivery.state == Delivered).count() == 1
}
