//! `GET /v1/endpoints/{id}` and `POST /v1/endpoints/check`.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use crate::tests::{Relay, receiver::Receiver};

const APP: &str = "/api/v1/app/one/endpoint";
const CHECK: &str = "/v1/endpoints/check";

#[tokio::test]
async fn an_endpoint_is_shown_with_its_settings_its_secrets_by_mark_and_what_waits() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[204, 500]).await;
    relay.application("one").await;
    let body = json!({
        "url": receiver.url, "uid": "mine", "description": "Billing", "eventTypes": ["order.*"],
        "channels": ["eu"], "filter": { "n": { "$gte": 1 } }, "headers": { "authorization": "Bearer planted" },
        "maxRetries": 2, "delays": [60, 120], "timeoutSeconds": 12, "rateLimit": 7, "ordering": "channel",
        "giveUpOn": [404], "breaker": { "threshold": 9, "recoverySeconds": 30 },
    });
    let made = relay.post(APP, body).await;
    let id = made.at("id");
    let shown = relay.get(&format!("/v1/endpoints/{id}")).await;
    for (field, value) in [
        ("id", json!(id)),
        ("uid", json!("mine")),
        ("url", json!(receiver.url)),
        ("kind", json!("http")),
        ("events", json!(["order.*"])),
        ("channels", json!(["eu"])),
        ("filter", json!({ "n": { "$gte": 1 } })),
        ("headers", json!(["authorization"])),
        ("max_retries", json!(2)),
        ("delays", json!([60, 120])),
        ("timeout_seconds", json!(12)),
        ("rate_limit", json!(7)),
        ("ordering", json!("channel")),
        ("retry_on", json!([])),
        ("give_up_on", json!([404])),
        ("success_on", json!([])),
        ("breaker", json!({ "threshold": 9, "recovery_seconds": 30 })),
        ("body", json!("notice")),
        ("signature_scheme", json!("hmac-sha256")),
        ("disabled_reason", Value::Null),
        ("version", json!(1)),
        ("waiting", json!({ "count": 0, "complete": true, "oldest_at": null })),
    ] {
        assert_eq!(shown.expect(200)[field], value, "{field}: {shown:?}");
    }
    let health = &shown.json()["health"];
    assert_eq!((&health["state"], &health["failures"]), (&json!("healthy"), &json!(0)));
    // A secret has a mark, and a second one after a rotation.
    let rotate = format!("{APP}/{id}/secret/rotate");
    relay.post(&rotate, json!({})).await.expect(204);
    let secrets = relay.get(&format!("/v1/endpoints/{id}")).await.expect(200)["secrets"].clone();
    let marks: Vec<_> = secrets.as_array().expect("secrets").iter().collect();
    assert_eq!(marks.len(), 2, "{secrets}");
    assert_eq!(marks[1]["fingerprint"], shown.json()["secrets"][0]["fingerprint"]);
    for mark in &marks {
        assert_eq!(mark["fingerprint"].as_str().map(str::len), Some(8), "{mark}");
        assert!(mark["since"].is_string() && mark["kind"] == "hmac-sha256", "{mark}");
    }
    assert_ne!(marks[0]["fingerprint"], marks[1]["fingerprint"]);
    assert!(marks[0]["signs_until"].is_null() && marks[1]["signs_until"].is_string(), "{secrets}");
    assert!(!shown.text.contains("planted") && !shown.text.contains("whsec_"), "{shown:?}");
}

#[tokio::test]
async fn deliveries_that_wait_for_an_endpoint_are_counted() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[204, 500]).await;
    relay.application("one").await;
    let id = relay.endpoint("one", &receiver.url).await;
    for number in 0..3 {
        let message = relay.message("one", "a.b", json!({ "n": number })).await;
        if number < 2 {
            relay.attempt(&message).await;
        }
    }
    let shown = relay.get(&format!("/v1/endpoints/{id}?application=one")).await.expect(200);
    let waiting = &shown["waiting"];
    assert_eq!((&waiting["count"], &waiting["complete"]), (&json!(2), &json!(true)), "{shown}");
    assert!(waiting["oldest_at"].is_string(), "{shown}");
    assert_eq!(shown["health"]["state"], "failing");
    assert_eq!(shown["health"]["failed_attempts"], 1);
    assert_eq!(shown["series_24h"]["delivered"][23], 1, "{shown}");
}

#[tokio::test]
async fn an_endpoint_is_found_in_every_application_that_the_key_sees_and_in_no_other() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let made = relay.post(APP, json!({ "url": "https://a.example/", "uid": "mine" })).await;
    let id = made.at("id");
    relay.get(&format!("/v1/endpoints/{id}")).await.expect(200);
    relay.get("/v1/endpoints/mine?application=one").await.expect(200);
    let (own, other) = (relay.key("read", Some("one")).await, relay.key("read", Some("two")).await);
    let ask =
        async |key: &str, path: String| relay.ask(key, Method::GET, &path, Body::empty()).await;
    ask(&own, format!("/v1/endpoints/{id}")).await.expect(200);
    ask(&own, "/v1/endpoints/mine".to_owned()).await.expect(200);
    for path in [id.as_str(), "mine", "ep_0123", "nobody"] {
        ask(&other, format!("/v1/endpoints/{path}")).await.expect(404);
        ask(&other, format!("/v1/endpoints/{path}?application=one")).await.expect(404);
        ask(&other, format!("/v1/endpoints/{path}?application=two")).await.expect(404);
    }
    // An event to it does not give it away either.
    let message = relay.message("one", "a.b", json!({})).await;
    assert_eq!(relay.deliveries(&message).await.len(), 1);
    ask(&other, format!("/v1/endpoints/{id}")).await.expect(404);
    for path in ["mine", "ep_0123", &format!("{id}?application=two"), "mine?application=nobody"] {
        relay.get(&format!("/v1/endpoints/{path}")).await.expect(404);
    }
    relay.get(&format!("/v1/endpoints/{id}?aplication=one")).await.expect(422);
}

#[tokio::test]
async fn the_webhook_of_a_job_is_found_once_an_event_went_to_it() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    relay.source("gpu", "one").await;
    let body = json!({
        "source": "gpu", "external_id": "j1",
        "webhook": { "url": "https://a.example/", "secret": "0123456789abcdef" },
    });
    relay.post("/v1/jobs", body).await.expect(201);
    let event =
        relay.completion("gpu", "one", "j1", r#"{"call_id":"j1","status":"success"}"#).await;
    let deliveries = relay.deliveries(&event.id.event()).await;
    let id = deliveries[0].endpoint.to_string();
    let shown = relay.get(&format!("/v1/endpoints/{id}")).await.expect(200);
    assert_eq!((&shown["id"], &shown["waiting"]["count"]), (&json!(id), &json!(1)), "{shown}");
    let other = relay.key("read", Some("two")).await;
    let path = format!("/v1/endpoints/{id}");
    relay.ask(&other, Method::GET, &path, Body::empty()).await.expect(404);
}

#[tokio::test]
async fn an_endpoint_is_tried_out_before_it_is_made() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    for (kind, n) in [("order.paid", 1), ("order.lost", 2), ("order.paid", 3)] {
        relay.message("one", kind, json!({ "n": n })).await;
    }
    relay.message("two", "order.paid", json!({ "n": 9 })).await;
    let check = async |endpoint: Value| {
        relay.post(CHECK, json!({ "application": "one", "endpoint": endpoint })).await.expect(200)
    };
    for (endpoint, matched) in [
        (json!({}), 3),
        (json!({ "eventTypes": ["order.paid"] }), 2),
        (json!({ "filterTypes": ["order.paid"], "filter": { "n": { "$gte": 2 } } }), 1),
        (json!({ "channels": ["eu"] }), 0),
    ] {
        let tried = check(endpoint.clone()).await;
        let wanted = &tried["wanted"];
        assert_eq!((&wanted["matched"], &wanted["of"]), (&json!(matched), &json!(3)), "{endpoint}");
        let events = wanted["events"].as_array().expect("events");
        assert_eq!(events.iter().filter(|event| event["matches"] == true).count(), matched);
        assert!(tried["address"].is_null(), "{tried}");
    }
    for (url, ok) in [
        ("http://127.0.0.1:9/", true),
        ("http://localhost:9/", true),
        ("https://10.0.0.1/", false),
        ("https://nobody.invalid/", false),
        ("ftp://a.example/", false),
        ("not a url", false),
        ("listener:one", false),
        ("arn:aws:sqs:eu-central-1:123456789012:q", false),
    ] {
        let tried = check(json!({ "url": url })).await;
        assert_eq!(tried["address"]["ok"], ok, "{url}: {tried}");
        assert_eq!(tried["address"]["why"].is_null(), ok, "{url}: {tried}");
        assert_eq!(tried["wanted"]["of"], 3);
    }
    // Nothing was written.
    assert_eq!(relay.get("/v1/endpoints").await.expect(200)["data"], json!([]));
    assert_eq!(
        relay.get("/v1/events?application=one").await.expect(200)["data"].as_array().map(Vec::len),
        Some(3)
    );
}

#[tokio::test]
async fn a_draft_that_no_endpoint_can_be_made_of_is_refused() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    for (endpoint, at) in [
        (json!({ "timeoutSeconds": 1 }), "endpoint.timeoutSeconds: "),
        (json!({ "url": "https://10.0.0.1/", "maxRetries": 99 }), "endpoint.maxRetries: "),
        (json!({ "filter": { "$bad": 1 } }), "endpoint.filter: "),
        (json!({ "evntTypes": ["a"] }), "endpoint.evntTypes: "),
        (json!({ "secret": "short" }), "endpoint.secret: "),
        (json!({ "url": 1 }), "endpoint.url: "),
    ] {
        let body = json!({ "application": "one", "endpoint": endpoint });
        let refused = relay.post(CHECK, body).await;
        refused.expect(422);
        assert!(refused.at("detail").starts_with(at), "{refused:?}");
    }
    relay.post(CHECK, json!({ "application": "one" })).await.expect(422);
    relay.post(CHECK, json!({ "application": "nobody", "endpoint": {} })).await.expect(404);
    relay.post(CHECK, json!({ "application": "default", "endpoint": {} })).await.expect(200);
    let (reader, other) = (relay.key("publish", None).await, relay.key("admin", Some("two")).await);
    let body = json!({ "application": "one", "endpoint": {} }).to_string();
    relay.ask(&reader, Method::POST, CHECK, body.clone()).await.expect(403);
    relay.ask(&other, Method::POST, CHECK, body).await.expect(404);
}
