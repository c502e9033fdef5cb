//! `/v1/jobs` and `/v1/tasks` with filters, and the lists that were read whole before.

use std::time::Duration;

use axum::{body::Body, http::Method};
use serde_json::{Value, json};

use super::{Relay, ids};

#[tokio::test]
async fn jobs_are_found_by_time_and_by_the_beginning_of_any_id() {
    let relay = Relay::start().await;
    for (source, application) in [("gpu", "one"), ("cpu", "two")] {
        relay.source(source, application).await;
    }
    let job = |call: &str, batch: &str| json!({ "source": "gpu", "call_id": call, "batch_id": batch, "run_id": "run-1" });
    let first = relay.put("/v1/jobs/alpha", job("fc-1", "b-1")).await.at("id");
    tokio::time::sleep(Duration::from_millis(5)).await;
    let middle = relay.api.now().rfc3339();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let second = relay.put("/v1/jobs/beta", job("fc-2", "b-2")).await.at("id");
    let foreign = relay.put("/v1/jobs/gamma", json!({ "source": "cpu" })).await.at("id");
    let (all, both) = (vec![&foreign, &second, &first], vec![&second, &first]);
    for (query, found) in [
        (String::new(), all.clone()),
        ("q=al".to_owned(), vec![&first]),
        ("q=fc-".to_owned(), both.clone()),
        ("q=b-2".to_owned(), vec![&second]),
        ("q=run".to_owned(), both.clone()),
        (format!("q={}", &first[..12]), vec![&first]),
        ("q=lpha".to_owned(), vec![]),
        (format!("since={middle}"), vec![&foreign, &second]),
        (format!("until={middle}"), vec![&first]),
        (format!("since={middle}&q=fc"), vec![&second]),
        ("batch_id=b-1&q=alpha".to_owned(), vec![&first]),
    ] {
        let list = relay.get(&format!("/v1/jobs?{query}")).await.expect(200);
        assert_eq!(ids(&list).iter().collect::<Vec<_>>(), found, "{query}");
        assert_eq!(list["scanned"].is_u64(), !query.is_empty(), "{query}");
    }
    // Another tenant's ids find nothing, and its own list is one with a filter.
    let key = relay.key("read", Some("two")).await;
    let ask = async |query: &str| {
        relay.ask(&key, Method::GET, &format!("/v1/jobs?{query}"), Body::empty()).await.expect(200)
    };
    assert_eq!(ids(&ask("q=alpha").await), Vec::<String>::new());
    assert_eq!(ids(&ask("source=gpu").await), Vec::<String>::new());
    let own = ask("").await;
    assert_eq!((ids(&own), own["scanned"].as_u64()), (vec![foreign], Some(3)));
    let long = "a".repeat(2049);
    for bad in [
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z".to_owned(),
        "since=now".to_owned(),
        format!("q={long}"),
        "iterator=-1700000000000-a".to_owned(),
    ] {
        relay.get(&format!("/v1/jobs?{bad}")).await.expect(422);
    }
}

#[tokio::test]
async fn tasks_are_found_by_their_state_and_kind() {
    let relay = Relay::start().await;
    let endpoint = relay.endpoint("default", "https://subscriber.example/").await;
    let all = json!({ "all": true });
    let redrive = relay.post("/v1/webhooks/dead-letter/redrive", all.clone()).await.at("task_id");
    let discard = relay.post("/v1/webhooks/dead-letter/delete", all).await.at("task_id");
    let path = format!("/api/v1/app/default/endpoint/{endpoint}/recover");
    let recover = relay.post(&path, json!({ "since": "2026-01-01T00:00:00Z" })).await;
    let replay = recover.at("id").trim_start_matches('q').to_owned();
    relay.post(&format!("/v1/tasks/{redrive}/cancel"), Value::Null).await.expect(200);
    for (query, found) in [
        ("", vec![&redrive, &discard, &replay]),
        ("state=cancelled", vec![&redrive]),
        ("state=running", vec![&discard, &replay]),
        ("state=finished", vec![]),
        ("kind=discard", vec![&discard]),
        ("kind=replay_failed", vec![&replay]),
        ("kind=redrive&state=running", vec![]),
    ] {
        let list = relay.get(&format!("/v1/tasks?{query}")).await.expect(200);
        let (mut listed, mut wanted): (Vec<_>, Vec<_>) =
            (ids(&list), found.into_iter().cloned().collect());
        listed.sort();
        wanted.sort();
        assert_eq!(listed, wanted, "{query}");
        assert_eq!(list["scanned"].is_u64(), !query.is_empty(), "{query}");
    }
    for bad in ["state=done", "kind=any", "limit=0", "iterator=x", "stat=running"] {
        relay.get(&format!("/v1/tasks?{bad}")).await.expect(422);
    }
    let key = relay.key("read", Some("default")).await;
    let own = relay.ask(&key, Method::GET, "/v1/tasks", Body::empty()).await.expect(200);
    assert_eq!((ids(&own), own["scanned"].as_u64()), (vec![replay], Some(3)));
}

#[tokio::test]
async fn sources_keys_and_tasks_are_read_in_parts() {
    let relay = Relay::start().await;
    for name in ["a-b", "-c", "d_e"] {
        relay.source(name, "default").await;
        relay.key("read", None).await;
        let all = json!({ "all": true });
        relay.post("/v1/webhooks/dead-letter/redrive", all).await.expect(202);
    }
    for (path, id) in [("/v1/sources", "name"), ("/v1/keys", "id"), ("/v1/tasks", "id")] {
        let whole = relay.get(path).await.expect(200);
        assert_eq!((&whole["done"], &whole["iterator"]), (&json!(true), &Value::Null), "{path}");
        let names = |list: &Value| -> Vec<String> {
            let data = list["data"].as_array().expect("a list");
            data.iter().map(|entry| entry[id].to_string()).collect()
        };
        let (mut seen, mut at) = (Vec::new(), String::new());
        loop {
            let list = relay.get(&format!("{path}?limit=1{at}")).await.expect(200);
            seen.extend(names(&list));
            let Some(iterator) = list["iterator"].as_str() else { break };
            at = format!("&iterator={iterator}");
        }
        assert_eq!((seen.len(), &seen), (3, &names(&whole)), "{path}");
        for bad in ["iterator=x", "iterator=-x", "iterator=name-%25", "limit=251", "limits=1"] {
            relay.get(&format!("{path}?{bad}")).await.expect(422);
        }
    }
    let names = relay.get("/v1/sources").await.expect(200);
    let names: Vec<_> = names["data"].as_array().expect("a list").iter().collect();
    assert_eq!(
        names.iter().map(|source| source["name"].as_str()).collect::<Vec<_>>(),
        [Some("-c"), Some("a-b"), Some("d_e")]
    );
}
