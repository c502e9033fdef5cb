//! Tests of requests that pages of other origins make.

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request},
};
use serde_json::json;

use super::{ADMIN, Answer, Relay};

const PAGE: &str = "https://app.example";

async fn relay() -> Relay {
    let origins = format!("{PAGE},http://localhost:5173").parse().expect("origins");
    let relay = Relay::set(|api| api.with_allowed_origins(origins)).await;
    relay.source("modal", "acme").await;
    relay
}

impl Relay {
    /// A request of a page.
    async fn page(&self, origin: &str, method: Method, path: &str, key: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header("origin", origin);
        let request = request.header("authorization", format!("Bearer {key}"));
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// A preflight, as a browser sends it before a request with a key.
    async fn preflight(&self, origin: &str, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(Method::OPTIONS).uri(path);
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "authorization,content-type");
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}

/// The headers of an answer that speak to a browser.
fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    let told = headers.iter().filter(|(name, _)| {
        name.as_str().starts_with("access-control-") || name.as_str() == "vary"
    });
    let text = |value: &axum::http::HeaderValue| value.to_str().expect("text").to_owned();
    let mut told: Vec<_> = told.map(|(name, value)| (name.to_string(), text(value))).collect();
    told.sort();
    told
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The headers of an answer that a page may read.
fn readable(origin: &str) -> Vec<(String, String)> {
    pairs(&[
        ("access-control-allow-origin", origin),
        ("access-control-expose-headers", "idempotent-replayed, link, relay-ignored, retry-after"),
        ("vary", "origin"),
    ])
}

#[tokio::test]
async fn without_allowed_origins_no_page_is_told_anything() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    for path in ["/v1/jobs", "/v1/jobs/x", "/v1/nothing"] {
        let answer = relay.page(PAGE, Method::GET, path, ADMIN).await;
        assert_eq!(told(&answer.headers), [], "{path}");
        let asked = relay.preflight(PAGE, "GET", path).await;
        assert_eq!(told(&asked.headers), [], "{path}");
        assert!(asked.status.is_client_error(), "{asked:?}");
    }
}

#[tokio::test]
async fn a_preflight_of_an_allowed_origin_is_answered_with_the_methods_of_the_path() {
    let relay = relay().await;
    for (path, methods) in [
        ("/v1/jobs", "GET,HEAD,POST"),
        ("/v1/jobs/", "GET,HEAD,POST"),
        ("/v1/jobs?limit=1", "GET,HEAD,POST"),
        ("/v1/jobs/any", "GET,HEAD,PUT"),
        ("/v1/live/tickets", "POST"),
        ("/v1/live/tokens", "POST"),
        ("/v1/keys/x", "DELETE"),
    ] {
        for origin in [PAGE, "http://localhost:5173"] {
            let answer = relay.preflight(origin, "POST", path).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""), "{path}");
            let wanted = pairs(&[
                ("access-control-allow-headers", "authorization, content-type, idempotency-key"),
                ("access-control-allow-methods", methods),
                ("access-control-allow-origin", origin),
                (
                    "access-control-expose-headers",
                    "idempotent-replayed, link, relay-ignored, retry-after",
                ),
                ("access-control-max-age", "600"),
                ("vary", "origin"),
            ]);
            assert_eq!(told(&answer.headers), wanted, "{path}");
        }
    }
    let nothing = relay.preflight(PAGE, "GET", "/v1/nothing").await;
    nothing.expect(404);
    assert_eq!(told(&nothing.headers), readable(PAGE));
}

#[tokio::test]
async fn an_origin_that_is_not_allowed_is_told_nothing() {
    let relay = relay().await;
    for origin in [
        "null",
        "*",
        "",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "https://app.example/",
        "https://APP.example",
        "https://app.example,http://localhost:5173",
        "http://localhost",
    ] {
        let asked = relay.preflight(origin, "GET", "/v1/jobs").await;
        asked.expect(405);
        let answer = relay.page(origin, Method::GET, "/v1/jobs", ADMIN).await;
        answer.expect(200);
        for headers in [&asked.headers, &answer.headers] {
            // A cache must not give this answer to a page that may read it.
            assert_eq!(told(headers), pairs(&[("vary", "origin")]), "{origin}");
        }
    }
    let twice = Request::get("/v1/jobs").header("origin", PAGE).header("origin", PAGE);
    let twice = twice.header("authorization", format!("Bearer {ADMIN}")).body(Body::empty());
    let twice = relay.send(twice.expect("a request")).await;
    assert_eq!(told(&twice.headers), pairs(&[("vary", "origin")]));
    let program = relay.get("/v1/jobs").await;
    assert_eq!(told(&program.headers), pairs(&[("vary", "origin")]));
}

#[tokio::test]
async fn a_page_reads_every_answer_of_our_own_routes_errors_too() {
    let relay = relay().await;
    relay.put("/v1/jobs/j1", json!({})).await.expect(201);
    let reader = relay.key("read", Some("acme")).await;
    for (method, path, key, status) in [
        (Method::GET, "/v1/jobs/j1", ADMIN, 200),
        (Method::HEAD, "/v1/jobs/j1", ADMIN, 200),
        (Method::POST, "/v1/live/tickets", reader.as_str(), 201),
        (Method::POST, "/v1/live/tokens", ADMIN, 400),
        (Method::GET, "/v1/jobs", "nobody", 401),
        (Method::DELETE, "/v1/keys/x", &reader, 403),
        (Method::GET, "/v1/jobs/nobody", ADMIN, 404),
        (Method::GET, "/v1/nothing", ADMIN, 404),
        (Method::DELETE, "/v1/jobs", ADMIN, 405),
        (Method::OPTIONS, "/v1/jobs", ADMIN, 405),
        (Method::GET, "/v1/jobs?limit=x", ADMIN, 422),
        (Method::GET, "/v1/applications/acme/nothing", ADMIN, 404),
    ] {
        let answer = relay.page(PAGE, method.clone(), path, key).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {answer:?}");
        assert_eq!(told(&answer.headers), readable(PAGE), "{method} {path}");
    }
    let send = async |first: usize| {
        let uri = format!("/v1/jobs/j1/logs?first_seq={first}");
        let request =
            Request::post(uri).header("origin", PAGE).header("content-type", "text/plain");
        let request = request.header("authorization", format!("Bearer {ADMIN}"));
        relay.send(request.body(Body::from("x\n".repeat(500))).expect("a request")).await
    };
    let mut limited = send(1).await;
    for turn in 1..60 {
        if limited.status.as_u16() == 429 {
            break;
        }
        assert_eq!(told(&limited.headers), readable(PAGE));
        limited = send(1 + turn * 500).await;
    }
    limited.expect(429);
    assert_eq!(told(&limited.headers), readable(PAGE));
}

#[tokio::test]
async fn other_contracts_and_health_are_not_for_pages() {
    let relay = relay().await;
    for path in
        ["/api/v1/app", "/api/v3/webhooks/status", "/health", "/openapi.json", "/v1", "/v12"]
    {
        let answer = relay.page(PAGE, Method::GET, path, ADMIN).await;
        assert_eq!(told(&answer.headers), [], "{path}");
        let asked = relay.preflight(PAGE, "GET", path).await;
        assert_eq!(told(&asked.headers), [], "{path}");
        assert!(asked.status.is_client_error(), "{asked:?}");
    }
}
