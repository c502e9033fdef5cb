//! Unknown fields and parameters on our own routes are refused with the nearest known name.

use serde_json::{Value, json};

use super::{Relay, SOURCE_SECRET};

fn source(field: &str, value: Value) -> Value {
    let mut source = json!({ "profile": "modal-omtx", "secrets": [SOURCE_SECRET] });
    source[field] = value;
    source
}

#[tokio::test]
async fn an_unknown_field_is_refused_and_the_nearest_is_named() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let http = json!({ "kind": "http", "status_url": "https://a.example/{call_id}" });
    let platform = |field: &str, value: Value| {
        let mut platform = http.clone();
        platform[field] = value;
        source("platform", platform)
    };
    let cancel = json!({ "url": "https://a.example/{call_id}", "metod": "POST" });
    let hook = |field: &str| json!({ "webhook": { "url": "https://a.example", field: 1 } });
    let cases = [
        ("PUT", "/v1/sources/s", source("allowed_network", json!([])), "allowed_networks"),
        ("PUT", "/v1/sources/s", source("tolerance_second", json!(1)), "tolerance_seconds"),
        ("PUT", "/v1/sources/s", source("jobWebhooks", json!(true)), "job_webhooks"),
        ("PUT", "/v1/sources/s", platform("stats_url", json!("x")), "status_url"),
        ("PUT", "/v1/sources/s", platform("path", json!({})), "paths"),
        ("PUT", "/v1/sources/s", platform("paths", json!({ "statu": "a" })), "status"),
        ("PUT", "/v1/sources/s", source("cancel", cancel), "method"),
        ("PUT", "/v1/sources/s", source("scheme", json!({ "header": [] })), "headers"),
        ("PUT", "/v1/sources/s", source("mapping", json!({ "jobid": [] })), "job_id"),
        (
            "PUT",
            "/v1/sources/s",
            source("poll", json!({ "intervalSeconds": 1 })),
            "interval_seconds",
        ),
        ("PUT", "/v1/sources/s", source("rate_limit", json!({ "request": 1 })), "requests"),
        ("POST", "/v1/sources/modal/inject", json!({ "bdy": {} }), "body"),
        ("POST", "/v1/jobs", json!({ "externalId": "a" }), "external_id"),
        ("POST", "/v1/jobs", json!({ "call": "a", "cal_id": "a" }), "call_id"),
        ("POST", "/v1/jobs", hook("maxRetries"), "max_retries"),
        ("PUT", "/v1/jobs/a", json!({ "deadline_second": 1 }), "deadline_seconds"),
        ("POST", "/v1/batches", json!({ "sizes": 1 }), "size"),
        ("POST", "/v1/batches", json!({ "input_file": "a" }), "input_file_id"),
        ("POST", "/v1/batches", hook("event"), "events"),
        ("POST", "/v1/live/tokens", json!({ "jobs": "a" }), "job"),
        ("POST", "/v1/live/tokens", json!({ "job": "a", "tll": 1 }), "ttl"),
        ("GET", "/v1/jobs?statuz=failed", Value::Null, "status"),
        ("GET", "/v1/batches?limits=1", Value::Null, "limit"),
        ("GET", "/v1/jobs/a?sources=modal", Value::Null, "source"),
        ("GET", "/v1/batches/a?aplication=acme", Value::Null, "application"),
        ("GET", "/v1/events?applications=acme", Value::Null, "application"),
    ];
    for (method, path, body, nearest) in cases {
        let answer = match method {
            "PUT" => relay.put(path, body.clone()).await,
            "POST" => relay.post(path, body.clone()).await,
            _ => relay.get(path).await,
        };
        let detail = answer.expect(422)["detail"].to_string();
        assert!(detail.contains(&format!("did you mean `{nearest}`")), "{path} {body}: {detail}");
    }
    assert_eq!(relay.get("/v1/jobs").await.expect(200)["data"], json!([]));
    assert_eq!(relay.get("/v1/batches").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn free_maps_and_the_fields_of_the_five_systems_are_taken() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let job = json!({
        "id": "one", "run_id": "r", "project_id": "p", "metadata": { "lane": 1, "anything": {} },
        "webhook_url": "https://a.example", "webhook_secret": "planted-webhook-secret-1",
        "webhook_headers": { "x-anything": "1" },
    });
    relay.post("/v1/jobs", job).await.expect(201);
    let batch = json!({
        "input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "priority": 1, "metadata": { "webhook_url": "https://a.example", "anything": 1 },
    });
    let batch = relay.post("/v1/batches", batch).await.expect(201);
    assert_eq!(batch["metadata"], json!({ "anything": 1 }));
    for list in ["/v1/jobs", "/v1/batches"] {
        relay.get(&format!("{list}?cursor=1700000000000-a")).await.expect(200);
        relay.get(&format!("{list}?cursor=nonsense")).await.expect(422);
    }
    let http = json!({
        "kind": "http", "status_url": "https://a.example/{call_id}", "headers": { "x-any": "1" },
        "statuses": { "ANY": "succeeded" }, "secret": "planted-platform-secret",
    });
    relay.put("/v1/sources/s", source("platform", http)).await.expect(201);
}
