//! OMTX's routes: what runs, how it goes, what happened (R0.16, R0.17, R0.19).

use adapters::table::StoredConflict;
use domain::{
    envelope::StoredBody,
    id::EventId,
    id::LetterId,
    letter::{Letter, LetterQueue, LetterState, LetterSubject},
    retry::ErrorClass,
};
use serde_json::{Value, json};

use super::{Relay, omtx::configure, receiver::Receiver};

const METRICS: &str = "/api/v3/webhooks/metrics";

fn call(id: &str) -> String {
    format!(r#"{{"call_id":"{id}","status":"success","metadata":{{"job_id":"{id}"}}}}"#)
}

#[tokio::test]
async fn r0_16_what_runs_is_listed_with_its_times() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let none = relay.get("/api/v3/webhooks/active-executions").await.expect(200);
    assert_eq!(none, json!({ "total_active": 0, "executions": [], "truncated": false }));
    relay.completion("modal-omtx", "acme", "done", &call("done")).await;
    relay
        .running(
            "modal-omtx",
            "acme",
            "j1",
            r#"{"call_id":"fc-1","status":"running","metadata":{"job_id":"j1","batch_id":"b1"}}"#,
        )
        .await;
    relay.source("elsewhere", "acme").await;
    relay.running("github", "acme", "x", "{}").await;
    let list = relay.get("/api/v3/webhooks/active-executions").await.expect(200);
    assert_eq!(list["total_active"], 1);
    let one = &list["executions"][0];
    assert_eq!(
        (&one["modal_call_id"], &one["job_id"], &one["batch_id"]),
        (&json!("fc-1"), &json!("j1"), &json!("b1"))
    );
    assert_eq!((&one["model_type"], &one["lane"]), (&Value::Null, &Value::Null));
    let metadata = json!({ "model_type": "boltz2", "lane": "bulk" });
    let job = json!({ "source": "modal-omtx", "call_id": "fc-2", "metadata": metadata });
    relay.put("/v1/jobs/j2", job).await.expect(201);
    let list = relay.get("/api/v3/webhooks/active-executions").await.expect(200);
    let two = &list["executions"][0];
    assert_eq!((&list["total_active"], &two["modal_call_id"]), (&json!(2), &json!("fc-2")));
    assert_eq!((&two["model_type"], &two["lane"]), (&json!("boltz2"), &json!("bulk")));
    let lanes = &relay.get(METRICS).await.expect(200)["modal_service"]["lanes"];
    assert_eq!(*lanes, json!({ "bulk": { "active": 1, "max": null, "utilization": null } }));
    let (at, duration) = (one["submitted_at"].as_f64(), one["duration"].as_f64());
    assert!(
        at.is_some_and(|at| 1.7e9 < at) && duration.is_some_and(|d| (0.0..60.0).contains(&d)),
        "{one}"
    );
}

#[tokio::test]
async fn r0_17_metrics_are_counted_and_what_is_not_known_is_null() {
    let relay = Relay::start().await;
    let empty = relay.get(METRICS).await.expect(200);
    let checker = &empty["completion_checker"];
    assert_eq!(
        (&checker["total_webhooks_received"], &checker["webhook_success_rate"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        (&checker["average_processing_time_ms"], &checker["last_webhook_time"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(checker["polling_enabled"], false);
    configure(&relay).await;
    let asked = json!({ "profile": "modal-omtx", "secrets": [super::SOURCE_SECRET], "application": "acme",
        "platform": { "kind": "http", "status_url": "https://platform.example/calls/{call_id}" }, "poll": { "interval_seconds": 300 } });
    relay.put("/v1/sources/chai1", asked).await.expect(201);
    relay.endpoint("acme", "https://subscriber.example/").await;
    for id in ["a", "b", "c"] {
        relay.completion("modal-omtx", "acme", id, &call(id)).await;
    }
    relay.completion("modal-omtx", "acme", "relay-test-1", &call("relay-test-1")).await;
    let event = relay.completion("modal-omtx", "acme", "d", &call("d")).await;
    relay.api.table().count_duplicate(&event.id).await.expect("counted");
    let body = StoredBody::Text("other".to_owned());
    let other = StoredConflict { body, content_type: None, at: relay.api.now() };
    relay.api.table().keep_conflict(&event.id, "f", &other).await.expect("kept");
    relay.running("modal-omtx", "acme", "e", &call("e").replace("success", "running")).await;
    let metrics = relay.get(METRICS).await.expect(200);
    let checker = &metrics["completion_checker"];
    assert_eq!(checker["total_webhooks_received"], 7, "{checker}");
    assert_eq!(checker["successful_completions"], 4);
    assert_eq!(
        (&checker["duplicate_webhooks"], &checker["conflicting_webhooks"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&checker["failed_completions"], &checker["processing_errors"]),
        (&json!(0), &json!(0))
    );
    let rate = checker["webhook_success_rate"].as_f64().expect("a rate");
    assert!((rate - 400.0 / 7.0).abs() < 1e-9, "{rate}");
    assert!(checker["average_processing_time_ms"].as_f64().is_some_and(|ms| ms < 60_000.0));
    let polling = (&checker["polling_enabled"], &checker["polling_interval_seconds"]);
    assert_eq!(polling, (&json!(true), &json!(300)));
    assert_eq!(metrics["webhook_health"]["total_webhooks_processed"], 5);
    assert_eq!(metrics["webhook_health"]["last_webhook_received"], checker["last_webhook_time"]);
    assert_eq!(
        (&metrics["modal_service"]["total_active"], &metrics["truncated"]),
        (&json!(1), &json!(false))
    );
}

#[tokio::test]
async fn r0_17_what_could_not_be_processed_is_counted_for_its_own_source() {
    let relay = Relay::start().await;
    configure(&relay).await;
    relay.post("/api/v3/webhooks/test?wait=0", json!({})).await.expect(200);
    let message = relay.aws.receive_all(&relay.aws.names().inbox).await.remove(0);
    let foreign = message.replace("\"source_id\":\"src_", "\"source_id\":\"src_0");
    assert_ne!(foreign, message);
    for (number, body) in [message, foreign, "garbage".to_owned()].into_iter().enumerate() {
        let letter = Letter {
            id: LetterId::derive(&["test", &number.to_string()]),
            number: number as u64 + 1,
            what: LetterSubject::Message {
                queue: LetterQueue::Inbox,
                body: StoredBody::Text(body),
                readable: false,
            },
            error: "could not be processed".to_owned(),
            error_class: ErrorClass::Relay,
            attempts: 5,
            last_attempt_at: None,
            created_at: relay.api.now(),
            retried_at: None,
            retry_success: None,
            state: LetterState::Waiting,
            expires_at: None,
            version: 0,
        };
        relay.api.table().park(&letter, None).await.expect("parked").either_way();
    }
    let metrics = relay.get(METRICS).await.expect(200);
    assert_eq!(metrics["completion_checker"]["processing_errors"], 1);
}

#[tokio::test]
async fn r0_19_logs_tell_what_came_and_who_was_told() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let none = relay.get("/api/v3/webhooks/logs").await.expect(200);
    assert_eq!((&none["total_logs"], &none["logs"]), (&json!(0), &json!([])));
    let receiver = Receiver::answering(&[500]).await;
    relay.endpoint("acme", &format!("{}?key=planted", receiver.url)).await;
    let event = relay.completion("modal-omtx", "acme", "a", &call("a")).await;
    relay.attempt(&event.id.event()).await;
    let logs = relay.get("/api/v3/webhooks/logs?limit=100").await;
    assert!(!logs.text.contains("planted"), "a subscriber's URL may hold its key: {}", logs.text);
    let logs = logs.expect(200);
    assert_eq!(logs["total_logs"], 2);
    let (told, came) = (&logs["logs"][0], &logs["logs"][1]);
    assert_eq!((&told["level"], &came["level"]), (&json!("ERROR"), &json!("INFO")));
    assert!(
        told["message"].as_str().is_some_and(|m| m.starts_with("not delivered: 500")),
        "{told}"
    );
    assert_eq!(came["message"], "job:a:succeeded: announced");
    assert_eq!(EventId::parse(came["event_id"].as_str().expect("an id")).expect("an id"), event.id);
    assert_eq!(relay.get("/api/v3/webhooks/logs?limit=1").await.expect(200)["total_logs"], 1);
    for bad in ["0", "501", "x"] {
        relay.get(&format!("/api/v3/webhooks/logs?limit={bad}")).await.expect(422);
    }
}

#[tokio::test]
async fn r0_18_only_what_runs_can_be_cancelled() {
    let relay = Relay::start().await;
    configure(&relay).await;
    let cancel = async |id: &str| {
        relay.post(&format!("/api/v3/webhooks/executions/{id}/cancel"), Value::Null).await
    };
    relay.completion("modal-omtx", "acme", "done", &call("done")).await;
    relay.running("github", "acme", "elsewhere", "{}").await;
    for id in ["done", "elsewhere", "nobody", &"x".repeat(600)] {
        let detail = cancel(id).await.expect(404)["detail"].as_str().expect("text").to_owned();
        assert!(detail.ends_with("not found or already completed"), "{detail}");
    }
    let running = r#"{"call_id":"fc-1","status":"running","metadata":{"job_id":"j1"}}"#;
    relay.running("modal-omtx", "acme", "j1", running).await;
    assert_eq!(cancel("fc-1").await.expect(200)["status"], "cancelled");
    assert_eq!(relay.get("/v1/jobs/fc-1").await.expect(200)["status"], "cancelled");
    cancel("fc-1").await.expect(404);
}
