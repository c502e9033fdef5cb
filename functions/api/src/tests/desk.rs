//! The desk: finding letters, exporting them, throwing many away; and tasks that send again.

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, ids};

const DESK: &str = "/v1/webhooks/dead-letter";

/// Three letters of `acme` at two endpoints and one of `theirs`.
async fn desk() -> (Relay, Vec<String>) {
    let relay = Relay::start().await;
    let mut endpoints = Vec::new();
    for application in ["acme", "theirs"] {
        relay.application(application).await;
        endpoints.push(relay.endpoint(application, "http://127.0.0.1:9/hook").await);
    }
    for (application, kind) in
        [("acme", "a.one"), ("acme", "a.one"), ("acme", "a.two"), ("theirs", "a.one")]
    {
        let message = relay.message(application, kind, json!({ "kind": kind })).await;
        relay.bury(&message).await;
    }
    (relay, endpoints)
}

fn numbers(list: &Value) -> Vec<u64> {
    let data = list["data"].as_array().expect("a list");
    data.iter().map(|letter| letter["id"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn letters_are_found_by_what_they_are_about() {
    let (relay, endpoints) = desk().await;
    for (query, found) in [
        ("event_type=a.two", &[3][..]),
        ("application=theirs", &[4]),
        ("state=waiting&event_type=a.one", &[4, 2, 1]),
        ("state=resolved", &[]),
        ("error_class=status", &[4, 3, 2, 1]),
        ("error_class=timeout", &[]),
        ("since=2999-01-01T00:00:00Z", &[]),
        ("until=2999-01-01T00:00:00Z&limit=2", &[4, 3]),
    ] {
        let list = relay.get(&format!("{DESK}?{query}")).await.expect(200);
        assert_eq!(numbers(&list), found, "{query}");
    }
    let list = relay.get(&format!("{DESK}?endpoint={}", endpoints[0])).await.expect(200);
    assert_eq!((numbers(&list), &list["total"]), (vec![3, 2, 1], &json!(3)));
    for query in ["state=gone", "error_class=x", "since=yesterday", "endpoint=x", "iterator=x"] {
        relay.get(&format!("{DESK}?{query}")).await.expect(422);
    }
    // By place, with others parked meanwhile.
    let part = relay.get(&format!("{DESK}?limit=3")).await.expect(200);
    let message = relay.message("acme", "a.new", json!({})).await;
    relay.bury(&message).await;
    let iterator = part["iterator"].as_str().expect("more");
    let rest = relay.get(&format!("{DESK}?limit=3&iterator={iterator}")).await.expect(200);
    assert_eq!((numbers(&rest), &rest["iterator"]), (vec![1], &Value::Null));
    let theirs = relay.key("read", Some("theirs")).await;
    let list = relay.ask(&theirs, Method::GET, DESK, "").await.expect(200);
    assert_eq!(numbers(&list), [4]);
}

#[tokio::test]
async fn an_export_is_everything_in_parts_and_nobody_elses() {
    let (relay, _) = desk().await;
    let (mut path, mut lines) = (format!("{DESK}/export?event_type=a.one&limit=2"), Vec::new());
    for part in 0.. {
        assert!(part < 4, "it ends");
        let answer = relay.get(&path).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/jsonl");
        let line = |line| serde_json::from_str::<Value>(line).expect("JSON");
        lines.extend(answer.text.lines().map(line));
        let Some(link) = answer.headers.get("link") else { break };
        let link = link.to_str().expect("text").to_owned();
        let url = link.strip_prefix("<https://relay.example").and_then(|it| it.split_once('>'));
        path = url.expect("a link of ours").0.to_owned();
        assert!(path.contains("event_type=a.one") && path.contains("limit=2"), "{path}");
    }
    let found: Vec<_> = lines.iter().map(|line| line["id"].as_u64().expect("a number")).collect();
    assert_eq!(found, [4, 2, 1]);
    assert_eq!(lines[1]["payload"], json!({ "kind": "a.one" }));
    let theirs = relay.key("read", Some("theirs")).await;
    let all = relay.ask(&theirs, Method::GET, &format!("{DESK}/export"), "").await;
    assert_eq!(all.text.lines().count(), 1, "{}", all.text);
}

#[tokio::test]
async fn throwing_many_away_says_what_is_meant_first() {
    let (relay, _) = desk().await;
    let path = format!("{DESK}/delete");
    relay.post(&path, json!({})).await.expect(422);
    let dry = json!({ "filter": { "event_type": "a.one" }, "dry_run": true });
    assert_eq!(relay.post(&path, dry).await.expect(200)["matched"], 3);
    let theirs = relay.key("admin", Some("theirs")).await;
    relay.ask(&theirs, Method::POST, &path, "{}").await.expect(422);
    let dry = json!({ "all": true, "dry_run": true }).to_string();
    let dry = relay.ask(&theirs, Method::POST, &path, dry).await.expect(200);
    assert_eq!(dry["matched"], 1, "their own");
    let begun = relay.post(&path, json!({ "filter": { "event_type": "a.one" } })).await.expect(202);
    let task = relay.get(begun["status_url"].as_str().expect("a link")).await.expect(200);
    assert_eq!((&task["kind"], &task["state"]), (&json!("discard"), &json!("running")));
    let cancel = format!("{}/cancel", begun["status_url"].as_str().expect("a link"));
    relay.ask(&theirs, Method::POST, &cancel, "").await.expect(404);
    assert_eq!(relay.post(&cancel, json!({})).await.expect(200)["state"], "cancelled");
    assert_eq!(relay.post(&cancel, json!({})).await.expect(200)["state"], "cancelled");
    let all = relay.get("/v1/tasks").await.expect(200);
    assert_eq!(ids(&all).len(), 1);
    let none = relay.ask(&theirs, Method::GET, "/v1/tasks", "").await.expect(200);
    assert!(ids(&none).is_empty(), "a task over several applications is for who sees them all");
}

#[tokio::test]
async fn sending_again_is_a_task_that_svixs_clients_can_ask_for() {
    let (relay, endpoints) = desk().await;
    let base = format!("/api/v1/app/acme/endpoint/{}", endpoints[0]);
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    for (call, name) in [
        ("recover", "endpoint.recover"),
        ("replay-missing", "endpoint.replay"),
        ("bulk-replay", "endpoint.bulk-replay"),
    ] {
        let begun = relay.post(&format!("{base}/{call}"), since.clone()).await.expect(202);
        assert_eq!((&begun["task"], &begun["status"]), (&json!(name), &json!("running")));
        let id = begun["id"].as_str().expect("an id");
        assert!(id.starts_with("qtask_"), "{id}");
        let task = relay.get(&format!("/api/v1/background-task/{id}")).await.expect(200);
        assert_eq!(task["data"]["endpointId"], endpoints[0].as_str());
        let only = format!("/api/v1/background-task?task={name}&status=running");
        assert_eq!(ids(&relay.get(&only).await.expect(200)), [id]);
        let theirs = relay.key("admin", Some("theirs")).await;
        let path = format!("/api/v1/background-task/{id}");
        relay.ask(&theirs, Method::GET, &path, "").await.expect(404);
    }
    assert_eq!(ids(&relay.get("/api/v1/background-task").await.expect(200)).len(), 3);
    for (call, body) in [
        ("recover", json!({})),
        ("recover", json!({ "since": "now" })),
        ("recover", json!({ "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" })),
        ("recover", json!({ "since": "2026-01-02T00:00:00Z", "rate": 0 })),
        ("bulk-replay", json!({ "since": "2026-01-02T00:00:00Z", "status": 9 })),
        ("bulk-replay", json!({ "since": "2026-01-02T00:00:00Z", "statusCodeClass": 250 })),
    ] {
        relay.post(&format!("{base}/{call}"), body).await.expect(422);
    }
    relay.post("/api/v1/app/acme/endpoint/nobody/recover", since).await.expect(404);
}

#[tokio::test]
async fn letters_are_counted_by_endpoint_and_class() {
    let relay = Relay::start().await;
    for uid in ["one", "two"] {
        relay.application(uid).await;
    }
    let mut endpoints = Vec::new();
    for (uid, letters) in [("one", 3), ("two", 2)] {
        endpoints.push(relay.endpoint(uid, "https://subscriber.example/").await);
        for number in 0..letters {
            let message = relay.message(uid, "a.b", json!({ "n": number })).await;
            relay.bury(&message).await;
        }
    }
    let path = "/v1/webhooks/dead-letter/groups";
    let all = relay.get(path).await.expect(200);
    assert_eq!((&all["complete"], &all["scanned"]), (&json!(true), &json!(5)), "{all}");
    let data = all["data"].as_array().expect("groups");
    assert_eq!(data.len(), 2, "{all}");
    let first = relay.get("/api/v1/app/one").await.at("id");
    for (field, value) in [
        ("application", json!(first)),
        ("endpoint_id", json!(endpoints[0])),
        ("webhook_url", json!("https://subscriber.example/hook")),
        ("error_class", json!("status")),
        ("count", json!(3)),
    ] {
        assert_eq!(data[0][field], value, "{}", data[0]);
    }
    assert!(data[0]["oldest_at"].as_str() <= data[0]["newest_at"].as_str(), "{}", data[0]);
    for (query, counts) in [
        ("application=two", &[2][..]),
        ("error_class=timeout", &[]),
        ("state=waiting", &[3, 2]),
        ("until=2020-01-01T00:00:00Z", &[]),
    ] {
        let some = relay.get(&format!("{path}?{query}")).await.expect(200);
        let some: Vec<u64> = some["data"]
            .as_array()
            .expect("groups")
            .iter()
            .filter_map(|it| it["count"].as_u64())
            .collect();
        assert_eq!(some, counts, "{query}");
    }
    // A tenant counts its own, and names no other's.
    let key = relay.key("read", Some("two")).await;
    let own = relay.ask(&key, Method::GET, path, Body::empty()).await.expect(200);
    assert_eq!(
        (own["data"].as_array().map(Vec::len), &own["data"][0]["count"]),
        (Some(1), &json!(2))
    );
    let foreign = format!("{path}?application=one");
    relay.ask(&key, Method::GET, &foreign, Body::empty()).await.expect(404);
    for bad in ["limit=1", "endpoint=x", "state=dead"] {
        relay.get(&format!("{path}?{bad}")).await.expect(422);
    }
}
