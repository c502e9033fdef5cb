//! `events/api`: requests as API Gateway hands them to Lambda.

use axum::body::Body;
use lambda_http::http::Request;
use serde_json::json;

use super::{ADMIN, Answer, Relay};

const CREATE: &str = include_str!("../../../../events/api/svix-create-message.json");
const LIST: &str = include_str!("../../../../events/api/operator-list-dead-letters.json");

/// The sample, sent with the key of this test.
async fn send(relay: &Relay, sample: &str) -> Answer {
    let sample = sample.replace("rk_admin_REPLACE_WITH_YOUR_ADMIN_KEY", ADMIN);
    let (parts, body) = lambda_http::request::from_str(&sample).expect("a request").into_parts();
    relay.send(Request::from_parts(parts, Body::from(body.to_vec()))).await
}

#[tokio::test]
async fn the_samples_are_what_the_api_understands() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    relay.endpoint("acme", "https://subscriber.example/").await;
    let made = send(&relay, CREATE).await;
    assert_eq!(made.expect(202)["eventType"], "invoice.paid");
    let id = made.at("id");
    assert_eq!(send(&relay, CREATE).await.at("id"), id, "its Idempotency-Key is the same");
    relay.bury(&id).await;
    let listed = send(&relay, LIST).await.expect(200);
    assert_eq!((&listed["object"], &listed["total"]), (&json!("list"), &json!(1)));
}
