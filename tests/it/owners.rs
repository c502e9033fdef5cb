//! What owners hear while they watch, from the change to the frame: refused requests and tasks. And what
//! that costs a request.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use domain::retry::Policy;
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    gateway::Gateway,
    receiver::Receiver,
    sender::{self, completion},
};
use tower::ServiceExt;

/// The write about refused requests.
const WRITE: &str = "UpdateItem of refusals";

/// A relay to which somebody is connected with a ticket of the admin key.
async fn watched(faults: Faults) -> (Cloud, Gateway) {
    let mut cloud = Cloud::start(faults).await;
    let gateway = cloud.let_watch().await;
    let (status, ticket) = cloud.call(Method::POST, "/v1/live/tickets", None).await;
    assert_eq!(status, StatusCode::CREATED, "{ticket}");
    let ticket = ticket["ticket"].as_str().expect("text").to_owned();
    assert!(cloud.connect_with("c=", "ticket", &ticket).await);
    cloud.work().await;
    assert_eq!(gateway.take_json("c=")[0]["event"], "hello");
    (cloud, gateway)
}

/// Sends a request whose signature is of another body; the AWS calls that its answer took.
async fn forge(cloud: &Cloud, faults: &Faults) -> Vec<String> {
    let mut request = Request::post("/in/modal").body(Body::from("{}")).expect("one");
    *request.headers_mut() = sender::headers(b"another body", cloud.clock.now());
    answered(cloud, faults, request, StatusCode::UNAUTHORIZED).await
}

/// Sends a completion; the AWS calls that its answer took.
async fn complete(cloud: &Cloud, faults: &Faults, name: &str) -> Vec<String> {
    let body = completion(name, "success", "1");
    let mut request = Request::post("/in/modal").body(Body::from(body.clone())).expect("one");
    *request.headers_mut() = sender::headers(&body, cloud.clock.now());
    answered(cloud, faults, request, StatusCode::ACCEPTED).await
}

async fn answered(
    cloud: &Cloud,
    faults: &Faults,
    request: Request<Body>,
    status: StatusCode,
) -> Vec<String> {
    let (ingest, before) = (cloud.ingest(), faults.calls().len());
    assert_eq!(ingest.oneshot(request).await.expect("infallible").status(), status);
    faults.calls()[before..].iter().map(|call| call.operation.clone()).collect()
}

#[tokio::test]
async fn a_refused_request_is_told_to_those_who_watch_and_an_accepted_one_pays_nothing_for_that() {
    let faults = Faults::default();
    let (cloud, gateway) = watched(faults.clone()).await;
    // Each process reads the source; the refused request writes, and then looks who watches.
    let accepted = ["GetItem", "SendMessage"];
    assert_eq!(complete(&cloud, &faults, "a").await, accepted);
    assert_eq!(forge(&cloud, &faults).await, ["GetItem", WRITE, "Query"], "nobody looks");
    let wanted = json!({ "action": "subscribe_events", "application": "acme" });
    cloud.say("c=", &wanted).await;
    assert_eq!(gateway.take_json("c=")[0]["event"], "subscribed");
    let told = ["GetItem", WRITE, "Query", "SendMessage"];
    assert_eq!(forge(&cloud, &faults).await, told);
    assert_eq!(complete(&cloud, &faults, "b").await, accepted, "though somebody looks");
    cloud.work().await;
    let heard = gateway.take_json("c=");
    let refusals: Vec<&Value> = heard.iter().filter(|it| it["event"] == "refusals").collect();
    assert_eq!(refusals.len(), 1, "{heard:?}");
    let entry = &refusals[0]["refusals"][0];
    assert_eq!((&entry["source"], &entry["reason"]), (&json!("modal"), &json!("mismatch")));
    let sentence = entry["sentence"].as_str().expect("text");
    assert!(sentence.starts_with("The signature does not match"), "{sentence}");
}

#[tokio::test]
async fn a_task_is_told_when_it_begins_after_its_steps_and_at_its_end() {
    let (cloud, gateway) = watched(Faults::default()).await;
    let receiver = Receiver::start().await;
    let once = Policy::of(Some(1), Some(5), Some(vec![0])).expect("valid");
    cloud.endpoint(&receiver.url("/hook"), once).await;
    receiver.answer(500);
    cloud.accept_all([completion("a", "success", "1")]).await;
    cloud.work().await;
    cloud.say("c=", &json!({ "action": "subscribe_tasks" })).await;
    assert_eq!(gateway.take_json("c=").last().expect("an answer")["event"], "subscribed");
    let path = "/v1/webhooks/dead-letter/delete";
    let (status, begun) = cloud.call(Method::POST, path, Some(json!({ "all": true }))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    // Before the next step: what is told of one task later stands in the place of this.
    let live = cloud.aws.names().live.clone();
    while cloud.step(&live).await {}
    let mut heard = gateway.take_json("c=");
    cloud.work().await;
    heard.extend(gateway.take_json("c="));
    let mut told: Vec<(String, u64)> = Vec::new();
    for message in heard.iter().filter(|it| it["event"] == "tasks") {
        for task in message["tasks"].as_array().expect("a list") {
            if task["id"] == begun["task_id"] {
                assert_eq!(task["kind"], "discard");
                let state = task["state"].as_str().expect("a word").to_owned();
                told.push((state, task["redriven"].as_u64().expect("a number")));
            }
        }
    }
    assert_eq!(told.first(), Some(&("running".to_owned(), 0)), "{told:?}");
    assert_eq!(told.last(), Some(&("finished".to_owned(), 1)), "{told:?}");
}
