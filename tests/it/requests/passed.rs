//! Endpoints that ask for the sender's own request.

use std::io::Write;

use axum::http::Method;
use domain::{id::EventId, profile::Profile, secret::Secret, time::Timestamp};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    receiver::{ReceivedRequest, Receiver},
    sender::SECRET,
};

use super::{GITHUB, done, send, source};

/// The secret of the endpoints here.
const OURS: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Makes an endpoint of `acme` with these fields; its path in the API.
async fn endpoint(cloud: &Cloud, url: &str, fields: Value) -> String {
    let mut body = json!({ "url": url, "secret": OURS, "delays": [1], "maxRetries": 1 });
    for (name, value) in fields.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = done(cloud, Method::POST, "/api/v1/app/acme/endpoint", body).await;
    format!("/api/v1/app/acme/endpoint/{}", made["id"].as_str().expect("an id"))
}

/// Whether the sender's own signature holds over what came, at this time.
fn holds(profile: &str, request: &ReceivedRequest, now: Timestamp) -> bool {
    let scheme = &Profile::named(profile).expect("part of the build").scheme;
    scheme.verify(&[Secret::new(SECRET)], &request.headers, &request.body, now).is_ok()
}

async fn only(cloud: &Cloud, receiver: &Receiver) -> ReceivedRequest {
    assert!(cloud.settle(5).await);
    let [request] = &receiver.received()[..] else { panic!("one request") };
    request.clone()
}

#[tokio::test]
async fn an_endpoint_receives_the_sender_s_bytes_and_the_headers_that_it_asks_for() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let fields = json!({ "body": "original",
        "forwardHeaders": ["X-GitHub-Event", "x-github-delivery", "x-hub-signature-256", "user-agent", "x-absent"] });
    let path = endpoint(&cloud, &receiver.url("/hook"), fields).await;
    let shown = done(&cloud, Method::GET, &path, Value::Null).await;
    assert_eq!(shown["body"], "original");
    assert_eq!(shown["forwardHeaders"][0], "x-github-event");
    let body = b"{ \"action\":\"opened\" }\xff\n";
    send(&cloud, "github", &GITHUB, body).await;
    // Every retry sends the same.
    receiver.answer(500);
    cloud.work().await;
    receiver.answer(200);
    assert!(cloud.settle(5).await);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    for request in &received {
        assert_eq!(&request.body[..], body);
        assert_eq!(request.header("x-github-event"), "issues");
        assert_eq!(request.header("user-agent"), "GitHub-Hookshot/044aadd");
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.headers.get_all("content-type").iter().count(), 1);
        assert!(holds("github", request, cloud.clock.now()), "the sender's signature");
        assert!(request.verifies(&Secret::new(OURS)), "ours");
        for absent in ["x-hub-signature", "x-forwarded-for", "x-github-hook-id", "x-absent"] {
            assert!(!request.headers.contains_key(absent), "{absent}");
        }
    }
}

#[tokio::test]
async fn other_endpoints_receive_the_notice_as_before() {
    let (original, notice, headers) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    endpoint(&cloud, &original.url("/"), json!({ "body": "original" })).await;
    endpoint(&cloud, &notice.url("/"), json!({})).await;
    endpoint(&cloud, &headers.url("/"), json!({ "forwardHeaders": ["x-github-event"] })).await;
    let id = send(&cloud, "github", &GITHUB, br#"{"action":"opened"}"#).await;
    let original = only(&cloud, &original).await;
    assert_eq!(&original.body[..], br#"{"action":"opened"}"#);
    assert!(!original.headers.contains_key("x-github-event"));
    for (receiver, event) in [(&notice, ""), (&headers, "issues")] {
        let request = only(&cloud, receiver).await;
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!((&body["id"], &body["data"]["action"]), (&json!(id), &json!("opened")));
        assert_eq!(request.header("x-github-event"), event);
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.verifies(&Secret::new(OURS)));
    }
}

#[tokio::test]
async fn an_event_without_a_request_is_sent_as_the_notice() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let fields = json!({ "body": "original", "forwardHeaders": ["x-github-event"] });
    endpoint(&cloud, &receiver.url("/hook"), fields).await;
    let message = json!({ "eventType": "a.b", "payload": { "n": 1 } });
    done(&cloud, Method::POST, "/api/v1/app/acme/msg", message).await;
    let request = only(&cloud, &receiver).await;
    assert_eq!(&request.body[..], br#"{"n":1}"#);
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.verifies(&Secret::new(OURS)));
}

#[tokio::test]
async fn a_packed_or_large_body_is_passed_on_as_it_came() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let fields = json!({ "body": "original", "forwardHeaders": ["x-hub-signature-256"] });
    endpoint(&cloud, &receiver.url("/hook"), fields).await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"n":1}"#).expect("written");
    let packed = encoder.finish().expect("packed");
    let large = format!("{{\"n\":\"{}\"}}", "x".repeat(70_000)).into_bytes();
    let json = ("content-type", "application/json");
    for (headers, body) in [
        (&[json, ("content-encoding", "gzip")][..], &packed),
        (&[("content-type", "application/vnd.x+json; charset=utf-8")], &large),
        (&[], &b"{}".to_vec()),
    ] {
        let before = receiver.received().len();
        send(&cloud, "github", headers, body).await;
        assert!(cloud.settle(5).await);
        let request = receiver.received().remove(before);
        assert_eq!(&request.body[..], &body[..]);
        assert!(holds("github", &request, cloud.clock.now()));
        for name in ["content-type", "content-encoding"] {
            let sent = headers.iter().find(|(sent, _)| *sent == name).map(|(_, value)| *value);
            assert_eq!(request.header(name), sent.unwrap_or_default(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_signature_is_kept_only_where_an_endpoint_asked_for_it_in_time() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let path = endpoint(&cloud, &receiver.url("/hook"), json!({ "maxRetries": 0 })).await;
    send(&cloud, "github", &GITHUB, b"{}").await;
    cloud.settle_for(3).await;
    let patch =
        json!({ "body": "original", "forwardHeaders": ["x-hub-signature-256", "x-github-event"] });
    done(&cloud, Method::PATCH, &path, patch).await;
    receiver.answer(200);
    done(&cloud, Method::POST, "/v1/webhooks/dead-letter/1/retry", Value::Null).await;
    let request = receiver.received().pop().expect("sent again");
    assert_eq!(&request.body[..], b"{}");
    assert_eq!(request.header("x-github-event"), "issues");
    assert!(!request.headers.contains_key("x-hub-signature-256"), "no mask is sent");
}

#[tokio::test]
async fn an_event_whose_request_is_gone_is_not_sent_with_another_body() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    endpoint(&cloud, &receiver.url("/hook"), json!({ "body": "original", "maxRetries": 0 })).await;
    let id = send(&cloud, "github", &GITHUB, b"{}").await;
    cloud.step(&cloud.aws.names().inbox.clone()).await;
    let id = EventId::parse(&id).expect("an id");
    cloud.sound_table().forget_request(&id).await.expect("removed");
    cloud.settle_for(3).await;
    assert!(receiver.received().is_empty());
    let path = format!("/v1/events/{}", id.event());
    let event = done(&cloud, Method::GET, &path, Value::Null).await;
    let attempt = &event["deliveries"][0]["attempts"][0];
    assert_eq!(attempt["error_class"], "relay");
    let message = attempt["error_message"].as_str().expect("text");
    assert!(
        message.contains("the request that the event came with is no longer kept"),
        "{message}"
    );
}

#[tokio::test]
async fn what_the_sender_signed_with_is_masked_where_attempts_are_shown_and_in_answers() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let cloud = Cloud::start(Faults::default()).await;
    source(&cloud, "github").await;
    let mut headers = GITHUB.to_vec();
    headers.push(("x-gitlab-token", "planted-0123456789"));
    let fields = json!({ "body": "original", "maxRetries": 0,
        "forwardHeaders": ["x-hub-signature-256", "x-gitlab-token", "x-github-event"] });
    endpoint(&cloud, &receiver.url("/hook"), fields).await;
    send(&cloud, "github", &headers, b"{}").await;
    cloud.settle_for(3).await;
    let received = receiver.received();
    assert_eq!(received[0].header("x-gitlab-token"), "planted-0123456789");
    let letter = done(&cloud, Method::GET, "/v1/webhooks/dead-letter/1", Value::Null).await;
    let text = letter.to_string();
    assert!(text.contains("issues"), "{text}");
    let signature = received[0].header("x-hub-signature-256");
    assert!(!text.contains("planted") && !text.contains(signature), "{text}");
}

#[tokio::test]
async fn a_job_s_own_webhook_may_ask_for_the_sender_s_body() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let webhook = json!({ "url": receiver.url("/job"), "body": "original",
        "forward_headers": ["x-modal-timestamp"], "events": "completed" });
    let job = json!({ "source": "modal", "call_id": "c1", "webhook": webhook });
    done(&cloud, Method::PUT, "/v1/jobs/job-c1", job).await;
    let body = tests::sender::completion("c1", "success", "{\"n\": 1}");
    let sent_at = cloud.clock.now().secs().to_string();
    cloud.send(&body).await;
    let request = only(&cloud, &receiver).await;
    assert_eq!(&request.body[..], &body[..]);
    assert_eq!(request.header("x-modal-timestamp"), sent_at);
}

#[tokio::test]
async fn what_cannot_be_passed_on_is_refused_with_the_name_of_its_field() {
    let cloud = Cloud::start(Faults::default()).await;
    let url = "https://receiver.example/";
    let many: Vec<String> = (0..17).map(|number| format!("x-{number}")).collect();
    for (fields, field) in [
        (json!({ "url": url, "body": "raw" }), "body"),
        (json!({ "url": url, "body": "original", "profile": "wepp" }), "body"),
        (json!({ "url": Cloud::arn("orders"), "body": "original" }), "body"),
        (json!({ "url": Cloud::arn("orders"), "forwardHeaders": ["x-a"] }), "forwardHeaders"),
        (json!({ "url": "redis://127.0.0.1/x", "body": "original" }), "body"),
        (json!({ "url": url, "forwardHeaders": ["host"] }), "forwardHeaders"),
        (json!({ "url": url, "forwardHeaders": ["authorization"] }), "forwardHeaders"),
        (json!({ "url": url, "forwardHeaders": ["webhook-signature"] }), "forwardHeaders"),
        (json!({ "url": url, "forwardHeaders": ["content-type"] }), "forwardHeaders"),
        (json!({ "url": url, "forwardHeaders": ["a b"] }), "forwardHeaders"),
        (json!({ "url": url, "forwardHeaders": many }), "forwardHeaders"),
    ] {
        let path = "/api/v1/app/acme/endpoint";
        let (status, answer) = cloud.call(Method::POST, path, Some(fields.clone())).await;
        assert_eq!(status.as_u16(), 422, "{fields} {answer}");
        assert_eq!(answer["detail"][0]["loc"], json!(["body", field]), "{answer}");
    }
    // A change of the address alone must fit, too; null gives the names up.
    let fields = json!({ "body": "original", "forwardHeaders": ["x-a"] });
    let path = endpoint(&cloud, url, fields).await;
    let (status, _) =
        cloud.call(Method::PATCH, &path, Some(json!({ "url": Cloud::arn("orders") }))).await;
    assert_eq!(status.as_u16(), 422);
    let cleared = json!({ "forwardHeaders": null, "body": "notice" });
    let shown = done(&cloud, Method::PATCH, &path, cleared).await;
    assert_eq!((&shown["body"], &shown["forwardHeaders"]), (&json!("notice"), &json!([])));
}
