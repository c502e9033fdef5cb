//! Secrets where none belongs, by mistake.

use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use tests::cloud::ADMIN;

use super::{
    places::Witness,
    setting::{EP, text},
};

/// Secrets where none belongs, and requests that make no sense.
pub(super) async fn ask(witness: &mut Witness<'_>, echo: &str) {
    let wrong = text("wrong");
    let bearer = format!("Bearer {}", text("bearer"));
    for authorization in [
        &bearer,
        &text("bearer"),
        &format!("Basic {}", STANDARD.encode(text("bearer"))),
        &format!("Bearer rk_admin_{}", text("bearer")),
        &format!("Bearer rk_x_{}", text("bearer")),
    ] {
        witness.send(Method::GET, "/v1/sources", &[("authorization", authorization)], "").await;
        witness.send(Method::GET, "/api/v1/app", &[("authorization", authorization)], "").await;
    }
    for path in [
        "/v1/sources",
        EP,
        "/v1/jobs",
        "/api/v1/app",
        "/v1/batches",
        "/v1/keys",
        "/v1/webhooks/dead-letter/redrive",
        "/api/v3/webhooks/configure",
    ] {
        for body in [
            json!(wrong).to_string(),
            format!("{{\"{wrong}\": "),
            format!("{{\"secret\":\"{wrong}\",}}"),
            json!([wrong]).to_string(),
        ] {
            let method = if path == "/v1/sources" { Method::PUT } else { Method::POST };
            let path = if path == "/v1/sources" { "/v1/sources/x" } else { path };
            witness.refused(method, path, body).await;
        }
    }
    let kind = text("kind");
    for (method, path, body) in [
        (Method::PUT, "/v1/sources/x", json!({ "profile": kind })),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "hmac", "secrets": [wrong], "scheme": { "algorithm": kind } }),
        ),
        (Method::PUT, "/v1/sources/x", json!({ "profile": "modal-omtx", "secrets": [wrong, 1] })),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "mode": kind }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "platform": { "kind": kind } }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "platform": { "kind": "http", "token": kind } }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "platform": { "kind": "http", (kind.as_str()): "x" } }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "cancel": { "url": echo, "method": kind } }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "status_redis": format!("redis://:{}@127.0.0.1:6379", text("url")) }),
        ),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "rate_limit": { "requests": 1, "per": kind } }),
        ),
        (Method::POST, "/v1/keys", json!({ "name": "x", "scope": kind })),
        (
            Method::PUT,
            "/v1/sources/x",
            json!({ "profile": "modal-omtx", "secrets": [wrong], "cancel": { "url": format!("{echo}/{{call_id}}"), "headers": { "Authorization": wrong } } }),
        ),
        (Method::POST, EP, json!({ "url": format!("https://user:{}@a.example/", text("url")) })),
        (Method::POST, EP, json!({ "url": format!("redis://user:{}@127.0.0.1/c", text("url")) })),
        (Method::POST, EP, json!({ "url": wrong, "secret": wrong })),
        (Method::POST, EP, json!({ "url": echo, "secret": format!("whsk_{wrong}") })),
        (Method::POST, EP, json!({ "url": echo, "secret": wrong, "signatureScheme": kind })),
        (Method::POST, EP, json!({ "url": echo, "profile": kind })),
        (Method::POST, EP, json!({ "url": echo, "breaker": kind })),
        (Method::POST, EP, json!({ "url": echo, "filter": { "a": { "$gte": { "x": kind } } } })),
        (
            Method::POST,
            EP,
            json!({ "url": echo, "headers": { "X-A": format!("{wrong}\n") , "X B": wrong } }),
        ),
        (Method::POST, EP, json!({ "url": echo, "headers": wrong })),
        (Method::POST, EP, json!({ "url": echo, "delays": [kind] })),
        (
            Method::PUT,
            "/v1/jobs/x",
            json!({ "source": "worker", "webhook": { "url": echo, "secret": " x", "timeout": kind } }),
        ),
        (
            Method::PUT,
            "/v1/jobs/x",
            json!({ "source": "worker", "webhook": { "url": echo, "secret": format!("{wrong}\u{e9}") } }),
        ),
        (
            Method::PUT,
            "/v1/jobs/x",
            json!({ "source": "worker", "webhook_url": format!("https://u:{}@a.example/", text("url")), "webhook_secret": wrong }),
        ),
        (
            Method::PUT,
            "/v1/jobs/x",
            json!({ "source": "worker", "webhook": { "url": echo, "secret": wrong, "events": [kind] } }),
        ),
        (
            Method::PUT,
            "/v1/applications/acme/webhook-secret",
            json!({ "secret": format!(" {wrong}") }),
        ),
        (
            Method::POST,
            "/api/v3/webhooks/configure",
            json!({ "webhook_base_url": text("url"), "webhook_secret": 1 }),
        ),
    ] {
        witness.refused(method, path, body.to_string()).await;
    }
    let (query, path) = (text("query"), text("path"));
    for path in [
        format!("/v1/events?limit={query}&after={query}&{query}"),
        format!("/v1/jobs?application={query}"),
        format!("{EP}?iterator={query}"),
        format!("/api/v1/app/acme/msg?before={query}"),
        format!("/v1/webhooks/dead-letter?limit={query}"),
        format!("/api/v1/app/{path}"),
        format!("/v1/jobs/{path}"),
        format!("/v1/sources/{path}"),
        format!("/v1/tasks/{path}"),
        format!("/v1/app/{path}/endpoint/{path}/jwks.json"),
        format!("/{path}"),
    ] {
        let bearer = format!("Bearer {ADMIN}");
        witness.send(Method::GET, &path, &[("authorization", &bearer)], "").await;
        // Its name is the path that was asked.
        witness.places.last_mut().expect("one").name = "answer to a path".to_owned();
    }
    let twice = [("idempotency-key", text("key")), ("authorization", format!("Bearer {ADMIN}"))];
    let twice = twice.each_ref().map(|(name, value)| (*name, value.as_str()));
    for kind in ["a", "b"] {
        let body = json!({ "name": kind, "uid": "idem" }).to_string();
        witness.send(Method::POST, "/api/v1/app", &twice, body).await;
    }
}
