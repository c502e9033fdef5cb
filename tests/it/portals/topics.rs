//! Live topics: what each caller hears of `acme` with a ticket of its own.

use axum::http::Method;
use serde_json::{Value, json};

use super::setting::Setting;

/// Whether a caller hears events and letters, and whether it hears everything else.
fn right(caller: &str) -> (bool, bool) {
    match caller {
        "portal of acme" | "read-only portal of acme" => (true, false),
        _ if caller.ends_with("key of acme") => (true, true),
        _ => (false, false),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the count is the result")]
async fn a_topic_is_heard_by_those_whose_right_covers_it_and_by_nobody_else() {
    let setting = Setting::start().await;
    let (job, batch) = (&setting.things["job"], &setting.things["batch"]);
    let topics = [
        (json!({ "action": "subscribe_events", "application": "acme" }), true),
        (json!({ "action": "subscribe_letters", "application": "acme" }), true),
        (json!({ "action": "subscribe_logs", "job_id": job }), false),
        (json!({ "action": "subscribe_project", "project_id": "p", "application": "acme" }), false),
        (json!({ "action": "join_batch", "batch_id": batch }), false),
    ];
    let (mut cases, mut wrong) = (0, Vec::new());
    for (number, (caller, _)) in setting.callers.iter().enumerate() {
        let path = "/v1/live/tickets";
        let (status, text) = setting.by(caller, Method::POST, path, Value::Null).await;
        let is_known = !(caller.contains("revoked") || caller.starts_with("portal that"));
        cases += 1;
        if (status == 201) != is_known {
            wrong.push(format!("{caller}: {status} {text}"));
        }
        if !is_known {
            continue;
        }
        let ticket: Value = serde_json::from_str(&text).expect("JSON");
        let ticket = ticket["ticket"].as_str().expect("a ticket");
        let id = format!("c{number}=");
        assert!(setting.cloud.connect_with(&id, "ticket", ticket).await, "{caller}");
        setting.cloud.work().await;
        let (common, rest) = right(caller);
        for (wanted, is_common) in &topics {
            setting.gateway.take(&id);
            setting.cloud.say(&id, wanted).await;
            let answers = setting.gateway.take_json(&id);
            let hears = if *is_common { common } else { rest };
            let answer = answers.first().cloned().unwrap_or_default();
            cases += 1;
            if (answer["event"] != "error") != hears || answer.is_null() {
                wrong.push(format!("{caller}: {wanted}: {answer}"));
            }
        }
    }
    println!("tenancy: {} of {cases} subscriptions are right", cases - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
