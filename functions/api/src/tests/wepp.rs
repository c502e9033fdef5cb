//! WEPPcloud's dashboard route and its feature flag (R4.6, R4.8).

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::json;

use super::{Relay, SOURCE_SECRET, receiver::Receiver};

const NONE: &str = r#"{"webhook_configured":false}"#;

#[tokio::test]
async fn r4_8_a_jobs_webhook_is_shown_with_how_far_it_is() {
    let relay = Relay::start().await;
    relay.source("rq", "acme").await;
    assert_eq!(relay.get("/job/nobody/webhook").await.text, NONE, "there is no 404");
    relay.put("/v1/jobs/plain", json!({})).await.expect(201);
    assert_eq!(relay.get("/job/plain/webhook").await.text, NONE);
    for (job, answers, ends) in [("j1", &[200][..], "delivered"), ("j2", &[500][..], "failed")] {
        let receiver = Receiver::answering(answers).await;
        let body = json!({ "webhook_url": format!("{}?key=planted", receiver.url), "webhook_secret": "planted-secret-of-a-job" });
        relay.put(&format!("/v1/jobs/{job}"), body).await.expect(201);
        let path = format!("/job/{job}/webhook");
        let shows = async |status: &str| {
            let answer = relay.get(&path).await;
            assert!(!answer.text.contains("planted"), "{}", answer.text);
            let url = &receiver.url;
            let expected =
                json!({ "webhook_configured": true, "url": url, "delivery_status": status });
            assert_eq!(answer.expect(200), expected);
        };
        shows("pending").await;
        let completion = format!(r#"{{"call_id":"{job}","status":"success"}}"#);
        let event = relay.completion("rq", "acme", job, &completion).await;
        shows("pending").await;
        relay.attempt(&event.id.event()).await;
        shows(if ends == "failed" { "retrying" } else { ends }).await;
        if ends == "failed" {
            relay.bury(&event.id.event()).await;
        }
        shows(ends).await;
    }
}

#[tokio::test]
async fn s4_6_a_jobs_webhook_is_shown_to_those_who_may_see_the_job() {
    let relay = Relay::start().await;
    relay.source("rq", "acme").await;
    relay.application("acme").await;
    relay.application("other").await;
    let body = json!({ "webhook_url": "https://subscriber.example/hook" });
    relay.put("/v1/jobs/j1", body).await.expect(201);
    let request = Request::get("/job/j1/webhook").body(Body::empty()).expect("a request");
    relay.send(request).await.expect(401);
    let (theirs, others) =
        (relay.key("read", Some("acme")).await, relay.key("read", Some("other")).await);
    let ask = async |key: &str| relay.ask(key, Method::GET, "/job/j1/webhook", "").await;
    assert_eq!(ask(&theirs).await.expect(200)["webhook_configured"], true);
    assert_eq!(ask(&others).await.text, NONE);
}

#[tokio::test]
async fn r4_6_switched_off_a_registration_is_taken_and_nothing_is_delivered() {
    let relay = Relay::start().await;
    let source = |on: serde_json::Value| json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET], "application": "acme", "job_webhooks": on });
    let off = relay.put("/v1/sources/rq", source(json!(false))).await.expect(201);
    assert_eq!(off["job_webhooks"], false);
    let webhook = json!({ "webhook_url": "https://subscriber.example/hook", "webhook_secret": "a-secret-of-16-and-more" });
    let taken = relay.put("/v1/jobs/j1", webhook.clone()).await.expect(201);
    assert_eq!((&taken["status"], &taken["webhooks"]), (&json!("pending"), &json!([])));
    assert_eq!(relay.get("/job/j1/webhook").await.text, NONE);
    let event =
        relay.completion("rq", "acme", "j1", r#"{"call_id":"j1","status":"success"}"#).await;
    assert_eq!(relay.deliveries(&event.id.event()).await, []);
    relay.put("/v1/sources/rq", source(json!(null))).await.expect(200);
    relay.put("/v1/jobs/j2", webhook).await.expect(201);
    let event =
        relay.completion("rq", "acme", "j2", r#"{"call_id":"j2","status":"success"}"#).await;
    assert_eq!(relay.deliveries(&event.id.event()).await.len(), 1);
}
