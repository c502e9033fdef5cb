//! Tests of the errors that every route can answer.

mod unknown_names;

use axum::{
    body::Body,
    http::{Method, Request},
};
use local::{LocalAws, Urls};
use serde_json::json;

use super::{ADMIN, Relay};

#[tokio::test]
async fn health_is_open_to_everybody() {
    let relay = Relay::start().await;
    for method in [Method::GET, Method::HEAD] {
        let request = Request::builder().method(&method).uri("/health").body(Body::empty());
        let answer = relay.send(request.expect("a request")).await;
        let json = answer.expect(200);
        assert!(method == Method::HEAD || json == json!({ "status": "healthy" }), "{json}");
        for path in ["/api/v1/health", "/api/v1/health/ping"] {
            let request = Request::builder().method(&method).uri(path).body(Body::empty());
            relay.send(request.expect("a request")).await.expect(204);
        }
    }
}

/// An address at which nobody listens. A port that was only let go would soon be another test's.
fn away() -> String {
    "http://127.0.0.1:1".to_owned()
}

#[tokio::test]
async fn health_says_what_cannot_be_written() {
    for (store, urls) in [
        ("table", (|urls| Urls { dynamodb: away(), ..urls }) as fn(Urls) -> Urls),
        ("bucket", |urls| Urls { s3: away(), ..urls }),
    ] {
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let clients = aws.clients().at(urls(aws.urls().clone()));
        let relay = Relay::over(aws, &clients);
        for method in [Method::GET, Method::POST] {
            let request = Request::builder().method(method).uri("/health").body(Body::empty());
            let json = relay.send(request.expect("a request")).await.expect(503);
            assert_eq!(json, json!({ "status": "unhealthy", "cannot_write": [store] }));
        }
        for path in ["/api/v1/health", "/api/v1/health/ping"] {
            let request = Request::get(path).body(Body::empty());
            relay.send(request.expect("a request")).await.expect(503);
        }
    }
}

#[tokio::test]
async fn r2_10_health_may_be_posted_as_the_guide_does() {
    let relay = Relay::start().await;
    let request = Request::builder().method(Method::POST).uri("/health");
    let request = request.body(Body::from(r#"{"test": true}"#));
    let answer = relay.send(request.expect("a request")).await;
    assert_eq!(answer.expect(200), json!({ "status": "healthy" }));
}

#[tokio::test]
async fn ids_that_cannot_be_are_not_found() {
    let relay = Relay::start().await;
    relay.application("acme").await;
    let long = "a".repeat(300);
    let longest = "a".repeat(6000);
    for id in [
        "a.b",
        "a%20b",
        "%F0%9F%98%80",
        "%FF",
        "..%2f",
        "%00",
        &long,
        &longest,
        "-1",
        "evt_",
        "dl_a.b",
    ] {
        let paths = [
            format!("/v1/sources/{id}"),
            format!("/v1/jobs/{id}"),
            format!("/v1/jobs/{id}/result"),
            format!("/v1/jobs/x?source={id}"),
            format!("/v1/events/{id}"),
            format!("/v1/webhooks/dead-letter/{id}"),
            format!("/v1/tasks/{id}"),
            format!("/api/v1/app/{id}"),
            format!("/api/v1/app/{id}/endpoint"),
            format!("/api/v1/app/acme/endpoint/{id}"),
            format!("/api/v1/app/acme/endpoint/{id}/secret"),
            format!("/api/v1/app/acme/msg/{id}"),
            format!("/api/v1/app/acme/msg/{id}/attempt/{id}"),
            format!("/api/v1/app/acme/attempt/msg/{id}"),
            format!("/api/v1/app/acme/attempt/endpoint/{id}"),
        ];
        for path in paths {
            let answer = relay.get(&path).await;
            assert_eq!(answer.status.as_u16(), 404, "{path}: {answer:?}");
        }
        for path in [
            format!("/v1/keys/{id}"),
            format!("/v1/sources/{id}"),
            format!("/v1/webhooks/dead-letter/{id}"),
            format!("/api/v1/app/acme/endpoint/{id}"),
        ] {
            relay.delete(&path).await.expect(404);
        }
        let path = format!("/v1/webhooks/dead-letter/{id}/retry");
        relay.post(&path, json!({})).await.expect(404);
        let path = format!("/api/v1/app/acme/msg/{id}/endpoint/{id}/resend");
        relay.post(&path, json!({})).await.expect(404);
    }
}

#[tokio::test]
async fn what_nobody_serves_is_not_found_in_the_shape_of_its_api() {
    let relay = Relay::start().await;
    let svix = relay.get("/api/v1/nothing").await.expect(404);
    assert_eq!(svix, json!({ "code": "not_found", "detail": "Entity not found" }));
    let native = relay.get("/v1/nothing").await;
    assert_eq!(native.expect(404)["title"], "Not Found");
    assert_eq!(native.headers["content-type"], "application/problem+json");
    let method = relay.delete("/v1/jobs").await;
    method.expect(405);
    assert_eq!(method.headers["allow"], "GET,HEAD,POST");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_json_is_refused() {
    let relay = Relay::start().await;
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(crate::MAX_BODY));
    for path in ["/api/v1/app", "/v1/keys", "/v1/webhooks/dead-letter/redrive"] {
        relay.ask(ADMIN, Method::POST, path, large.clone()).await.expect(413);
        for bad in ["", "{", "nonsense", "\u{0}"] {
            relay.ask(ADMIN, Method::POST, path, bad).await.expect(400);
        }
        relay.ask(ADMIN, Method::POST, path, vec![0xff, 0xfe]).await.expect(400);
        for bad in ["[]", "\"x\"", "1", "null"] {
            let answer = relay.ask(ADMIN, Method::POST, path, bad).await;
            assert_eq!(answer.status.as_u16(), 422, "{path} {bad}: {answer:?}");
        }
    }
    let missing = relay.post("/api/v1/app", json!({})).await.expect(422);
    assert_eq!(missing["detail"][0]["loc"], json!(["body", "name"]));
    assert_eq!(missing["detail"][0]["type"], "value_error");
}

#[tokio::test]
async fn a_table_that_is_away_is_a_503_that_does_not_say_why() {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let dynamodb = away();
    let clients = aws.clients().at(Urls { dynamodb, ..aws.urls().clone() });
    let relay = Relay::over(aws, &clients);
    for path in ["/v1/sources", "/api/v1/app"] {
        let answer = relay.get(path).await;
        let json = answer.expect(503);
        assert_eq!(answer.headers["retry-after"], "5", "{path}");
        assert!(!json.to_string().contains("127.0.0.1"), "{json}");
    }
}

#[tokio::test]
async fn limits_and_cursors_that_cannot_be_are_refused() {
    let relay = Relay::start().await;
    let lists = [
        "/v1/jobs",
        "/v1/events",
        "/api/v1/app",
        "/api/v1/app/default/endpoint",
        "/api/v1/app/default/msg",
    ];
    for list in lists {
        relay.get(&format!("{list}?limit=250")).await.expect(200);
        for bad in [
            "limit=0",
            "limit=251",
            "limit=-1",
            "limit=x",
            "iterator=x",
            "iterator=-",
            "iterator=1700000000000%23a%20b",
        ] {
            let answer = relay.get(&format!("{list}?{bad}")).await;
            assert_eq!(answer.status.as_u16(), 422, "{list}?{bad}: {answer:?}");
        }
    }
    for bad in ["limit=0", "limit=1001", "offset=-1", "offset=x"] {
        relay.get(&format!("/v1/webhooks/dead-letter?{bad}")).await.expect(422);
    }
}
