//! Tests of what a publisher may ask for beside the message.

use std::time::Duration;

use serde_json::json;

use super::{ADMIN, Relay, receiver::Receiver};
use axum::http::Method;

const APP: &str = "/api/v1/app/default";

#[tokio::test]
async fn an_application_comes_along_with_its_first_message() {
    let relay = Relay::start().await;
    let message = json!({ "eventType": "a.b", "payload": {}, "application": { "name": "Acme", "uid": "acme" } });
    for _ in 0..2 {
        relay.post("/api/v1/app/acme/msg", message.clone()).await.expect(202);
    }
    assert_eq!(relay.get("/api/v1/app/acme").await.expect(200)["name"], "Acme");
    relay.post("/api/v1/app/other/msg", message).await.expect(422);
    relay.get("/api/v1/app/other").await.expect(404);
    // A key of another application makes none.
    let key = relay.key("publish", Some("acme")).await;
    let body = json!({ "eventType": "a.b", "payload": {}, "application": { "name": "New" } });
    let made = relay.ask(&key, Method::POST, "/api/v1/app/new/msg", body.to_string()).await;
    assert_eq!(made.status, 404);
}

#[tokio::test]
async fn what_is_not_json_goes_out_as_it_is_with_its_own_type() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    relay.endpoint("default", &receiver.url).await;
    let raw = "<a b=\"1\" />\n";
    let params = json!({ "rawPayload": raw, "headers": { "Content-Type": "text/xml" } });
    let body = json!({ "eventType": "a.b", "payload": {}, "transformationsParams": params });
    let made = relay.post(&format!("{APP}/msg"), body).await;
    made.expect(202);
    relay.attempt(&made.at("id")).await;
    let received = receiver.received();
    assert_eq!((received.len(), received[0].body.as_str()), (1, raw));
    assert_eq!(received[0].headers["content-type"], "text/xml");
    let bad = json!({ "rawPayload": raw, "headers": { "content-type": "a\r\nb: c" } });
    let body = json!({ "eventType": "a.b", "payload": {}, "transformationsParams": bad });
    relay.post(&format!("{APP}/msg"), body).await.expect(422);
}

#[tokio::test]
async fn a_message_waits_for_the_time_it_was_given() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[]).await;
    relay.endpoint("default", &receiver.url).await;
    let at = relay.api.now().plus(Duration::from_secs(3600));
    let body = json!({ "eventType": "a.b", "payload": {}, "deliverAt": at.rfc3339() });
    let made = relay.post(&format!("{APP}/msg"), body).await;
    assert_eq!(made.expect(202)["deliverAt"], at.rfc3339());
    relay.attempt(&made.at("id")).await;
    assert!(receiver.received().is_empty() && relay.outbox().await.is_empty());
    let delivery = &relay.deliveries(&made.at("id")).await[0];
    assert!(delivery.next_at.since(at) < Duration::from_secs(1));
    for bad in ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"] {
        let body = json!({ "eventType": "a.b", "payload": {}, "deliverAt": bad });
        relay.post(&format!("{APP}/msg"), body).await.expect(422);
    }
}

#[tokio::test]
async fn a_payload_is_kept_as_long_as_its_publisher_says() {
    let relay = Relay::start().await;
    let keep = |days: i64, hours: Option<i64>| json!({ "eventType": "a.b", "payload": {}, "payloadRetentionPeriod": days, "payloadRetentionHours": hours });
    let made = relay.post(&format!("{APP}/msg"), keep(5, None)).await;
    made.expect(202);
    let event = relay.event(&made.at("id")).await;
    let days = |days: u64| event.created_at.plus(Duration::from_secs(days * 86_400 + 60));
    assert!(!event.is_expunged(days(4)) && event.is_expunged(days(5)));
    for bad in [keep(4, None), keep(91, None), keep(5, Some(5))] {
        relay.post(&format!("{APP}/msg"), bad).await.expect(422);
    }
}

#[tokio::test]
async fn who_would_hear_of_a_message_can_be_asked_beforehand() {
    let relay = Relay::start().await;
    let path = format!("{APP}/msg/precheck/active");
    let ask = |event_type: &str| json!({ "eventType": event_type, "channels": ["c"] });
    assert_eq!(relay.post(&path, ask("a.b")).await.expect(200)["active"], false);
    let body =
        json!({ "url": "https://subscriber.example/", "filterTypes": ["a.b"], "uid": "one" });
    relay.post(&format!("{APP}/endpoint"), body.clone()).await.expect(201);
    assert_eq!(relay.post(&path, ask("a.b")).await.expect(200)["active"], true);
    assert_eq!(relay.post(&path, ask("c.d")).await.expect(200)["active"], false);
    let mut off = body;
    off["disabled"] = json!(true);
    relay.put(&format!("{APP}/endpoint/one"), off).await.expect(200);
    assert_eq!(relay.post(&path, ask("a.b")).await.expect(200)["active"], false);
    let key = relay.key("publish", Some("default")).await;
    let told = relay.ask(&key, Method::POST, &path, ask("a.b").to_string()).await;
    assert_eq!(told.status, 200);
    assert_eq!(relay.ask(ADMIN, Method::POST, &path, "{}").await.status, 422);
}
