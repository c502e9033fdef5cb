//! The commands that ask a relay, run as its operator runs them.

use std::{path::PathBuf, process::Output};

use relay::dev::{Bundle, Settings};
use serde_json::json;
use tests::{client::Client, sender};
use tokio::process::Command;

async fn relay(bundle: &Bundle, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(args).env("RELAY_URL", bundle.url()).env("RELAY_ADMIN_KEY", bundle.admin_key());
    command.output().await.expect("the binary runs")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

async fn start() -> (Bundle, Client) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let body = json!({ "webhook_base_url": bundle.url(), "webhook_secret": sender::SECRET });
    client.post("/api/v3/webhooks/configure", body).await;
    (bundle, client)
}

fn file(text: &str) -> PathBuf {
    let name = format!("relay-inject-{}.json", adapters::random::token());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_21_executions_are_listed_and_completed_by_hand() {
    let (bundle, client) = start().await;
    assert_eq!(text(&relay(&bundle, &["executions"]).await), "Active executions: 0\n");
    let metadata = r#"{"job_id":"j1"}"#;
    let running = ["--modal-call-id", "fc-1", "--status", "running", "--metadata", metadata];
    let said = text(&relay(&bundle, &[&["inject"], &running[..]].concat()).await);
    assert!(said.starts_with("Accepted: event evt_"), "{said}");
    client.until("/v1/jobs/fc-1", |job| job["status"] == "running").await;
    let listed = text(&relay(&bundle, &["executions"]).await);
    assert_eq!(listed, "Active executions: 1\nJob j1: fc-1\n");
    let exact = r#"{"call_id":"fc-1","status":"success","result":{"affinity":1.0,"s":"\u00e9"},"metadata":{"job_id":"j1"}}"#;
    let path = file(exact);
    text(&relay(&bundle, &["inject", "--body", path.to_str().expect("UTF-8")]).await);
    std::fs::remove_file(&path).expect("removed");
    client.until("/v1/jobs/j1", |job| job["status"] == "succeeded").await;
    let result = client.get("/v1/jobs/j1/result").await;
    assert_eq!(result, json!({ "affinity": 1.0, "s": "é" }));
    assert_eq!(text(&relay(&bundle, &["executions"]).await), "Active executions: 0\n");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_relay_refuses_is_said_in_its_words_and_the_key_is_not_sent_in_the_clear() {
    let (bundle, _) = start().await;
    let refused = relay(
        &bundle,
        &["inject", "--source", "nobody", "--modal-call-id", "x", "--status", "success"],
    )
    .await;
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(why, "relay: the relay answered 404: Entity not found\n");
    let wrong = relay(&bundle, &["executions", "--key", "rk_admin_wrong"]).await;
    let why = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(why, "relay: the relay answered 401: Invalid token\n");
    let clear = relay(&bundle, &["executions", "--url", "http://192.0.2.1:8788"]).await;
    let why = String::from_utf8_lossy(&clear.stderr).into_owned();
    assert!(!clear.status.success() && why.contains("does not answer"), "{why}");
    assert!(!why.contains(bundle.admin_key()), "{why}");
    let incomplete = relay(&bundle, &["inject", "--modal-call-id", "x"]).await;
    assert_eq!(incomplete.status.code(), Some(2));
    bundle.stop().await;
}
