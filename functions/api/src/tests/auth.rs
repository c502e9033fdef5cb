//! Tests of which keys may call which operations.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use super::{ADMIN, ADMIN_SECRET, Relay};

/// Every operation of the document that needs a key, with its path filled in.
fn gated() -> Vec<(Method, String)> {
    let document: Value = serde_json::to_value(crate::openapi()).expect("serialises");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if operation["security"] != json!([{}]) {
                let method =
                    Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                let filled =
                    path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
                operations.push((method, filled.collect::<Vec<_>>().join("/")));
            }
        }
    }
    operations
}

#[tokio::test]
async fn no_route_but_health_and_the_document_answers_without_a_key() {
    let relay = Relay::start().await;
    let operations = gated();
    assert!(30 < operations.len(), "{operations:?}");
    for (method, path) in operations {
        let request = Request::builder().method(&method).uri(&path).body(Body::empty());
        let answer = relay.send(request.expect("a request")).await;
        let json = answer.expect(401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        if path.starts_with("/api/v1") {
            assert_eq!(json, json!({ "code": "authentication_failed", "detail": "Invalid token" }));
        } else if path.starts_with("/api/v3/webhooks") {
            assert_eq!(json, json!({ "detail": "Invalid token" }), "{path}");
        } else {
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
            assert_eq!(json["status"], 401);
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_ours_opens_nothing() {
    let relay = Relay::start().await;
    let key = relay.key("admin", None).await;
    let wrong = format!("{}0", &key[..key.len() - 1]);
    let unknown = key.replacen("rk_", "rk_0", 1);
    let long = format!("rk_{}_{}", "a".repeat(5000), "b".repeat(5000));
    let half = &ADMIN_SECRET[1..];
    let keys = ["", "x", half, "rk_admin_", "rk_admin_x", &wrong, &unknown, &long];
    for bad in keys.into_iter().filter(|bad| *bad != key) {
        relay.ask(bad, Method::GET, "/v1/jobs", Body::empty()).await.expect(401);
    }
    for header in ["Basic cmtfYWRtaW46", ADMIN, "Bearer"] {
        let request = Request::get("/v1/jobs").header("authorization", header);
        relay.send(request.body(Body::empty()).expect("a request")).await.expect(401);
    }
    for header in [format!("bearer {ADMIN}"), format!("Bearer  {key}")] {
        let request = Request::get("/v1/jobs").header("authorization", header);
        relay.send(request.body(Body::empty()).expect("a request")).await.expect(200);
    }
}

#[tokio::test]
async fn a_scope_contains_the_ones_below_it_and_nothing_else() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let endpoint = relay.endpoint("acme", "https://subscriber.example/hook").await;
    let secret = format!("/api/v1/app/acme/endpoint/{endpoint}/secret");
    let message = json!({ "eventType": "a.b", "payload": {} }).to_string();
    let source =
        json!({ "profile": "modal-omtx", "secrets": ["0123456789abcdef01234567"] }).to_string();
    let calls: [(&str, Method, &str, &str); 9] = [
        ("read", Method::GET, "/v1/jobs", ""),
        ("read", Method::HEAD, "/v1/sources", ""),
        ("read", Method::GET, "/api/v1/app/acme/endpoint", ""),
        ("publish", Method::POST, "/api/v1/app/acme/msg", &message),
        ("admin", Method::GET, &secret, ""),
        ("admin", Method::POST, "/api/v1/app", r#"{"name":"x"}"#),
        ("admin", Method::PUT, "/v1/sources/s", &source),
        ("admin", Method::POST, "/v1/keys", r#"{"name":"x","scope":"admin"}"#),
        (
            "admin",
            Method::POST,
            "/v1/webhooks/dead-letter/redrive",
            r#"{"all":true,"dry_run":true}"#,
        ),
    ];
    let scopes = ["read", "publish", "admin"];
    for (index, scope) in scopes.iter().enumerate() {
        let key = relay.key(scope, None).await;
        for (needed, method, path, body) in &calls {
            let allowed = scopes.iter().position(|scope| scope == needed) <= Some(index);
            let answer = relay.ask(&key, method.clone(), path, (*body).to_owned()).await;
            let forbidden = answer.status.as_u16() == 403;
            assert_eq!(forbidden, !allowed, "{scope} {method} {path}: {answer:?}");
            assert!(!allowed || answer.status.is_success(), "{scope} {method} {path}: {answer:?}");
        }
    }
    let key = relay.key("read", None).await;
    let answer = relay.ask(&key, Method::POST, "/api/v1/app", "{}").await;
    assert_eq!(answer.expect(403)["code"], "permission_denied");
}
