//! OMTX's routes: setting up, health, tests (R0.6, R0.13 to R0.15).

use axum::{
    body::Body,
    http::{Method, Request},
};
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::ApplicationId,
    profile::Profile,
};
use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET};

const CONFIGURE: &str = "/api/v3/webhooks/configure";
const STATUS: &str = "/api/v3/webhooks/status";

pub(super) async fn configure(relay: &Relay) -> Value {
    let body = json!({ "webhook_base_url": "https://relay.example", "webhook_secret": SOURCE_SECRET, "auto_configure": true, "application": "acme" });
    relay.post(CONFIGURE, body).await.expect(200)
}

/// The requests that were accepted.
async fn inbox(relay: &Relay) -> Vec<Envelope> {
    let bodies = relay.aws.receive_all(&relay.aws.names().inbox).await;
    bodies.iter().map(|body| Envelope::parse(body).expect("an envelope")).collect()
}

fn body(envelope: &Envelope) -> Value {
    let StoredBody::Text(text) = &envelope.body else { panic!("{envelope:?}") };
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn r0_6_configure_makes_the_source_and_remembers_where_we_are() {
    let relay = Relay::start().await;
    let made = configure(&relay).await;
    assert_eq!(made["status"], "configuration_started");
    assert_eq!(made["webhook_url"], "https://relay.example");
    assert_eq!(made["completion_url"], "https://relay.example/api/v3/webhooks/modal/completion");
    let source = relay.get("/v1/sources/modal-omtx").await.expect(200);
    assert_eq!((&source["profile"], &source["secret_count"]), (&json!("modal-omtx"), &json!(1)));
    assert_eq!(source["application"], "acme");
    let again = json!({ "webhook_base_url": "http://localhost:8788/", "webhook_secret": "another-secret-of-24-bytes", "auto_configure": false });
    let again = relay.post(CONFIGURE, again).await.expect(200);
    assert_eq!(
        (&again["status"], &again["webhook_url"]),
        (&json!("configured"), &json!("http://localhost:8788"))
    );
    let changed = relay.get("/v1/sources/modal-omtx").await.expect(200);
    assert_eq!((&changed["application"], &changed["secret_count"]), (&json!("acme"), &json!(1)));
    let kept = json!({ "profile": "modal-omtx", "application": "acme" });
    relay.put("/v1/sources/modal-omtx", kept).await.expect(200);
    let status = relay.get(STATUS).await.expect(200);
    assert_eq!(status["base_url"], "http://localhost:8788", "PUT does not forget it");
}

#[tokio::test]
async fn s0_2_there_is_no_default_secret_and_a_short_one_is_refused_without_being_repeated() {
    let relay = Relay::start().await;
    for bad in [
        json!("default-dev-secret"),
        json!("your-webhook-secret"),
        json!(""),
        json!(null),
        json!(7),
    ] {
        let body = json!({ "webhook_base_url": "https://relay.example", "webhook_secret": bad });
        let answer = relay.post(CONFIGURE, body).await;
        let detail = answer.expect(422)["detail"].as_str().expect("text").to_owned();
        assert!(bad.as_str().is_none_or(|bad| bad.is_empty() || !detail.contains(bad)), "{detail}");
    }
    relay.post(CONFIGURE, json!({ "webhook_base_url": "https://x" })).await.expect(422);
    let body = json!({ "webhook_base_url": "https://u:p@x", "webhook_secret": SOURCE_SECRET });
    let bad = relay.post(CONFIGURE, body).await.expect(400);
    assert_eq!(bad, json!({ "detail": "Invalid webhook base URL" }));
    assert_eq!(relay.get(STATUS).await.expect(200)["configured"], false);
}

#[tokio::test]
async fn r0_13_health_answers_head_too() {
    let relay = Relay::start().await;
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(&method).uri("/api/v3/webhooks/modal/health");
        let answer = relay.send(request.body(Body::empty()).expect("a request")).await;
        let json = answer.expect(200);
        assert_eq!(answer.headers["content-type"], "application/json");
        if method == Method::HEAD {
            continue;
        }
        assert_eq!(
            (&json["status"], &json["service"]),
            (&json!("healthy"), &json!("modal_webhook_handler"))
        );
        let features = [
            "hmac_verification",
            "timestamp_verification",
            "background_processing",
            "batch_intelligence",
        ];
        assert!(features.iter().all(|feature| json["features"][feature] == true), "{json}");
        assert!(json["timestamp"].as_f64().is_some_and(|at| 1.7e9 < at), "{json}");
    }
}

#[tokio::test]
async fn r0_14_both_spellings_are_understood_on_both_paths() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let ours =
        json!({ "modal_call_id": "test_123", "status": "success", "test_data": { "test": true } });
    let theirs = json!({ "call_id": "test_123", "status": "success", "result": { "test": true }, "error": {}, "metadata": { "job_id": "j1" } });
    for spelling in [&ours, &theirs] {
        let modal =
            relay.post("/api/v3/webhooks/modal/test?wait=0", spelling.clone()).await.expect(200);
        assert_eq!(
            (&modal["status"], &modal["call_id"]),
            (&json!("test_accepted"), &json!("test_123"))
        );
        let test = relay.post("/api/v3/webhooks/test?wait=0", spelling.clone()).await.expect(200);
        assert_eq!(test["test_payload"]["result"], json!({ "test": true }));
        let envelopes = inbox(&relay).await;
        assert_eq!(envelopes.len(), 2, "each of them was accepted");
        let acme = ApplicationId::named("acme");
        for envelope in &envelopes {
            assert_eq!(body(envelope)["result"], json!({ "test": true }));
            assert_eq!(body(envelope)["metadata"]["test_mode"], true);
            assert_eq!(
                (envelope.source.as_str(), envelope.application.as_str()),
                ("modal-omtx", acme.as_str())
            );
        }
    }
    let failing =
        json!({ "modal_call_id": "t", "status": "failure", "test_data": { "message": "m" } });
    relay.post("/api/v3/webhooks/test?wait=0", failing).await.expect(200);
    let failed = &inbox(&relay).await[0];
    assert_eq!(
        (&body(failed)["error"]["message"], &body(failed)["result"]),
        (&json!("m"), &Value::Null)
    );
    for bad in [
        json!({ "status": "running" }),
        json!({ "status": "?" }),
        json!({ "call_id": "x".repeat(200) }),
    ] {
        relay.post("/api/v3/webhooks/test", bad).await.expect(422);
    }
}

#[tokio::test]
async fn s0_4_a_test_needs_a_key_and_touches_no_real_job() {
    let relay = Relay::start().await;
    let test = json!({ "call_id": "fc-1", "status": "success", "metadata": { "job_id": "j1", "batch_id": "b1" } });
    let none = relay.post("/api/v3/webhooks/modal/test", test.clone()).await.expect(409);
    assert!(none["detail"].as_str().is_some_and(|detail| detail.contains("configure")), "{none}");
    configure(&relay).await;
    relay
        .completion(
            "modal-omtx",
            "acme",
            "j1",
            r#"{"call_id":"fc-1","status":"success","metadata":{"job_id":"j1"}}"#,
        )
        .await;
    let key = relay.key("read", None).await;
    let path = "/api/v3/webhooks/modal/test";
    relay.ask(&key, Method::POST, path, test.to_string()).await.expect(403);
    relay.ask("none", Method::POST, path, test.to_string()).await.expect(401);
    assert_eq!(inbox(&relay).await, []);
    let key = relay.key("publish", None).await;
    let path = "/api/v3/webhooks/modal/test?wait=0";
    relay.ask(&key, Method::POST, path, test.to_string()).await.expect(200);
    relay.ask(&key, Method::POST, path, test.to_string()).await.expect(200);
    let envelopes = inbox(&relay).await;
    assert_ne!(envelopes[0].event, envelopes[1].event, "a second test is no duplicate");
    let omtx = Profile::named("modal-omtx").expect("there");
    for envelope in envelopes {
        assert_eq!(envelope.trust, Trust::Signed);
        let text = body(&envelope).to_string();
        let said = omtx.read(text.as_bytes());
        let job = said.job.expect("a job");
        assert!(job.starts_with("relay-test-fc-1-"), "{job}");
        assert_eq!((said.call_id, said.batch_id), (Some(job), None));
    }
}

#[tokio::test]
async fn r0_15_status_counts_what_is_there_and_has_called() {
    let relay = Relay::start().await;
    let status = relay.get(STATUS).await.expect(200);
    let none = json!({ "configured": false, "base_url": "", "apps_configured": 0, "total_apps": 0, "last_configured_at": null, "health_status": "unconfigured" });
    assert_eq!(status, none);
    configure(&relay).await;
    relay.source("chai1", "acme").await;
    let github = json!({ "profile": "github", "secrets": [SOURCE_SECRET], "application": "acme" });
    relay.put("/v1/sources/github", github).await.expect(201);
    let counts = async |working: u64, health: &str| {
        let status = relay.get(STATUS).await.expect(200);
        assert_eq!((&status["configured"], &status["total_apps"]), (&json!(true), &json!(2)));
        assert_eq!(
            (&status["apps_configured"], &status["health_status"]),
            (&json!(working), &json!(health))
        );
        assert!(status["last_configured_at"].is_string());
    };
    counts(0, "partial").await;
    let call = |id: &str| format!(r#"{{"call_id":"{id}","status":"success"}}"#);
    relay.completion("modal-omtx", "acme", "relay-test-1", &call("relay-test-1")).await;
    counts(0, "partial").await;
    relay.completion("modal-omtx", "acme", "fc-1", &call("fc-1")).await;
    counts(1, "partial").await;
    relay.completion("chai1", "acme", "fc-2", &call("fc-2")).await;
    counts(2, "healthy").await;
    relay.application("other").await;
    let other = relay.key("read", Some("other")).await;
    let theirs = relay.ask(&other, Method::GET, STATUS, Body::empty()).await.expect(200);
    assert_eq!(theirs, none, "another tenant sees nothing of it");
}
