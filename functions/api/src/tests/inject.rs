//! Speaking in a source's place (R0.21).

use axum::http::Method;
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    source::Source,
};
use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET, omtx::configure};

const INJECT: &str = "/v1/sources/modal-omtx/inject";

async fn injected(relay: &Relay) -> Envelope {
    let mut bodies = relay.aws.receive_all(&relay.aws.names().inbox).await;
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    Envelope::parse(&bodies.remove(0)).expect("an envelope")
}

#[tokio::test]
async fn r0_21_a_completion_is_injected_under_the_key_that_its_sender_would_have_used() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let body = json!({ "modal_call_id": "test_123", "status": "success", "result_data": { "test": true }, "error_data": {}, "metadata": { "job_id": "j1" } });
    let answer = relay.post(INJECT, body).await.expect(202);
    let envelope = injected(&relay).await;
    assert_eq!(envelope.trust, Trust::Operator);
    assert_eq!(envelope.key, "job:test_123:succeeded");
    let tenure = envelope.tenure();
    assert_eq!(envelope.event, Source::event_id(&tenure, "job:test_123:succeeded"));
    assert_eq!(tenure, relay.tenure("modal-omtx", "acme").await);
    assert_eq!(answer["id"], envelope.event.event());
    let StoredBody::Text(text) = &envelope.body else { panic!("{envelope:?}") };
    let said: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(
        said,
        json!({ "call_id": "test_123", "status": "success", "result": { "test": true }, "error": {}, "metadata": { "job_id": "j1" } })
    );
    assert!(envelope.arrival.starts_with("by-admin-"), "{}", envelope.arrival);
}

#[tokio::test]
async fn r0_21_a_body_is_injected_to_the_byte_and_a_large_one_as_a_claim() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let exact = r#"{"call_id":"fc-1",  "status":"failure","error":{"x":1.0,"s":"\u00e9"}}"#;
    let body = format!(r#"{{"body":{exact}}}"#);
    relay.ask(super::ADMIN, Method::POST, INJECT, body).await.expect(202);
    assert_eq!(injected(&relay).await.body, StoredBody::Text(exact.to_owned()));
    // Escaped once more in the message, it no longer fits.
    let large = json!({ "call_id": "fc-2", "status": "success", "result": "\"".repeat(400_000) });
    relay.post(INJECT, json!({ "body": large })).await.expect(202);
    let envelope = injected(&relay).await;
    assert!(matches!(envelope.body, StoredBody::Claim(_)), "{:.300}", format!("{envelope:?}"));
    let kept = relay.api.bucket().open(envelope.body).await.expect("kept");
    assert_eq!(serde_json::from_slice::<Value>(&kept).expect("JSON"), large);
}

#[tokio::test]
async fn r0_21_what_cannot_be_a_completion_is_refused() {
    let relay = Relay::start().await;
    configure(&relay).await;
    for bad in [
        json!({}),
        json!({ "modal_call_id": "x" }),
        json!({ "modal_call_id": "", "status": "success" }),
        json!({ "modal_call_id": "x", "status": "wonderful" }),
        json!({ "body": {} }),
        json!({ "body": "text" }),
    ] {
        relay.post(INJECT, bad).await.expect(422);
    }
    relay.post("/v1/sources/nobody/inject", json!({ "body": {} })).await.expect(404);
    let github = json!({ "profile": "github", "secrets": [SOURCE_SECRET], "application": "acme" });
    relay.put("/v1/sources/github", github).await.expect(201);
    let fields = json!({ "modal_call_id": "x", "status": "success" });
    relay.post("/v1/sources/github/inject", fields).await.expect(422);
    for scope in ["read", "publish"] {
        let key = relay.key(scope, None).await;
        relay.ask(&key, Method::POST, INJECT, "{}").await.expect(403);
    }
    relay.application("other").await;
    let other = relay.key("admin", Some("other")).await;
    relay.ask(&other, Method::POST, INJECT, r#"{"body":{}}"#).await.expect(404);
    assert!(relay.aws.receive_all(&relay.aws.names().inbox).await.is_empty());
}
