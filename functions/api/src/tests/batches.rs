//! `/v1/batches`.

use serde_json::{Value, json};

use super::{Relay, ids};

const URL: &str = "https://subscriber.example/hook";

#[tokio::test]
async fn r3_1_a_batch_is_told_of_in_the_batch_servers_words_once() {
    let relay = Relay::start().await;
    let body = json!({ "input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": { "tenant": "a" }, "priority": 1, "id": "b1",
        "webhook": { "url": URL, "secret": "planted-batch-secret", "max_retries": 5, "timeout": 60, "events": ["completed", "failed", "progress"] } });
    let answer = relay.post("/v1/batches", body.clone()).await;
    assert!(!answer.text.contains("planted"), "{}", answer.text);
    let made = answer.expect(201);
    assert!(made["id"].as_str().is_some_and(|id| id.starts_with("batch_")));
    assert_eq!((&made["object"], &made["status"]), (&json!("batch"), &json!("in_progress")));
    assert_eq!(made["webhooks"][0]["profile"], "batch", "it hears what it knows");
    assert_eq!(made["webhooks"][0]["max_retries"], 4, "they count tries");
    let again = relay.post("/v1/batches", body.clone()).await.expect(200);
    assert_eq!(again["id"], made["id"]);
    let mut other = body;
    other["size"] = json!(3);
    relay.post("/v1/batches", other).await.expect(409);
    let id = made["id"].as_str().expect("an id");
    for name in ["b1", id] {
        assert_eq!(relay.get(&format!("/v1/batches/{name}")).await.expect(200), made);
    }
    relay.get("/v1/batches/nobody").await.expect(404);
    relay.post("/v1/batches", json!({ "webhook_url": URL })).await.expect(201);
    assert_eq!(ids(&relay.get("/v1/batches").await.expect(200)).len(), 2);
    let filtered = relay.get("/v1/batches?status=completed").await.expect(200);
    assert!(ids(&filtered).is_empty());
    relay.get("/v1/batches?status=done").await.expect(422);
}

#[tokio::test]
async fn r3_6_whoever_asks_for_progress_and_not_how_often_hears_of_each_tenth() {
    let relay = Relay::start().await;
    let made = async |more: Value| {
        let mut body = json!({ "webhook": { "url": URL, "events": ["completed", "progress"] } });
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        relay.post("/v1/batches", body).await.expect(201)
    };
    assert_eq!(made(json!({})).await["progress_percent"], 10);
    assert_eq!(made(json!({ "progress_every": 5 })).await["progress_every"], 5);
    let silent = json!({ "webhook": { "url": URL, "events": "completed,failed" } });
    assert_eq!(made(silent).await["progress_percent"], json!(null));
}

#[tokio::test]
async fn a_batch_is_closed_with_what_is_known_or_with_a_number() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let body = r#"{"status":"success","metadata":{"batch_id":"b1"}}"#;
    relay.completion("modal", "acme", "j1", body).await;
    let closed = relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await;
    closed.expect(201);
    let closed = relay.post("/v1/batches/b1/close", json!({})).await.expect(200);
    assert_eq!((&closed["size"], &closed["status"]), (&json!(1), &json!("completed")));
    relay.post("/v1/batches/b1/close", json!({})).await.expect(200);
    relay.post("/v1/batches/b1/close", json!({ "size": 2 })).await.expect(409);
    relay.post("/v1/batches/nobody/close", json!({})).await.expect(404);
    relay.post("/v1/batches", json!({ "id": "empty" })).await.expect(201);
    let empty = relay.post("/v1/batches/empty/close", json!({ "size": 0 })).await.expect(200);
    assert_eq!(empty["status"], "completed");
}

#[tokio::test]
async fn what_cannot_be_a_batch_is_422_and_named() {
    let relay = Relay::start().await;
    let events = |events: Value| json!({ "webhook": { "url": URL, "events": events } });
    for (body, field) in [
        (json!({ "progress_every": 0 }), "progress_every"),
        (json!({ "progress_percent": 101 }), "progress_percent"),
        (json!({ "progress_every": 1, "progress_percent": 1 }), "progress_percent"),
        (json!({ "priority": 2 }), "priority"),
        (json!({ "size": 2_000_000_000_u64 }), "size"),
        (json!({ "source": "gone" }), "source"),
        (json!({ "application": "a b" }), "application"),
        (json!({ "id": "" }), "external_id"),
        (json!({ "fail_on": "some" }), "unknown variant"),
        (events(json!(["job.succeeded"])), "webhook.events"),
        (
            json!({ "webhook": { "url": "https://127.0.0.2.nip/x", "timeout": 1 } }),
            "webhook.timeout",
        ),
    ] {
        let refused = relay.post("/v1/batches", body.clone()).await.expect(422);
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(field), "{body}: {detail}");
    }
    relay.application("theirs").await;
    relay.application("acme").await;
    let read = relay.key("read", None).await;
    relay.ask(&read, axum::http::Method::POST, "/v1/batches", "{}").await.expect(403);
    let theirs = relay.key("publish", Some("theirs")).await;
    let body = json!({ "application": "acme" }).to_string();
    relay.ask(&theirs, axum::http::Method::POST, "/v1/batches", body).await.expect(404);
    let own = relay.ask(&theirs, axum::http::Method::POST, "/v1/batches", "{}").await.expect(201);
    let path = format!("/v1/batches/{}", own["id"].as_str().expect("an id"));
    let acme = relay.key("publish", Some("acme")).await;
    relay.ask(&acme, axum::http::Method::GET, &path, "").await.expect(404);
}
