//! Putting back what a filter chooses, and how far that is.

use serde_json::json;

use super::Relay;

const REDRIVE: &str = "/v1/webhooks/dead-letter/redrive";

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let relay = Relay::start().await;
    let one = relay.endpoint("default", "https://subscriber.example/").await;
    relay.endpoint("default", "https://subscriber.example/").await;
    for event_type in ["a", "b", "b"] {
        let message = relay.message("default", event_type, json!({})).await;
        relay.bury(&message).await;
    }
    let count = async |filter: serde_json::Value| {
        let answer = relay
            .post(REDRIVE, json!({ "filter": filter, "all": true, "dryRun": true }))
            .await
            .expect(200);
        answer["matched"].as_u64().expect("a number")
    };
    assert_eq!(count(json!({})).await, 6);
    assert_eq!(count(json!({ "endpoint": one })).await, 3);
    assert_eq!(count(json!({ "event_type": "b" })).await, 4);
    assert_eq!(count(json!({ "event_type": "b", "endpoint": one })).await, 2);
    assert_eq!(count(json!({ "application": "default" })).await, 6);
    assert_eq!(count(json!({ "application": "nobody" })).await, 0);
    assert_eq!(count(json!({ "batch_id": "b1" })).await, 0);
    assert_eq!(count(json!({ "error_class": "status" })).await, 6);
    assert_eq!(count(json!({ "error_class": "timeout" })).await, 0);
    assert_eq!(count(json!({ "since": "2020-01-01T00:00:00Z" })).await, 6);
    assert_eq!(count(json!({ "until": "2020-01-01T00:00:00+02:00" })).await, 0);
    let names = relay.aws.names().clone();
    assert_eq!(relay.aws.receive_all(&names.dead_letters).await, [""; 0]);
}

#[tokio::test]
async fn a_redrive_is_a_task_that_is_due_and_rung_for() {
    let relay = Relay::start().await;
    let filter = json!({ "event_type": "a", "since": "2020-01-01T00:00:00Z" });
    let started = relay.post(REDRIVE, json!({ "filter": filter, "rate": 5 })).await;
    assert_eq!(started.expect(202)["rate"], 5);
    let id = started.at("task_id");
    let names = relay.aws.names().clone();
    assert_eq!(
        relay.aws.receive_all(&names.dead_letters).await,
        [json!({ "task": id }).to_string()]
    );
    let task = relay.get(&started.at("status_url")).await.expect(200);
    assert_eq!(
        (&task["id"], &task["kind"], &task["state"]),
        (&json!(id), &json!("redrive"), &json!("running"))
    );
    assert_eq!((&task["redriven"], &task["rate"]), (&json!(0), &json!(5)));
    assert_eq!(task["filter"]["event_type"], "a");
    assert_eq!(task["filter"]["since"], "2020-01-01T00:00:00.000Z");
    let mut due = 0;
    for shard in 0..adapters::table::SHARDS {
        let page = relay.api.table().due(shard, relay.api.now(), 10, None).await;
        due += page.expect("read").due.len();
    }
    assert_eq!(due, 1);
    relay.get("/v1/tasks/task_0123").await.expect(404);
}

#[tokio::test]
async fn a_redrive_that_cannot_be_is_refused() {
    let relay = Relay::start().await;
    for bad in [
        json!({ "rate": 0 }),
        json!({ "rate": -1 }),
        json!({ "rate": 501 }),
        json!({ "filter": { "endpoint": "a b" } }),
        json!({ "filter": { "error_class": "bad luck" } }),
        json!({ "filter": { "since": "yesterday" } }),
        // A filter that is misspelt would match everything.
        json!({ "filter": { "eventtype": "a" } }),
    ] {
        relay.post(REDRIVE, bad).await.expect(422);
    }
}
