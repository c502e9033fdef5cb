//! Tests of the operations on batches, `/v1/batches`.

use serde_json::{Value, json};

use super::{Relay, ids};

const URL: &str = "https://subscriber.example/hook";

#[tokio::test]
async fn r3_1_a_batch_is_told_of_in_the_batch_servers_words_once() {
    let relay = Relay::start().await;
    let body = json!({ "input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": { "tenant": "a" }, "priority": 1, "id": "b1",
        "webhook": { "url": URL, "secret": "planted-batch-secret", "max_retries": 5, "timeout": 60, "events": ["completed", "failed", "progress"] } });
    let answer = relay.post("/v1/batches", body.clone()).await;
    assert!(!answer.text.contains("planted"), "{}", answer.text);
    let made = answer.expect(201);
    assert!(made["id"].as_str().is_some_and(|id| id.starts_with("batch_")));
    assert_eq!((&made["object"], &made["status"]), (&json!("batch"), &json!("in_progress")));
    assert_eq!(made["webhooks"][0]["profile"], "batch", "it hears what it knows");
    assert_eq!(made["webhooks"][0]["max_retries"], 4, "they count tries");
    let again = relay.post("/v1/batches", body.clone()).await.expect(200);
    assert_eq!(again["id"], made["id"]);
    let mut other = body;
    other["size"] = json!(3);
    relay.post("/v1/batches", other).await.expect(409);
    let id = made["id"].as_str().expect("an id");
    for name in ["b1", id] {
        assert_eq!(relay.get(&format!("/v1/batches/{name}")).await.expect(200), made);
    }
    relay.get("/v1/batches/nobody").await.expect(404);
    relay.post("/v1/batches", json!({ "webhook_url": URL })).await.expect(201);
    assert_eq!(ids(&relay.get("/v1/batches").await.expect(200)).len(), 2);
    let filtered = relay.get("/v1/batches?status=completed").await.expect(200);
    assert!(ids(&filtered).is_empty());
    relay.get("/v1/batches?status=done").await.expect(422);
}

#[tokio::test]
async fn r3_6_whoever_asks_for_progress_and_not_how_often_hears_of_each_tenth() {
    let relay = Relay::start().await;
    let made = async |more: Value| {
        let mut body = json!({ "webhook": { "url": URL, "events": ["completed", "progress"] } });
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        relay.post("/v1/batches", body).await.expect(201)
    };
    assert_eq!(made(json!({})).await["progress_percent"], 10);
    assert_eq!(made(json!({ "progress_every": 5 })).await["progress_every"], 5);
    let silent = json!({ "webhook": { "url": URL, "events": "completed,failed" } });
    assert_eq!(made(silent).await["progress_percent"], json!(null));
}

#[tokio::test]
async fn a_batch_is_closed_with_what_is_known_or_with_a_number() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let body = r#"{"status":"success","metadata":{"batch_id":"b1"}}"#;
    relay.completion("modal", "acme", "j1", body).await;
    let closed = relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await;
    closed.expect(201);
    let closed = relay.post("/v1/batches/b1/close", json!({})).await.expect(200);
    assert_eq!((&closed["size"], &closed["status"]), (&json!(1), &json!("completed")));
    relay.post("/v1/batches/b1/close", json!({})).await.expect(200);
    relay.post("/v1/batches/b1/close", json!({ "size": 2 })).await.expect(409);
    relay.post("/v1/batches/nobody/close", json!({})).await.expect(404);
    relay.post("/v1/batches", json!({ "id": "empty" })).await.expect(201);
    let empty = relay.post("/v1/batches/empty/close", json!({ "size": 0 })).await.expect(200);
    assert_eq!(empty["status"], "completed");
}

#[tokio::test]
async fn what_cannot_be_a_batch_is_422_and_named() {
    let relay = Relay::start().await;
    let events = |events: Value| json!({ "webhook": { "url": URL, "events": events } });
    for (body, field) in [
        (json!({ "progress_every": 0 }), "progress_every"),
        (json!({ "progress_percent": 101 }), "progress_percent"),
        (json!({ "progress_every": 1, "progress_percent": 1 }), "progress_percent"),
        (json!({ "priority": 2 }), "priority"),
        (json!({ "size": 2_000_000_000_u64 }), "size"),
        (json!({ "source": "gone" }), "source"),
        (json!({ "application": "a b" }), "application"),
        (json!({ "id": "" }), "external_id"),
        (json!({ "fail_on": "some" }), "fail_on"),
        (events(json!(["job.succeeded"])), "webhook.events"),
        (
            json!({ "webhook": { "url": "https://127.0.0.2.nip/x", "timeout": 1 } }),
            "webhook.timeout",
        ),
    ] {
        let refused = relay.post("/v1/batches", body.clone()).await.expect(422);
        let detail = refused["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(field), "{body}: {detail}");
    }
    relay.application("theirs").await;
    relay.application("acme").await;
    let read = relay.key("read", None).await;
    relay.ask(&read, axum::http::Method::POST, "/v1/batches", "{}").await.expect(403);
    let theirs = relay.key("publish", Some("theirs")).await;
    let body = json!({ "application": "acme" }).to_string();
    relay.ask(&theirs, axum::http::Method::POST, "/v1/batches", body).await.expect(404);
    let own = relay.ask(&theirs, axum::http::Method::POST, "/v1/batches", "{}").await.expect(201);
    let path = format!("/v1/batches/{}", own["id"].as_str().expect("an id"));
    let acme = relay.key("publish", Some("acme")).await;
    relay.ask(&acme, axum::http::Method::GET, &path, "").await.expect(404);
}

#[tokio::test]
async fn r3_11_results_and_errors_come_as_json_lines_in_parts() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    let body = |result: &str| {
        format!(r#"{{"status":"success","result":{result},"metadata":{{"batch_id":"b1"}}}}"#)
    };
    for job in 0..7 {
        let result = format!("{{\"n\":{job},\"x\":1.0}}");
        relay.completion("modal", "acme", &format!("j{job}"), &body(&result)).await;
    }
    let large = format!("\"{}\"", "x".repeat(300_000));
    relay.completion("modal", "acme", "large", &body(&large)).await;
    let failed =
        r#"{"status":"failure","error":"no \"memory\" left","metadata":{"batch_id":"b1"}}"#;
    relay.report("modal", "acme", "bad", failed, domain::job::JobStatus::Failed).await;
    relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await.expect(201);
    let closed = relay.post("/v1/batches/b1/close", json!({})).await.expect(200);
    let id = closed["id"].as_str().expect("an id").to_owned();
    let lines = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let (mut all, mut path) = (Vec::new(), format!("/v1/batches/{id}/results?limit=3"));
    for part in 0.. {
        assert!(part < 5, "it ends");
        let answer = relay.get(&path).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/jsonl");
        all.extend(lines(&answer.text));
        let Some(link) = answer.headers.get("link") else { break };
        let link = link.to_str().expect("text").to_owned();
        let url = link.strip_prefix("<https://relay.example").and_then(|link| link.split_once('>'));
        path = url.expect("a link of ours").0.to_owned();
    }
    let mut found: Vec<_> = all.iter().map(|line| line["custom_id"].clone()).collect();
    found.sort_by_key(ToString::to_string);
    assert_eq!(json!(found), json!(["j0", "j1", "j2", "j3", "j4", "j5", "j6", "large"]));
    let third = all.iter().find(|line| line["custom_id"] == "j3").expect("there");
    assert_eq!(third["response"]["body"], json!({ "n": 3, "x": 1.0 }));
    assert_eq!((&third["response"]["status_code"], &third["error"]), (&json!(200), &Value::Null));
    let large = all.iter().find(|line| line["custom_id"] == "large").expect("there");
    let url = large["response"]["body_url"].as_str().expect("a link");
    let url = url.strip_prefix("https://relay.example").expect("ours");
    assert_eq!(relay.get(url).await.text.len(), 300_002);
    let errors = lines(&relay.get("/v1/batches/b1/errors").await.text);
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["error"]["code"], "failed");
    assert_eq!(errors[0]["error"]["message"], "no \"memory\" left");
    relay.get("/v1/batches/b1/results?iterator=9.x").await.expect(422);
    relay.get("/v1/batches/nobody/results").await.expect(404);
    relay.application("theirs").await;
    let theirs = relay.key("read", Some("theirs")).await;
    let path = format!("/v1/batches/{id}/results");
    relay.ask(&theirs, axum::http::Method::GET, &path, "").await.expect(404);
}

#[tokio::test]
async fn a_job_may_name_its_batch_by_our_id_and_never_anothers() {
    let relay = Relay::start().await;
    relay.source("modal", "acme").await;
    relay.source("foreign", "theirs").await;
    let made = relay.post("/v1/batches", json!({ "id": "b1", "source": "modal" })).await;
    let id = made.expect(201)["id"].as_str().expect("an id").to_owned();
    for source in ["modal", "foreign"] {
        let job = json!({ "id": "j1", "source": source, "batch_id": id });
        let made = relay.post("/v1/jobs", job).await.expect(201);
        let name = if source == "modal" { "b1" } else { &id };
        assert_eq!(made["batch_id"], name, "{source}");
    }
    let closed = relay.post(&format!("/v1/batches/{id}/close"), json!({})).await.expect(200);
    assert_eq!(closed["size"], 1, "the other's job is not in it");
}
