//! Verbs of the command line, against the API of a running relay.

use serde_json::json;
use tests::{receiver::Receiver, sender};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_endpoints_and_keys_are_made_shown_changed_and_removed() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let relay = async |args: &[&str]| run(home.at(&url, key, args)).await;
    let create = ["sources", "create", "modal", "--profile", "modal-omtx", "--secret-from", "-"];
    let secret = "a-planted-secret-of-32-characters";
    let made = run_with(home.at(&url, key, &[&create[..], &["--strict"]].concat()), secret).await;
    assert!(well(&made).contains("secret_count") && !stdout(&made).contains(secret), "{made:?}");
    // What is not given stays: the secret, and that it is strict.
    well(&relay(&["sources", "update", "modal", "--tolerance-seconds", "120"]).await);
    let source = client.get("/v1/sources/modal").await;
    assert_eq!(
        json!([source["secret_count"], source["strict"], source["tolerance_seconds"]]),
        json!([1, true, 120])
    );
    let shown = json_lines(&relay(&["sources", "get", "modal", "--json"]).await);
    assert_eq!(shown, [source]);
    let table = well(&relay(&["sources", "list"]).await);
    assert!(table.starts_with("NAME") && table.contains("\nmodal "), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours in a pipe");
    let hook = [
        "endpoints",
        "create",
        "--endpoint-url",
        "http://127.0.0.1:9/x",
        "--events",
        "job.*,order.paid",
    ];
    let endpoint = json_lines(&relay(&[&hook[..], &["--uid", "hook", "--json"]].concat()).await);
    assert_eq!(endpoint[0]["eventTypes"], json!(["job.*", "order.paid"]));
    well(&relay(&["endpoints", "update", "hook", "--disable", "--max-retries", "2"]).await);
    let endpoint = client.get("/api/v1/app/default/endpoint/hook").await;
    assert_eq!(json!([endpoint["disabled"], endpoint["maxRetries"]]), json!([true, 2]));
    assert_eq!(endpoint["url"], "http://127.0.0.1:9/x", "what is not given stays");
    well(&relay(&["endpoints", "update", "hook", "--enable"]).await);
    assert_eq!(client.get("/api/v1/app/default/endpoint/hook").await["disabled"], false);
    let secret = json_lines(&relay(&["endpoints", "secret", "hook", "--json"]).await);
    assert!(secret[0]["key"].as_str().is_some_and(|key| key.starts_with("whsec_")), "{secret:?}");
    well(&relay(&["endpoints", "delete", "hook"]).await);
    let gone = relay(&["endpoints", "get", "hook"]).await;
    assert_eq!(gone.status.code(), Some(3));
    let made =
        json_lines(&relay(&["keys", "create", "--name", "ci", "--scope", "read", "--json"]).await);
    let id = made[0]["id"].as_str().expect("an id");
    assert!(well(&relay(&["keys", "list"]).await).contains(id));
    well(&relay(&["keys", "delete", id]).await);
    assert!(!well(&relay(&["keys", "list"]).await).contains(id));
    well(&relay(&["sources", "delete", "modal"]).await);
    assert_eq!(relay(&["sources", "get", "modal"]).await.status.code(), Some(3));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_is_a_link_and_a_token_that_may_what_was_asked_for() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let relay = async |args: &[&str]| run(home.at(&url, key, args)).await;
    client.post("/api/v1/app", json!({ "name": "acme", "uid": "acme" })).await;
    let link = relay(&["portal", "acme", "--expires", "2h"]).await;
    let shown = well(&link);
    assert!(shown.contains("/portal#code=rc_") && shown.lines().count() == 1, "{shown}");
    let opened = relay(&["portal", "acme", "--read-only", "--flag", "beta", "--json"]).await;
    let given = &json_lines(&opened)[0];
    let portal = Client::new(&url, given["token"].as_str().expect("a token"));
    let current = portal.get("/v1/sessions/current").await;
    assert_eq!(current["portal"]["read_only"], true);
    assert_eq!(current["portal"]["feature_flags"], json!(["beta"]));
    assert_eq!(relay(&["portal", "nobody"]).await.status.code(), Some(3));
    assert_eq!(relay(&["portal", "acme", "--expires", "soon"]).await.status.code(), Some(2));
    let long = relay(&["portal", "acme", "--expires", "8d"]).await;
    assert!(!long.status.success(), "{long:?}");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_jobs_and_batches_are_made_and_listed() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let relay = async |args: &[&str]| run(home.at(&url, key, args)).await;
    // Digits stay as they were written, from a file too.
    let payload = r#"{"n": 12345678901234567890.10, "f": 1.0}"#;
    fs::write(home.path().join("payload.json"), payload).expect("written");
    let args = ["events", "create", "--type", "order.paid", "--payload", "@payload.json", "--json"];
    let made = json_lines(&relay(&args).await);
    let id = made[0]["id"].as_str().expect("an id").to_owned();
    client.until(&format!("/v1/events/{id}"), |event| event["id"].is_string()).await;
    let shown = well(&relay(&["events", "get", &id, "--json"]).await);
    assert!(shown.contains(r#""payload":{"n":12345678901234567890.10,"f":1.0}"#), "{shown}");
    assert_eq!(shown.lines().count(), 1);
    for number in 0..4 {
        let body = json!({ "eventType": "order.paid", "payload": { "number": number } });
        client.post("/api/v1/app/default/msg", body).await;
    }
    let listed = json_lines(&relay(&["events", "list", "--all", "--json"]).await);
    assert_eq!(listed.len(), 5);
    let nobody =
        ["events", "list", "--state", "nobody", "--type", "order.*", "--since", "5m", "--json"];
    assert_eq!(json_lines(&relay(&nobody).await), listed);
    let others = ["events", "list", "--type", "job.*", "--source", "modal"];
    assert!(well(&relay(&others).await).is_empty());
    let part = relay(&["events", "list", "--limit", "2", "--json"]).await;
    assert_eq!(json_lines(&part), listed[..2]);
    let note = stderr(&part);
    let place = note.split("--iterator ").nth(1).and_then(|rest| rest.split(',').next());
    let rest = ["events", "list", "--json", "--iterator", place.expect("where it goes on")];
    assert_eq!(json_lines(&relay(&rest).await), listed[2..]);
    well(
        &relay(&[
            "sources",
            "create",
            "modal",
            "--profile",
            "modal-omtx",
            "--body",
            r#"{"secrets":["a-planted-secret-of-32-characters"]}"#,
        ])
        .await,
    );
    // An id that would turn the text around it: made harmless in a table, escaped in JSON.
    let evil = "\u{202e}boj";
    let body = json!({ "id": evil, "source": "modal", "batch_id": "b1" });
    let job_id = client.post("/v1/jobs", body).await["id"].as_str().expect("an id").to_owned();
    well(&relay(&["jobs", "create", "--id", "job-2", "--source", "modal", "--batch", "b1"]).await);
    let table = relay(&["jobs", "list", "--source", "modal"]).await;
    let table = well(&table);
    assert!(table.contains("U+202Eboj") && table.contains("job-2"), "{table}");
    assert!(!table.contains('\u{202e}'), "{table}");
    let raw = relay(&["jobs", "list", "--source", "modal", "--json"]).await;
    assert!(json_lines(&raw).iter().any(|job| job["external_id"] == evil));
    assert!(!stdout(&raw).contains('\u{202e}'));
    let shown = well(&relay(&["jobs", "get", evil]).await);
    assert!(!shown.contains('\u{202e}') && shown.contains("U+202Eboj"), "{shown}");
    let mut narrow = home.at(&url, key, &["jobs", "list"]);
    narrow.env("COLUMNS", "80");
    let narrow = well(&run(narrow).await);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
    assert!(!narrow.contains("FINISHED") && narrow.contains(&job_id), "{narrow}");
    well(&relay(&["jobs", "cancel", "job-2"]).await);
    assert_eq!(client.get("/v1/jobs/job-2").await["status"], "cancelled");
    well(&relay(&["batches", "create", "--id", "b2", "--size", "1", "--source", "modal"]).await);
    assert!(well(&relay(&["batches", "list"]).await).contains("b2"));
    well(&relay(&["batches", "get", "b2"]).await);
    well(&relay(&["batches", "close", "b2"]).await);
    assert!(well(&relay(&["tasks", "list"]).await).is_empty());
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_has_enough_ends_a_list_without_a_word() {
    let (bundle, client, home) = start().await;
    for number in 0..3 {
        let body = json!({ "eventType": "order.paid", "payload": { "n": number } });
        client.post("/api/v1/app/default/msg", body).await;
    }
    for args in
        [&["events", "list", "--all"][..], &["events", "list", "--json"], &["completion", "bash"]]
    {
        let mut command = home.at(&bundle.url(), bundle.admin_key(), args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        // Closed before anything is written.
        drop(child.stdout.take());
        let output = child.wait_with_output().await.expect("ends");
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_looked_at_tried_again_put_back_exported_and_deleted() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let relay = async |args: &[&str]| run(home.at(&url, key, args)).await;
    let receiver = Receiver::start().await;
    receiver.answer(501);
    let endpoint = json!({ "url": receiver.url("/hook"), "giveUpOn": [501] });
    client.post("/api/v1/app/default/endpoint", endpoint).await;
    for number in 0..4 {
        let body = json!({ "eventType": "order.paid", "payload": { "n": number } });
        client.post("/api/v1/app/default/msg", body).await;
    }
    client.until("/v1/webhooks/dead-letter", |letters| letters["total"] == 4).await;
    let listed = json_lines(&relay(&["dlq", "list", "--json", "--state", "waiting"]).await);
    assert_eq!(listed.len(), 4);
    let numbers: Vec<String> = listed.iter().map(|letter| letter["id"].to_string()).collect();
    let table = well(&relay(&["dlq", "list"]).await);
    assert!(table.contains("order.paid") && table.contains("501"), "{table}");
    let shown = well(&relay(&["dlq", "show", &numbers[0]]).await);
    assert!(shown.contains("attempt_history") && shown.contains(r#"{"n":"#), "{shown}");
    assert_eq!(json_lines(&relay(&["dlq", "export", "--state", "waiting"]).await).len(), 4);
    // An empty choice is a mistake. A dry run counts, and so does a deletion without --yes.
    assert_eq!(relay(&["dlq", "redrive"]).await.status.code(), Some(2));
    let dry = relay(&["dlq", "redrive", "--type", "order.paid", "--dry-run", "--json"]).await;
    assert_eq!(json_lines(&dry), [json!({ "matched": 4, "dry_run": true })]);
    well(&relay(&["dlq", "delete", &numbers[1]]).await);
    let counted = relay(&["dlq", "delete", "--state", "waiting"]).await;
    assert!(well(&counted).contains("3 letters would be deleted"), "{counted:?}");
    assert!(stderr(&counted).contains("--yes"), "{counted:?}");
    // Refused again; then one arrives and one is not there.
    let refused = relay(&["dlq", "retry", &numbers[0]]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    receiver.answer(200);
    let partly = relay(&["dlq", "retry", &numbers[0], "999999"]).await;
    assert_eq!(partly.status.code(), Some(6), "{partly:?}");
    assert!(stdout(&partly).contains("arrived"), "{partly:?}");
    // The relay puts letters of an endpoint that answers again back by itself: whatever is left now.
    let redriven = relay(&["dlq", "redrive", "--state", "waiting", "--rate", "100"]).await;
    assert!(well(&redriven).contains(" put back"), "{redriven:?}");
    let letters = "/v1/webhooks/dead-letter?state=waiting";
    client.until(letters, |letters| letters["total"] == 0).await;
    let deleted = relay(&["dlq", "delete", "--all", "--yes", "--json"]).await;
    assert_eq!(json_lines(&deleted)[0]["state"], "finished", "{deleted:?}");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_and_why_something_was_refused_is_shown() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let relay = async |args: &[&str]| run(home.at(&url, key, args)).await;
    let create = ["sources", "create", "modal", "--profile", "modal-omtx", "--secret-from", "-"];
    well(&run_with(home.at(&url, key, &create), sender::SECRET).await);
    let body = sender::completion("fc-1", "success", "1.0");
    let headers = sender::headers(&body, adapters::clock::Clock::system().now());
    let send = async |headers| {
        let sent = client.send(http::Method::POST, "/in/modal", headers, body.clone()).await;
        sent.expect("the relay answers").0.as_u16()
    };
    assert_eq!(send(headers.clone()).await, 202);
    let mut forged = headers;
    forged.insert(
        "x-modal-signature",
        format!("sha256={}", "0".repeat(64)).parse().expect("a header"),
    );
    assert_eq!(send(forged).await, 401);
    client.until("/v1/events", |events| events["data"][0]["id"].is_string()).await;
    let listed = json_lines(&relay(&["events", "list", "--json"]).await);
    let id = listed[0]["id"].as_str().expect("an id");
    assert_eq!(relay(&["events", "request", id]).await.stdout, body, "byte for byte");
    client.until("/v1/sources/modal/refusals", |refused| refused["samples"][0].is_object()).await;
    let refused = well(&relay(&["sources", "refusals", "modal"]).await);
    assert!(refused.contains("samples") && refused.contains("mismatch"), "{refused}");
    let path = format!("/v1/stats?since={}", listed[0]["created_at"].as_str().expect("a time"));
    let received = |stats: &Value| {
        let series = stats["series"]["received"].as_array();
        0 < series.into_iter().flatten().filter_map(Value::as_u64).sum::<u64>()
    };
    client.until(&path, received).await;
    let stats = relay(&["stats", "--since", "5m"]).await;
    let sums = well(&stats).lines().last().expect("the sums").to_owned();
    assert!(sums.starts_with("all ") && sums.contains('1'), "{stats:?}");
    bundle.stop().await;
}
