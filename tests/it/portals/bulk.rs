//! Bulk actions of one tenant that name the other's things in a filter.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::{Value, json};

use super::setting::Setting;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the count is the result")]
async fn no_bulk_action_reaches_beyond_its_own_tenant() {
    let setting = Setting::start().await;
    let thing = |name: &str| setting.things[name].clone();
    let (endpoint, msg, event, job) =
        (thing("endpoint"), thing("msg"), thing("event"), thing("job"));
    let hook = "/api/v1/app/globex/endpoint/hook";
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    let redrive = "/v1/webhooks/dead-letter/redrive";
    let post = |path: &str, body: Value| (Method::POST, path.to_owned(), body);
    let get = |path: String| (Method::GET, path, Value::Null);
    let foreign = format!("/api/v1/app/globex/endpoint/{endpoint}");
    // By a portal and by a key of `globex`: of the answer, what says how much it reached.
    let by_portal = [
        post(redrive, json!({ "all": true, "dry_run": true })),
        post(redrive, json!({ "all": true })),
        post(redrive, json!({ "filter": { "endpoint": endpoint } })),
        post(redrive, json!({ "filter": { "job_id": job } })),
        post(redrive, json!({ "filter": { "batch_id": "b1" } })),
        post(redrive, json!({ "filter": { "application": "acme" } })),
        post(redrive, json!({ "filter": { "application": "acme" }, "all": true })),
        post(&format!("{foreign}/recover"), since.clone()),
        post(&format!("{foreign}/replay-missing"), since.clone()),
        post(&format!("{foreign}/bulk-replay"), since.clone()),
        post(&format!("{foreign}/send-example"), json!({ "eventType": "svix.ping" })),
        post(&format!("{hook}/recover"), since.clone()),
        post(&format!("{hook}/replay-missing"), since.clone()),
        post(&format!("{hook}/bulk-replay"), since),
        post(&format!("/api/v1/app/globex/msg/{msg}/endpoint/hook/resend"), Value::Null),
        post(&format!("/api/v1/app/globex/msg/{msg}/endpoint/{endpoint}/resend"), Value::Null),
        post(&format!("/v1/events/{event}/replay"), json!({})),
        post(&format!("/v1/events/{event}/replay"), json!({ "endpoint": "hook" })),
        post(&format!("/v1/webhooks/dead-letter/{}/retry", thing("letter")), Value::Null),
        get(format!("/v1/webhooks/dead-letter?endpoint={endpoint}")),
        get(format!("/v1/webhooks/dead-letter/export?endpoint={endpoint}")),
        get(format!("/v1/webhooks/dead-letter/export?job_id={job}")),
        get(format!("/v1/events?endpoint={endpoint}")),
        get(format!("/api/v1/app/globex/attempt/endpoint/{endpoint}")),
        get(format!("/api/v1/app/globex/attempt/msg/{msg}")),
        get(format!("/api/v1/app/globex/msg/{msg}")),
        get("/v1/endpoints?q=acme".to_owned()),
    ];
    let by_key = [
        post("/v1/webhooks/dead-letter/delete", json!({ "all": true })),
        post("/v1/webhooks/dead-letter/delete", json!({ "filter": { "endpoint": endpoint } })),
        post("/v1/webhooks/dead-letter/delete", json!({ "filter": { "application": "acme" } })),
        post("/api/v1/app/globex/msg/bulk-expunge", json!({ "ids": [msg] })),
        post("/api/v1/app/globex/msg/expunge-all-contents", Value::Null),
        (Method::DELETE, format!("/api/v1/app/globex/msg/{msg}/content"), Value::Null),
        (Method::DELETE, foreign, Value::Null),
    ];
    let first = setting.possessions().await;
    let (needles, heard) = (setting.needles(), setting.receiver.received().len());
    let (mut cases, mut wrong) = (0, Vec::new());
    for caller in ["portal of globex", "admin key of globex"] {
        let more = if caller.starts_with("portal") { &[][..] } else { &by_key[..] };
        for (method, path, body) in by_portal.iter().chain(more) {
            let (status, text) = setting.by(caller, method.clone(), path, body.clone()).await;
            cases += 1;
            let named: Value = serde_json::from_str(&text).unwrap_or_default();
            let matched = named["matched"].as_u64().unwrap_or_default();
            // What the caller itself named may stand in the answer.
            let given = format!("{path} {body}");
            let is_told = |it: &&String| text.contains(it.as_str()) && !given.contains(it.as_str());
            let told = needles.iter().any(|needle| is_told(&needle));
            if 500 <= status || matches!(status, 401 | 405) || told || matched != 0 {
                wrong.push(format!("{caller}: {method} {path} {body}: {status} {text}"));
            }
        }
    }
    println!("tenancy: {} of {cases} bulk actions are right", cases - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    let after = setting.possessions().await;
    assert_eq!(changed(&first, &first, &after), [""; 0]);
    // The tasks of `acme`, begun in the setting, are cancelled, so that only those of `globex` go on.
    for task in [thing("task"), thing("recovery")] {
        let path = format!("/v1/tasks/{}/cancel", task.trim_start_matches('q'));
        let answer = setting.by("admin key of acme", Method::POST, &path, Value::Null).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
    }
    let before = setting.possessions().await;
    for _ in 0..3 {
        setting.cloud.work().await;
        setting.cloud.pass(std::time::Duration::from_secs(60));
    }
    let after = setting.possessions().await;
    assert_eq!(changed(&first, &before, &after), [""; 0], "what they began reached nothing");
    let late = setting.receiver.received();
    let own = late.iter().skip(heard).filter(|request| request.path.starts_with("/acme"));
    assert_eq!(own.count(), 0, "no endpoint of acme was called");
}

/// The places of the items that differ. Tasks that are not among the `first` items are those of `globex`,
/// which may name what they do not reach.
fn changed(
    first: &BTreeMap<String, String>,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> Vec<String> {
    let is_own = |place: &&String| !place.starts_with("TASKS ") || first.contains_key(*place);
    let places: BTreeSet<_> = before.keys().chain(after.keys()).filter(is_own).collect();
    places.into_iter().filter(|place| before.get(*place) != after.get(*place)).cloned().collect()
}
