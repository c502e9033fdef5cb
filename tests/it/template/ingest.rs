//! The front door may change little: a rate, a lock, a token, lines of a log, and the counts of what it
//! refused. Strangers talk to it.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, faults::Faults, sender};
use tower::ServiceExt;

use super::{at, holds_and_can_fail, remove, rules};

/// The partitions that `ingest` may use, by action.
fn wanted() -> BTreeMap<&'static str, Value> {
    let changes = json!(["LOG#*", "RATE#*", "REFUSED", "REFUSED#*", "SOURCES", "TOKEN#*"]);
    BTreeMap::from([
        ("dynamodb:UpdateItem", changes),
        ("dynamodb:PutItem", json!(["LOG#*"])),
        ("dynamodb:DeleteItem", json!(["LOG#*"])),
        ("dynamodb:Query", json!(["LOG#*", "WATCHED"])),
    ])
}

/// `ingest` writes to the partitions of its own work, and lists no other.
fn partitions(template: &Value) -> Vec<String> {
    let policies = &template["Resources"]["IngestRole"]["Properties"]["Policies"];
    let statements = rules::each(policies).into_iter();
    let statements = statements.flat_map(|one| rules::each(&one["PolicyDocument"]["Statement"]));
    let (wanted, mut found) = (wanted(), Vec::new());
    let mut seen = BTreeMap::new();
    for statement in statements {
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        for action in rules::each(&statement["Action"]).into_iter().filter_map(Value::as_str) {
            let item = action.starts_with("dynamodb:") && action != "dynamodb:GetItem";
            if item && seen.insert(action, keys).is_some() {
                found.push(format!("ingest is given {action} twice"));
            }
        }
    }
    for (action, keys) in &seen {
        match wanted.get(action) {
            Some(wanted) if wanted == *keys => (),
            Some(_) => found.push(format!("ingest may {action} in {keys}")),
            None => found.push(format!("ingest may {action}")),
        }
    }
    let missing = wanted.keys().filter(|action| !seen.contains_key(*action));
    found.extend(missing.map(|action| format!("ingest may not {action}")));
    found
}

#[test]
fn ingest_changes_the_items_of_its_own_work_and_no_others() {
    let statement = |number: usize| {
        format!("IngestRole/Properties/Policies/0/PolicyDocument/Statement/{number}")
    };
    holds_and_can_fail(
        partitions,
        |t| remove(t, &statement(2), "Condition"),
        "ingest may dynamodb:UpdateItem in null",
    );
    holds_and_can_fail(
        partitions,
        |t| *at(t, &format!("{}/Action/1", statement(3))) = json!("dynamodb:BatchWriteItem"),
        "ingest may dynamodb:BatchWriteItem",
    );
}

/// Posts a body that is signed as the source signs, or as somebody else does.
async fn post(cloud: &Cloud, path: &str, body: &str, signed: bool) -> StatusCode {
    let mut request = Request::post(path).body(Body::from(body.to_owned())).expect("one");
    let vouched = if signed { body } else { "another body" };
    *request.headers_mut() = sender::headers(vouched.as_bytes(), cloud.clock.now());
    cloud.ingest().oneshot(request).await.expect("infallible").status()
}

#[tokio::test]
async fn what_ingest_writes_is_what_its_role_allows() {
    let faults = Faults::default();
    let cloud = Cloud::start(faults.clone()).await;
    let limit = json!({ "requests": 1, "per": "minute" });
    cloud.options(json!({ "rate_limit": limit })).await;
    let before = faults.written();
    let completion = String::from_utf8(sender::completion("c1", "success", "1")).expect("text");
    let lines = |text: &str| {
        json!({ "job_id": "job-c1", "stream": "out", "first_seq": 1, "lines": [text] }).to_string()
    };
    for (path, body, signed, status) in [
        ("/in/modal", completion.clone(), true, 202),
        ("/in/modal", completion.clone(), true, 429),
        ("/in/modal", completion.clone(), false, 401),
        ("/in/nobody", completion, true, 401),
        ("/in/modal/jobs/job-c1/logs", lines("one"), true, 202),
        ("/in/modal/jobs/job-c1/logs", lines("other"), true, 202),
    ] {
        let answered = post(&cloud, path, &body, signed).await;
        assert_eq!(answered.as_u16(), status, "{path}");
    }
    let written: Vec<String> = faults.written().difference(&before).cloned().collect();
    let wanted = wanted();
    let allowed = rules::each(&wanted["dynamodb:UpdateItem"]);
    let is_allowed = |pk: &String| {
        allowed.iter().filter_map(|pattern| pattern.as_str()).any(|pattern| {
            pattern.strip_suffix('*').map_or(pk == pattern, |start| pk.starts_with(start))
        })
    };
    let foreign: Vec<_> = written.iter().filter(|pk| !is_allowed(pk)).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    for kind in ["LOG#", "RATE#", "REFUSED#", "REFUSED"] {
        assert!(written.iter().any(|pk| pk.starts_with(kind)), "{kind} of {written:?}");
    }
}
