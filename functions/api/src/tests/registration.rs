//! `POST /v1/jobs` and `PUT /v1/jobs/{id}`.

use axum::http::Method;
use domain::{
    endpoint::Endpoint,
    id::JobId,
    retry::{MAX_RETRIES, MAX_TIMEOUT, MIN_TIMEOUT},
    secret::Secret,
};
use serde_json::{Value, json};

use super::Relay;

const URL: &str = "https://subscriber.example/hook";

async fn relay() -> Relay {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay
}

/// The one webhook of a job, as it lies in the table.
async fn kept(relay: &Relay, answer: &Value) -> Endpoint {
    let id = JobId::parse(answer["id"].as_str().expect("an id")).expect("ours");
    let job = relay.api.table().job(&id).await.expect("read").expect("there");
    relay.api.table().webhooks_of(&job).await.expect("read").remove(0)
}

#[tokio::test]
async fn r1_12_a_job_has_its_id_at_once() {
    let relay = relay().await;
    let made = relay.post("/v1/jobs", json!({})).await.expect(201);
    assert!(made["id"].as_str().is_some_and(|id| id.starts_with("job_")));
    assert_eq!((&made["job_id"], &made["status"]), (&made["id"], &json!("pending")));
    let external = made["external_id"].as_str().expect("one is made");
    assert_eq!(external.len(), 32);
    let found = relay.get(&format!("/v1/jobs/{external}")).await.expect(200);
    assert_eq!((&found["id"], found["registered_at"].is_string()), (&made["id"], true));
    let again = relay.post("/v1/jobs", json!({ "external_id": "j1" })).await.expect(201);
    let same = relay.post("/v1/jobs", json!({ "id": "j1" })).await.expect(200);
    assert_eq!(again["id"], same["id"]);
}

#[tokio::test]
async fn r3_1_a_webhook_is_kept_with_its_policy_and_its_secret_sealed() {
    let relay = relay().await;
    let webhook = json!({ "url": URL, "secret": "planted-webhook-secret", "max_retries": 5, "timeout": 60,
        "events": ["completed", "failed"], "headers": { "X-Tenant": "a" } });
    let body =
        json!({ "webhook": webhook, "metadata": { "run": 7 }, "batch_id": "b1", "run_id": "r1" });
    let answer = relay.put("/v1/jobs/j1", body.clone()).await;
    assert!(!answer.text.contains("planted"), "{}", answer.text);
    let made = answer.expect(201);
    assert_eq!((&made["metadata"], &made["batch_id"]), (&json!({ "run": 7 }), &json!("b1")));
    assert_eq!(made["webhooks"][0]["events"], json!(["completed", "failed"]));
    let endpoint = kept(&relay, &made).await;
    assert_eq!((endpoint.policy.max_retries, endpoint.policy.timeout_seconds), (5, 60));
    assert_eq!(endpoint.headers["X-Tenant"].shown(), "a");
    let owner = Endpoint::owner(&endpoint.id);
    let secret = relay.api.vault().unseal(&owner, &endpoint.secrets[0].sealed).expect("opens");
    assert_eq!(secret, Secret::new(*b"planted-webhook-secret"));
    // The same again is the same webhook, and without a secret it keeps the one it has.
    let again = relay.put("/v1/jobs/j1", json!({ "webhook": { "url": URL } })).await.expect(200);
    assert_eq!(again["webhooks"].as_array().map(Vec::len), Some(1));
    let endpoint = kept(&relay, &again).await;
    let secret = relay.api.vault().unseal(&owner, &endpoint.secrets[0].sealed).expect("opens");
    assert_eq!(secret, Secret::new(*b"planted-webhook-secret"));
    assert_eq!((endpoint.policy.max_retries, endpoint.version), (3, 2));
    assert_eq!(again["metadata"], json!({ "run": 7 }), "what is left out stays");
}

#[tokio::test]
async fn r4_1_a_webhook_of_a_system_speaks_as_it_does_unless_it_says_otherwise() {
    let relay = relay().await;
    let wanted = json!({ "profile": "wepp", "secrets": ["a-secret-of-the-worker-with-24"], "application": "acme" });
    relay.put("/v1/sources/wepp", wanted).await.expect(201);
    for (job, source, asked, kept_as) in [
        ("j1", "wepp", None, Some("wepp")),
        ("j2", "wepp", Some("standard"), None),
        ("j3", "wepp", Some("batch"), Some("batch")),
        ("j4", "modal", None, None),
    ] {
        let webhook = json!({ "url": URL, "profile": asked });
        let body = json!({ "source": source, "webhook": webhook });
        let made = relay.put(&format!("/v1/jobs/{job}"), body).await.expect(201);
        let endpoint = kept(&relay, &made).await;
        assert_eq!(endpoint.profile.as_deref(), kept_as, "{job}");
        // Its ladder comes with its words: WEPPcloud tries three times in all.
        assert_eq!(endpoint.policy.max_retries, if kept_as.is_some() { 2 } else { 3 }, "{job}");
    }
}

#[tokio::test]
async fn r3_2_and_r4_1_the_older_shapes_are_understood() {
    let relay = relay().await;
    let older = json!({ "metadata": { "webhook_url": URL, "a": 1 } });
    let made = relay.put("/v1/jobs/j1", older).await.expect(201);
    assert_eq!(made["webhooks"][0]["url"], URL);
    assert_eq!(made["metadata"], json!({ "a": 1 }));
    for (job, headers) in [("j2", json!({ "X-A": "b" })), ("j3", json!(r#"{"X-A":"b"}"#))] {
        let flat = json!({ "webhook_url": URL, "webhook_secret": "your-signing-key", "webhook_headers": headers });
        let made = relay.put(&format!("/v1/jobs/{job}"), flat).await.expect(201);
        assert_eq!(kept(&relay, &made).await.headers["X-A"].shown(), "b");
    }
}

#[tokio::test]
async fn what_cannot_be_a_registration_is_422_and_named() {
    let relay = relay().await;
    let webhook = |field: &str, value: Value| {
        let mut webhook = json!({ "url": URL });
        webhook[field] = value;
        json!({ "webhook": webhook })
    };
    for (body, field) in [
        (webhook("url", json!("http://10.0.0.1/")), "webhook.url"),
        (webhook("url", json!("https://169.254.169.254/")), "webhook.url"),
        (webhook("max_retries", json!(-1)), "webhook.max_retries"),
        (webhook("max_retries", json!(MAX_RETRIES + 1)), "webhook.max_retries"),
        (webhook("timeout", json!(MIN_TIMEOUT - 1)), "webhook.timeout"),
        (webhook("timeout", json!(MAX_TIMEOUT + 1)), "webhook.timeout"),
        (webhook("secret", json!("")), "webhook.secret"),
        (webhook("secret", json!("x".repeat(129))), "webhook.secret"),
        (webhook("events", json!(["done"])), "webhook.events"),
        (webhook("events", json!("completed,done")), "webhook.events"),
        (webhook("events", json!(["batch.completed"])), "webhook.events"),
        (webhook("events", json!(vec!["completed"; 40])), "webhook.events"),
        (webhook("headers", json!("nonsense")), "webhook.headers"),
        (webhook("headers", json!({ "X-A": 1 })), "webhook.headers"),
        (webhook("headers", json!({ "X A": "b" })), "webhook.headers"),
        (webhook("profile", json!("gitlab")), "webhook.profile"),
        (webhook("filter", json!({ "a": { "$gtt": 1 } })), "webhook.filter"),
        (json!({ "webhook_secret": "s" }), "webhook_url"),
        (json!({ "source": "gone" }), "source"),
        (json!({ "application": "other" }), "application"),
        (json!({ "deadline_seconds": 0 }), "deadline_seconds"),
        (json!({ "call_id": "" }), "call_id"),
        (json!({ "batch_id": "b\u{1}" }), "batch_id"),
        (json!({ "metadata": { "a": "x".repeat(20_000) } }), "metadata"),
    ] {
        let refused = relay.put("/v1/jobs/j1", body.clone()).await.expect(422);
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(field), "{body}: {detail}");
    }
    relay.get("/v1/jobs/j1").await.expect(404);
    relay.source("second", "acme").await;
    relay.post("/v1/jobs", json!({})).await.expect(422);
}

#[tokio::test]
async fn whoever_may_publish_may_register_in_their_own_application_only() {
    let relay = relay().await;
    relay.source("theirs", "other").await;
    let publish = relay.key("publish", Some("acme")).await;
    let read = relay.key("read", None).await;
    let put = async |key: &str, path: &str, body: Value| {
        relay.ask(key, Method::PUT, path, body.to_string()).await
    };
    let made = put(&publish, "/v1/jobs/j1", json!({})).await.expect(201);
    assert_eq!(made["source"], "modal", "the one that they see");
    put(&publish, "/v1/jobs/j1", json!({ "source": "theirs" })).await.expect(422);
    put(&read, "/v1/jobs/j1", json!({})).await.expect(403);
    let theirs = relay.put("/v1/jobs/j1", json!({ "source": "theirs" })).await.expect(201);
    let path = format!("/v1/jobs/{}", theirs["id"].as_str().expect("an id"));
    put(&publish, &path, json!({})).await.expect(404);
}

#[tokio::test]
async fn a_webhook_that_comes_late_is_told_what_it_missed_once() {
    let relay = relay().await;
    let event = relay.completion("modal", "acme", "j1", r#"{"status":"success"}"#).await;
    assert!(relay.deliveries(&event.id.event()).await.is_empty());
    let body = json!({ "webhook": { "url": URL, "events": "completed" }, "call_id": "fc-9" });
    let made = relay.put("/v1/jobs/j1", body.clone()).await.expect(201);
    assert_eq!(made["status"], "succeeded");
    relay.put("/v1/jobs/j1", body).await.expect(200);
    let failures = json!({ "webhook": { "url": "https://other.example/", "events": "failed" } });
    relay.put("/v1/jobs/j1", failures).await.expect(200);
    let deliveries = relay.deliveries(&event.id.event()).await;
    assert_eq!(deliveries.len(), 1);
    assert_eq!(relay.outbox().await.len(), 1, "and it was rung for");
    let shown = relay.get("/v1/jobs/fc-9").await.expect(200);
    assert_eq!(shown["events"][0]["deliveries"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown["webhooks"].as_array().map(Vec::len), Some(2));
    for number in 0..3 {
        let webhook = json!({ "webhook": { "url": format!("{URL}/{number}") } });
        relay.put("/v1/jobs/j1", webhook).await.expect(200);
    }
    relay.put("/v1/jobs/j1", json!({ "webhook": { "url": format!("{URL}/6") } })).await.expect(409);
}

#[tokio::test]
async fn a_deadline_counts_from_its_registration_and_ends_with_the_job() {
    let relay = relay().await;
    let made = relay.put("/v1/jobs/j1", json!({ "deadline_seconds": 3600 })).await.expect(201);
    assert!(made["deadline_at"].is_string());
    let id = relay.job_id("modal", "acme", "j1").await;
    let job = relay.api.table().job(&id).await.expect("read").expect("there");
    let grace = std::time::Duration::from_secs(300);
    assert_eq!(job.poll_at, job.deadline_at.map(|at| at.plus(grace)), "there is nobody to ask");
    relay.completion("modal", "acme", "j2", r#"{"status":"success"}"#).await;
    let ended = relay.put("/v1/jobs/j2", json!({ "deadline_seconds": 3600 })).await.expect(201);
    assert!(ended["deadline_at"].is_null());
}

#[tokio::test]
async fn a_job_whose_source_can_be_asked_is_asked_for_past_its_deadline() {
    let relay = Relay::start().await;
    let platform = json!({ "kind": "replicate", "secret": "r8_x" });
    let body = json!({ "profile": "modal-omtx", "secrets": [super::SOURCE_SECRET],
        "platform": platform, "deadline_seconds": 600 });
    relay.put("/v1/sources/modal", body).await.expect(201);
    let made = relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    assert!(made["deadline_at"].is_string(), "its source's");
    assert_eq!(made["next_poll_at"], made["deadline_at"]);
    assert_eq!((&made["polls"], &made["missed"]), (&json!(0), &json!(false)));
    assert_eq!(made["claimed"], json!(null));
    let own = relay.put("/v1/jobs/j2", json!({ "deadline_seconds": 60 })).await.expect(201);
    assert!(own["deadline_at"].as_str() < made["deadline_at"].as_str(), "its own");
    assert_eq!(own["next_poll_at"], own["deadline_at"]);
    let again = relay.put("/v1/jobs/j1", json!({})).await.expect(200);
    assert_eq!(again["next_poll_at"], made["next_poll_at"], "registered again, it stays");
}

#[tokio::test]
async fn a_sender_that_cannot_sign_has_a_path_for_its_job() {
    let relay = Relay::start().await;
    let platform = json!({ "kind": "runpod", "endpoint_id": "e1" });
    let token = "tok_4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f";
    let source = json!({ "profile": "runpod", "secrets": [token], "platform": platform });
    relay.put("/v1/sources/rp", source).await.expect(201);
    let made = relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let url = made["callback_url"].as_str().expect("a URL");
    let token = url.strip_prefix("https://relay.example/in/rp/").expect("its source's path");
    assert_eq!(token.len(), 64);
    let kept = relay.api.table().token(&domain::signature::token_hash(token)).await;
    assert_eq!(kept.expect("read").expect("there").external_id, "j1");
    assert!(!relay.get("/v1/jobs/j1").await.text.contains(token), "it is shown once");
}
