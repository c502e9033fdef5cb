//! `relay doctor` against a relay and against recorded answers.

use axum::{
    Json, Router,
    extract::{Path, RawQuery},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use serde_json::{Value, json};

use super::{Home, Running, command, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_well_is_told_to_be_and_no_secret_is_printed() {
    let home = Home::new();
    let relay = Running::start(&home, &["--quiet", "--demo"]).await;
    relay.client().until("/v1/jobs", |jobs| jobs["data"][0].is_object()).await;
    let told = said(&relay.relay(&["doctor", "--source", "demo"]).await, 0);
    for line in [
        "ok    reachable: http://127.0.0.1:",
        "ok    TLS: not needed",
        "ok    clock: ",
        "ok    key: accepted, scope admin",
        "ok    source: profile modal-omtx, secrets: 1",
        "ok    sweep: last round ",
        "ok    queues: ",
        "ok    oldest waiting: ",
        "ok    alarms: none is on",
    ] {
        assert!(told.contains(line), "{line:?} is not in:\n{told}");
    }
    let key = std::fs::read_to_string(home.0.join(".relay/admin.key")).expect("a key");
    let made = relay.client().post("/v1/keys", json!({ "name": "r", "scope": "read" })).await;
    let read = made["key"].as_str().expect("a key").to_owned();
    let less = command(&home.0, &["doctor", "--source", "demo"])
        .env("RELAY_URL", &relay.url)
        .env("RELAY_ADMIN_KEY", &read)
        .output()
        .await;
    let less = said(&less.expect("ran"), 0);
    assert!(less.contains("ok    key: accepted, scope read"), "{less}");
    assert!(!less.contains(&read) && !told.contains(key.trim()), "{less}{told}");
    // A secret that is read from a file is not printed either, right or wrong.
    let planted = "a-planted-secret-of-more-than-24-bytes";
    let file = home.file("secret", planted);
    let wrong = ["doctor", "--source", "demo", "--secret-from", &file];
    let wrong = said(&relay.relay(&wrong).await, 1);
    assert!(wrong.contains("FAIL  secret: the relay rejects its signature"), "{wrong}");
    assert!(!wrong.contains(planted) && !wrong.contains(&planted[..8]), "{wrong}");
}

/// A relay of recorded answers.
fn recorded() -> Router {
    let refusals = json!({
        "counts": [{ "minute": "2026-11-27T11:20:00Z", "source": "stripe", "reason": "mismatch", "count": 14 }],
        "samples": [{ "at": adapters::clock::Clock::system().now().rfc3339(), "source": "stripe",
            "caller": "203.0.113.7", "reason": "mismatch", "bytes": 2, "headers": ["host"], "content_type": null,
            "sentence": "The signature matches none of the 2 secrets of the source. If the sender's secret was changed, set \
                it with PUT /v1/sources/stripe." }],
    });
    let source =
        json!({ "profile": "stripe", "secret_count": 2, "updated_at": "2026-05-12T08:00:00.000Z" });
    let event = json!({ "id": "evt_1", "request": { "received_at": "2026-11-27T11:57:00Z",
        "verdict": { "secret": { "position": 2, "fingerprint": "0a1b2c3d" } } } });
    let stats = json!({ "series": { "received": [3], "attempts": [4], "delivered": [3], "failed": { "status": [1] },
        "parked": [0] }, "first_attempt_ms": { "p95": [12.0] } });
    let endpoints = json!({ "done": true, "data": [{ "id": "ep_1", "disabled": false, "letters_waiting": 2,
        "health": { "state": "healthy" } }] });
    let waiting =
        json!({ "done": true, "data": [{ "id": "evt_2", "created_at": "2026-11-27T09:00:00Z" }] });
    let metrics = json!({ "completion_checker": { "last_webhook_time": "2026-11-27T11:57:00Z", "processing_errors": 0 } });
    let status = json!({ "now": "2026-11-27T12:00:00Z", "sweep": { "last_round_at": "2026-11-27T11:59:00Z",
        "took_ms": 40 }, "queues": [{ "name": "outbox", "waiting": 3, "in_flight": 0, "delayed": 0 }],
        "oldest_waiting": null, "silent_sources": [], "alarms": [{ "name": "OldestWaitingAlarm", "state": "alarm",
        "since": "2026-11-27T11:00:00Z", "reason": "Threshold Crossed" }] });
    let fixed = |answer: Value| get(move || std::future::ready(Json(answer.clone())));
    Router::new()
        .route(
            "/health",
            get(async || {
                let unwell = json!({ "status": "unhealthy", "cannot_write": ["bucket"] });
                (StatusCode::SERVICE_UNAVAILABLE, Json(unwell))
            }),
        )
        .route("/v1/sources/stripe", fixed(source))
        .route("/v1/sources/stripe/refusals", fixed(refusals))
        .route(
            "/v1/events",
            get(move |query: RawQuery| {
                let pending = query.0.unwrap_or_default().contains("state=pending");
                let newest = json!({ "data": [{ "id": "evt_1" }] });
                std::future::ready(Json(if pending { waiting.clone() } else { newest }))
            }),
        )
        .route("/v1/events/evt_1", fixed(event))
        .route("/v1/stats", fixed(stats))
        .route("/v1/status", fixed(status))
        .route("/v1/endpoints", fixed(endpoints))
        .route("/api/v3/webhooks/metrics", fixed(metrics))
        .route("/v1/keys/{name}", any(refuse))
        .route("/v1/jobs", any(async || StatusCode::UNPROCESSABLE_ENTITY))
}

async fn refuse(Path(_): Path<String>) -> Response {
    (StatusCode::FORBIDDEN, Json(json!({ "detail": "no" }))).into_response()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_answers_are_told_in_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, recorded()).await });
    let home = Home::new();
    let output = command(&home.0, &["doctor", "--source", "stripe"])
        .env("RELAY_URL", &url)
        .env("RELAY_ADMIN_KEY", "any")
        .output()
        .await;
    let told = said(&output.expect("ran"), 1);
    for line in [
        "/health answers 503; it cannot write to: bucket",
        "ok    key: accepted, scope publish",
        "ok    source: profile stripe, secrets: 2, changed 2026-05-12T08:00:00.000Z",
        "ok    secret in use: number 2 (fingerprint 0a1b2c3d)",
        "look  refused: in the last hour 14 requests of source `stripe` were refused: the signature matches none of its 2 \
         secrets; the newest was",
        "from 203.0.113.7. If the sender's secret was changed, set it with PUT /v1/sources/stripe.",
        "ok    traffic: in the last hour 3 requests received, 3 delivered, 1 of 4 attempts failed",
        "look  endpoint: ep_1 has 2 dead letters",
        "look  waiting: 1 event waits for more than 5 minutes; the oldest that was seen came",
        "ok    queues: outbox 3",
        "FAIL  alarm: OldestWaitingAlarm is on for 1 hour: Threshold Crossed",
    ] {
        assert!(told.contains(line), "{line:?} is not in:\n{told}");
    }
}
