//! Tests of the operations on API keys, `/v1/keys`.

use axum::{body::Body, http::Method};
use serde_json::json;

use super::{Relay, ids};

#[tokio::test]
async fn a_key_is_shown_once_and_opens_until_it_is_revoked() {
    let relay = Relay::start().await;
    let made = relay.post("/v1/keys", json!({ "name": "ci", "scope": "read" })).await;
    assert_eq!(made.headers["cache-control"], "no-store");
    let (json, id, key) = (made.expect(201), made.at("id"), made.at("key"));
    assert_eq!(
        (&json["name"], &json["scope"], &json["application"]),
        (&json!("ci"), &json!("read"), &json!(null))
    );
    assert!(key.starts_with(&format!("rk_{id}_")), "{key}");
    relay.ask(&key, Method::GET, "/v1/jobs", Body::empty()).await.expect(200);
    let list = relay.get("/v1/keys").await;
    let secret = key.rsplit('_').next().expect("a secret");
    assert!(!list.text.contains(secret) && !list.text.contains("hash"), "{list:?}");
    assert_eq!(ids(&list.expect(200)), [id.as_str()]);
    assert_eq!(
        relay.delete(&format!("/v1/keys/{id}")).await.expect(200),
        json!({ "deleted": true, "id": id })
    );
    relay.ask(&key, Method::GET, "/v1/jobs", Body::empty()).await.expect(401);
    relay.delete(&format!("/v1/keys/{id}")).await.expect(404);
    relay.delete("/v1/keys/admin").await.expect(404);
}

#[tokio::test]
async fn a_key_that_cannot_be_is_refused() {
    let relay = Relay::start().await;
    for bad in [
        json!({ "name": "", "scope": "read" }),
        json!({ "name": "x" }),
        json!({ "scope": "read" }),
        json!({ "name": "x", "scope": "root" }),
        json!({ "name": "x", "scope": "read", "application": "nobody" }),
        json!({ "name": "x".repeat(257), "scope": "read" }),
    ] {
        relay.post("/v1/keys", bad).await.expect(422);
    }
    assert_eq!(ids(&relay.get("/v1/keys").await.expect(200)).len(), 0);
}
