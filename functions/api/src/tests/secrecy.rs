//! I9: no secret leaves, but by the one call that shows it.

mod misplaced;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET, receiver::Receiver};

#[tokio::test]
async fn a_planted_secret_is_found_in_no_other_answer() {
    let relay = Relay::start().await;
    let receiver = Receiver::answering(&[500]).await;
    let planted = format!("whsec_{}", STANDARD.encode(b"planted-endpoint-secret-0001"));
    let mut answers = Vec::new();

    let source =
        json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "acme" });
    answers.push(relay.put("/v1/sources/modal", source.clone()).await);
    answers.push(relay.put("/v1/sources/modal", source).await);
    answers.push(
        relay
            .put("/v1/sources/modal", json!({ "profile": "standard", "secrets": [SOURCE_SECRET] }))
            .await,
    );
    answers.push(
        relay
            .put("/v1/sources/modal", json!({ "profile": "modal-omtx", "secrets": SOURCE_SECRET }))
            .await,
    );
    for secret in [SOURCE_SECRET, "planted-and-too-short"] {
        let body = json!({ "webhook_base_url": "https://relay.example", "webhook_secret": secret });
        answers.push(relay.post("/api/v3/webhooks/configure", body).await);
    }
    answers.push(relay.post("/api/v3/webhooks/test?wait=0", json!({})).await);
    let endpoints = "/api/v1/app/acme/endpoint";
    let body = json!({ "url": receiver.url, "uid": "e", "secret": planted, "delays": [60] });
    answers.push(relay.post(endpoints, body.clone()).await);
    answers.push(relay.post(endpoints, body.clone()).await);
    answers.push(relay.post(endpoints, json!({ "url": receiver.url, "secret": [planted] })).await);
    answers.push(relay.post(endpoints, json!(planted)).await);
    answers.push(relay.put(&format!("{endpoints}/e"), body).await);
    answers.push(relay.put(&format!("{endpoints}/e"), json!({ "url": 1, "uid": planted })).await);
    let key = relay.post("/v1/keys", json!({ "name": "x", "scope": "read" })).await;
    let key = key.at("key");

    let event = relay
        .completion("modal", "acme", "j1", r#"{"call_id":"fc-1","status":"success","result":1}"#)
        .await;
    let id = event.id.event();
    relay.attempt(&id).await;
    let number = relay.bury(&id).await[0];
    for path in [
        "/v1/sources",
        "/v1/sources/modal",
        "/v1/jobs",
        "/v1/jobs/j1",
        "/v1/jobs/j1/result",
        "/v1/events",
        "/v1/keys",
        "/v1/webhooks/dead-letter",
        "/api/v1/app",
        "/api/v1/app/acme",
        "/api/v1/app/acme/endpoint",
        "/api/v1/app/acme/endpoint/e",
        "/api/v1/app/acme/msg",
        "/api/v1/app/acme/attempt/endpoint/e",
        "/api/v3/webhooks/status",
        "/api/v3/webhooks/active-executions",
        "/api/v3/webhooks/metrics",
        "/api/v3/webhooks/logs",
        "/openapi.json",
        "/asyncapi.json",
        "/health",
    ] {
        answers.push(relay.get(path).await);
    }
    for path in [
        format!("/v1/events/{id}"),
        format!("/v1/webhooks/dead-letter/{number}"),
        format!("/api/v1/app/acme/attempt/msg/{id}"),
        format!("/api/v1/app/acme/msg/{id}"),
    ] {
        answers.push(relay.get(&path).await);
    }
    answers
        .push(relay.post(&format!("/v1/webhooks/dead-letter/{number}/retry"), Value::Null).await);
    answers.push(relay.ask("rk_admin_planted", Method::GET, "/v1/keys", "").await);
    answers.push(relay.ask(&key, Method::GET, &format!("{endpoints}/e/secret"), "").await);

    let secrets =
        ["planted", SOURCE_SECRET, planted.as_str(), &planted[6..], &key, super::ADMIN_SECRET];
    for answer in &answers {
        let whole = format!("{:?} {}", answer.headers, answer.text);
        for secret in secrets {
            assert!(!whole.contains(secret), "{secret}: {answer:?}");
        }
        assert!(!whole.contains("sealed"), "{answer:?}");
    }
    let shown = relay.get(&format!("{endpoints}/e/secret")).await;
    assert_eq!(shown.at("key"), planted);
}
