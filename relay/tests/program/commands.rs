//! Tests of the commands that call a relay, run as an operator runs them.

use std::{path::PathBuf, process::Output};

use relay::dev::{Bundle, Settings};
use serde_json::json;
use tests::{client::Client, sender};
use tokio::process::Command;

async fn relay(bundle: &Bundle, args: &[&str]) -> Output {
    run(&bundle.url(), bundle.admin_key(), args).await
}

async fn run(url: &str, key: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(args).env("RELAY_URL", url).env("RELAY_ADMIN_KEY", key);
    command.env_remove("MODAL_WEBHOOK_SECRET").output().await.expect("the binary runs")
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
    assert_eq!(refused.status.code(), Some(3));
    let wrong = relay(&bundle, &["executions", "--key", "rk_admin_wrong"]).await;
    let why = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(why.starts_with("relay: the relay answered 401: Invalid token\n"), "{why}");
    assert!(why.contains("relay login") && wrong.status.code() == Some(4), "{why}");
    let clear = relay(&bundle, &["executions", "--url", "http://192.0.2.1:8788"]).await;
    let why = String::from_utf8_lossy(&clear.stderr).into_owned();
    assert!(!clear.status.success() && why.contains("does not answer"), "{why}");
    assert!(!why.contains(bundle.admin_key()), "{why}");
    let incomplete = relay(&bundle, &["inject", "--modal-call-id", "x"]).await;
    assert_eq!(incomplete.status.code(), Some(2));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_20_the_doctor_finds_what_is_wrong_and_leaves_no_trace() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    let nobody = run(&silent, "rk_admin_nobody", &["doctor"]).await;
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("FAIL  reachable"), "{nobody:?}");
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let found = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let none = found(&relay(&bundle, &["doctor"]).await);
    assert!(
        none.contains("ok    key") && none.contains("FAIL  source: modal-omtx does not exist"),
        "{none}"
    );
    let body = json!({ "webhook_base_url": bundle.url(), "webhook_secret": sender::SECRET });
    client.post("/api/v3/webhooks/configure", body).await;
    let wrong = found(&relay(&bundle, &["doctor", "--secret", "another-secret-of-24-bytes"]).await);
    assert!(wrong.contains("FAIL  secret") && wrong.contains("FAIL  last completion"), "{wrong}");
    assert!(!wrong.contains("another-secret"), "{wrong}");
    let body = sender::completion("fc-1", "success", "1");
    let headers = sender::headers(&body, adapters::clock::Clock::system().now());
    let sent = client.send(http::Method::POST, "/in/modal-omtx", headers, body).await;
    assert_eq!(sent.expect("the relay answers").0.as_u16(), 202);
    client.until("/v1/jobs/fc-1", |job| job["status"] == "succeeded").await;
    let well = text(&relay(&bundle, &["doctor", "--secret", sender::SECRET]).await);
    assert!(well.contains("ok    secret: the same") && !well.contains("FAIL"), "{well}");
    let events = client.get("/v1/events").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "the probe is no event");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_1_a_configuration_moves_over_and_again_when_it_has_changed() {
    let (bundle, client) = start().await;
    let guide =
        "WEBHOOK_URL=http://127.0.0.1:1/api/models/ready\nWEBHOOK_SECRET=your_shared_secret_here\n";
    let connect = async |text: &str, more: &[&str]| {
        let path = file(text);
        let args = [
            "connect",
            "hokusai",
            "--env-file",
            path.to_str().expect("UTF-8"),
            "--application",
            "models",
        ];
        let output = relay(&bundle, &[&args[..], more].concat()).await;
        std::fs::remove_file(&path).expect("removed");
        output
    };
    let dry = text(&connect(guide, &["--dry-run"]).await);
    assert!(dry.contains("would set endpoint hokusai") && !dry.contains("shared_secret"), "{dry}");
    let made = text(&connect(guide, &[]).await);
    let want =
        "endpoint hokusai: created\nendpoint hokusai-redis: switched off; no endpoint exists\n";
    assert_eq!(made, want);
    let one = "/api/v1/app/models/endpoint/hokusai";
    let kept = client.get(one).await;
    assert_eq!(
        json!([kept["profile"], kept["delays"], kept["maxRetries"], kept["breaker"]["threshold"]]),
        json!(["hokusai", [2, 4, 8, 16, 32], 5, 5])
    );
    let redis = format!(
        "{guide}WEBHOOK_MAX_RETRIES=3\nENABLE_REDIS_FALLBACK=true\nREDIS_URL=redis://:planted-password@127.0.0.1:1\nREDIS_CHANNEL=ready\n"
    );
    let changed = text(&connect(&redis, &[]).await);
    assert_eq!(changed, "endpoint hokusai: updated\nendpoint hokusai-redis: created\n");
    assert_eq!(client.get(one).await["delays"], json!([2, 4, 8]));
    let channel = client.get("/api/v1/app/models/endpoint/hokusai-redis").await;
    assert_eq!(channel["url"], "redis://127.0.0.1:1/ready");
    assert_eq!(channel["headers"], json!({ "authorization": "***" }));
    let off = text(&connect(guide, &[]).await);
    assert!(off.contains("hokusai-redis: switched off\n"), "{off}");
    let channel = client.get("/api/v1/app/models/endpoint/hokusai-redis").await;
    assert_eq!(
        (&channel["disabled"], &channel["url"]),
        (&json!(true), &json!("redis://127.0.0.1:1/ready"))
    );
    let other = guide.replace("your_shared", "another_shared");
    let refused = connect(&other, &[]).await;
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success()
            && why.contains("another secret")
            && !why.contains("shared_secret"),
        "{why}"
    );
    assert!(text(&connect(&other, &["--replace"]).await).contains("hokusai: secret rotated"));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r0_5_modal_is_set_up_from_its_own_variables() {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let variables =
        format!("WEBHOOK_BASE_URL={}\nMODAL_WEBHOOK_SECRET={}\n", bundle.url(), sender::SECRET);
    let path = file(&format!("{variables}DRY_RUN=true\n"));
    let args = ["connect", "modal", "--env-file", path.to_str().expect("UTF-8")];
    let dry = text(&relay(&bundle, &args).await);
    assert!(dry.starts_with("would set up source modal-omtx"), "{dry}");
    let sources = client.get("/v1/sources").await;
    assert!(!sources.to_string().contains("modal-omtx"), "{sources}");
    std::fs::write(&path, variables).expect("written");
    let done = text(&relay(&bundle, &args).await);
    assert!(done.starts_with("source modal-omtx: set up"), "{done}");
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(client.get("/v1/sources/modal-omtx").await["profile"], "modal-omtx");
    bundle.stop().await;
}
