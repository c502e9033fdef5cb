//! `POST /v1/jobs/{id}/cancel`, and how a source says what to call.

use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET, receiver::Receiver};

const RUNNING: &str = r#"{"call_id":"fc-1","status":"running","metadata":{"job_id":"j1"}}"#;

/// A relay with a source whose jobs are cancelled at this URL.
async fn relay(url: &str) -> Relay {
    let relay = Relay::start().await;
    let cancel = json!({ "url": format!("{url}/{{call_id}}/{{external_id}}"), "method": "PUT",
        "headers": { "X-Key": "key {secret}" }, "secret": "planted-cancel-secret" });
    let source = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "acme", "cancel": cancel });
    let made = relay.put("/v1/sources/modal", source).await;
    made.expect(201);
    assert!(!made.text.contains("planted"), "{}", made.text);
    relay.running("modal", "acme", "j1", RUNNING).await;
    relay.outbox().await;
    relay
}

async fn cancel(relay: &Relay, id: &str) -> super::Answer {
    relay.post(&format!("/v1/jobs/{id}/cancel"), Value::Null).await
}

#[tokio::test]
async fn r0_18_a_job_is_cancelled_once_and_its_platform_is_told() {
    let platform = Receiver::answering(&[]).await;
    let relay = relay(&platform.url).await;
    relay.endpoint("acme", "https://subscriber.example/").await;
    let cancelled = cancel(&relay, "fc-1").await.expect(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["platform"]),
        (&json!("cancelled"), &json!("reached"))
    );
    let told = platform.received();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].method.as_str(), told[0].path.as_str()), ("PUT", "/hook/fc-1/j1"));
    assert_eq!(told[0].headers["x-key"], "key planted-cancel-secret");
    assert!(told[0].body.is_empty(), "nothing of ours");
    assert!(!told[0].headers.contains_key("webhook-signature"));
    let again = cancel(&relay, "j1").await.expect(200);
    assert_eq!((&again["platform"], platform.received().len()), (&json!("reached"), 1));
    let job = relay.get("/v1/jobs/j1").await.expect(200);
    assert_eq!(job["events"][1]["type"], "job.cancelled");
    assert_eq!(job["webhooks"], json!([]), "the platform is no webhook of the job");
    assert_eq!(relay.outbox().await.len(), 1, "the subscriber is rung for, the platform was told");
    let secret = relay.get("/v1/sources/modal").await;
    assert!(!secret.text.contains("planted"), "{}", secret.text);
}

#[tokio::test]
async fn a_platform_that_does_not_answer_is_told_again() {
    let platform = Receiver::answering(&[503]).await;
    let relay = relay(&platform.url).await;
    let cancelled = cancel(&relay, "j1").await.expect(200);
    assert_eq!(cancelled["platform"], "pending");
    let event = cancelled["result_event"].as_str().expect("an event").to_owned();
    tokio::time::sleep(std::time::Duration::from_millis(3200)).await;
    assert_eq!(relay.outbox().await.len(), 1, "it is rung for");
    relay.attempt(&event).await;
    assert_eq!(cancel(&relay, "j1").await.expect(200)["platform"], "reached");
    assert_eq!(platform.received().len(), 2);
}

#[tokio::test]
async fn what_has_ended_cannot_be_cancelled_and_what_nobody_can_be_told_of_is_marked() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.completion("modal", "acme", "done", r#"{"status":"success"}"#).await;
    cancel(&relay, "done").await.expect(409);
    cancel(&relay, "nobody").await.expect(404);
    relay.put("/v1/jobs/j2", json!({ "batch_id": "b1" })).await.expect(201);
    let cancelled = cancel(&relay, "j2").await.expect(200);
    assert_eq!(cancelled["platform"], "unconfigured");
    let publish = relay.key("publish", Some("acme")).await;
    let path = "/v1/jobs/j2/cancel";
    relay.ask(&publish, axum::http::Method::POST, path, "").await.expect(200);
    let read = relay.key("read", None).await;
    relay.ask(&read, axum::http::Method::POST, path, "").await.expect(403);
}

#[tokio::test]
async fn a_cancel_url_is_checked_and_its_secret_goes_nowhere_else() {
    let relay = Relay::start().await;
    let put = async |cancel: Value| {
        let source =
            json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "cancel": cancel });
        relay.put("/v1/sources/modal", source).await
    };
    for bad in [
        json!({ "url": "https://10.0.0.1/{call_id}" }),
        json!({ "url": "https://p.example/" }),
        json!({ "url": "https://p.example/{call_id}", "method": "GET" }),
        json!({ "url": "https://p.example/{call_id}", "secret": 1 }),
        json!({ "url": "https://p.example/{call_id}", "headers": { "content-length": "1" } }),
    ] {
        let refused = put(bad.clone()).await.expect(422);
        let detail = refused["detail"].as_str().expect("text");
        assert!(detail.starts_with("cancel"), "{bad}: {detail}");
    }
    let kept = async || relay.api.table().source("modal").await.expect("read").expect("there");
    put(json!({ "url": "https://p.example/{call_id}", "secret": "x" })).await.expect(201);
    put(json!({ "url": "https://p.example/{call_id}" })).await.expect(200);
    assert!(kept().await.cancel_secret.is_some(), "left out, it stays");
    put(json!({ "url": "https://q.example/{call_id}" })).await.expect(200);
    assert!(kept().await.cancel_secret.is_none());
}

#[tokio::test]
async fn the_jobs_of_a_batch_that_have_not_ended_are_cancelled_and_no_others() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    relay.source("gpu", "one").await;
    relay.source("cpu", "two").await;
    let register = async |source: &str, id: &str, batch: &str| {
        let body = json!({ "source": source, "external_id": id, "batch_id": batch });
        relay.post("/v1/jobs", body).await.expect(201);
    };
    for (source, id, batch) in [
        ("gpu", "a", "b-1"),
        ("gpu", "b", "b-1"),
        ("gpu", "c", "b-1"),
        ("gpu", "d", "b-2"),
        ("cpu", "e", "b-1"),
    ] {
        register(source, id, batch).await;
    }
    let done = r#"{"call_id":"c","status":"success","metadata":{"job_id":"c","batch_id":"b-1"}}"#;
    relay.completion("gpu", "one", "c", done).await;
    relay
        .post("/v1/batches", json!({ "external_id": "b-1", "application": "one" }))
        .await
        .expect(201);
    let path = "/v1/batches/b-1/cancel?application=one";
    // Another tenant, and a key that may only read, cancel nothing.
    let (other, reader) = (relay.key("admin", Some("two")).await, relay.key("read", None).await);
    relay.ask(&other, axum::http::Method::POST, path, "").await.expect(404);
    relay.ask(&reader, axum::http::Method::POST, path, "").await.expect(403);
    for bad in ["&iterator=x", "&limit=3"] {
        relay.post(&format!("{path}{bad}"), Value::Null).await.expect(422);
    }
    let cancelled = relay.post(path, Value::Null).await.expect(202);
    assert_eq!(cancelled, json!({ "cancelled": 2, "left": 0, "iterator": null }));
    for (id, status) in [
        ("a", "cancelled"),
        ("b", "cancelled"),
        ("c", "succeeded"),
        ("d", "pending"),
        ("e", "pending"),
    ] {
        let job = relay.get(&format!("/v1/jobs/{id}")).await.expect(200);
        assert_eq!(job["status"], status, "{id}");
    }
    let again = relay.post(path, Value::Null).await.expect(202);
    assert_eq!(again, json!({ "cancelled": 0, "left": 0, "iterator": null }));
    relay.post("/v1/batches/nothing/cancel", Value::Null).await.expect(404);
}

#[tokio::test]
async fn a_large_batch_is_cancelled_in_parts() {
    let relay = Relay::start().await;
    relay.source("gpu", "one").await;
    relay
        .post("/v1/batches", json!({ "external_id": "b-1", "application": "one" }))
        .await
        .expect(201);
    let jobs = 2 * manage::batches::MAX_CANCELLED + 20;
    for number in 0..jobs {
        let body =
            json!({ "source": "gpu", "external_id": format!("j{number}"), "batch_id": "b-1" });
        relay.post("/v1/jobs", body).await.expect(201);
    }
    let (mut cancelled, mut asked, mut at) = (0, 0, String::new());
    loop {
        let answer =
            relay.post(&format!("/v1/batches/b-1/cancel{at}"), Value::Null).await.expect(202);
        cancelled += answer["cancelled"].as_u64().expect("a number");
        asked += 1;
        assert!(asked < 300, "no end: {answer}");
        if answer["left"] == 0 {
            break;
        }
        at = format!("?iterator={}", answer["iterator"].as_str().expect("a place"));
    }
    assert_eq!(cancelled, jobs as u64);
    assert!(2 < asked, "{asked}");
    let left = relay.get("/v1/jobs?batch_id=b-1&status=pending").await.expect(200);
    assert_eq!(left["data"], json!([]));
}
