//! `relay dev`, killed at any moment and started again: no accepted request is lost, and no effect
//! happens twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use adapters::clock::Clock;
use http::Method;
use serde_json::json;
use tests::{
    client::Client,
    receiver::Receiver,
    sender::{self, completion},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const KEY: &str = "rk_admin_0123456789abcdef0123456789abcdef";

/// A relay in a process of its own.
struct Relay {
    child: Child,
    client: Client,
}

impl Relay {
    /// Starts the binary and waits until it prints its URL.
    async fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_relay"))
            .args(["dev", "--port", "0", "--sweep-every", "200ms", "--data"])
            .arg(data)
            .env("RELAY_ADMIN_KEY", KEY)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let url = loop {
            let line =
                lines.next_line().await.expect("readable").expect("the relay prints its URL");
            if let Some(rest) = line.trim().strip_prefix("API and senders") {
                break rest.split_whitespace().next().expect("a URL").to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = Client::new(&url, KEY);
        client.get("/health").await;
        Self { child, client }
    }

    /// Kills the process with SIGKILL.
    async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }
}

fn directory() -> PathBuf {
    let name = format!("relay-kill-{}", adapters::random::token());
    std::env::temp_dir().join(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_killed_again_and_again_loses_nothing_and_repeats_no_effect() {
    let data = directory();
    let receiver = Receiver::start().await;
    let mut relay = Relay::start(&data).await;
    let source =
        json!({ "profile": "modal-omtx", "secrets": [sender::SECRET], "application": "acme" });
    let put = relay.client.call(Method::PUT, "/v1/sources/modal", Some(source)).await;
    assert!(put.0.is_success(), "{put:?}");
    let endpoint =
        json!({ "url": receiver.url("/hook"), "delays": [1, 1, 1], "timeoutSeconds": 5 });
    relay.client.post("/api/v1/app/acme/endpoint", endpoint).await;
    let mut accepted: BTreeMap<String, String> = BTreeMap::new();
    for round in 0..30_u64 {
        if 5 <= round && 20 < accepted.len() {
            break;
        }
        let sending = async {
            for number in 0..40 {
                let call = format!("r{round}-{number}");
                let body = completion(&call, "success", "1");
                let headers = sender::headers(&body, Clock::system().now());
                let sent = relay.client.send(Method::POST, "/in/modal", headers, body).await;
                let Ok((status, answer)) = sent else { return };
                assert_eq!(status.as_u16(), 202, "{answer}");
                accepted.insert(call, answer["id"].as_str().expect("an id").to_owned());
            }
        };
        // Each round is killed later than the one before. A busy machine gets more rounds.
        let _ = tokio::time::timeout(Duration::from_millis(60 + 150 * (round % 5)), sending).await;
        relay.kill().await;
        relay = Relay::start(&data).await;
    }
    assert!(20 < accepted.len(), "only {} were accepted", accepted.len());
    for call in accepted.keys() {
        let path = format!("/v1/jobs/{call}");
        relay.client.until(&path, |job| job["status"] == "succeeded").await;
    }
    let arrived = |receiver: &Receiver| -> BTreeSet<String> {
        receiver.received().iter().map(|r| r.header("webhook-id").to_owned()).collect()
    };
    for _ in 0..1200 {
        if accepted.values().all(|id| arrived(&receiver).contains(id)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let missing: Vec<_> =
        accepted.values().filter(|id| !arrived(&receiver).contains(*id)).collect();
    assert!(missing.is_empty(), "{} of {} never arrived", missing.len(), accepted.len());
    // Delivery is at least once: only a call that a kill interrupted may be repeated.
    let came = receiver.received().len();
    assert!(came <= arrived(&receiver).len() + 5 * 64, "{came} requests");
    for id in accepted.values() {
        let event = relay.client.get(&format!("/v1/events/{id}")).await;
        assert_eq!(event["deliveries"].as_array().map(Vec::len), Some(1), "{event}");
    }
    relay.kill().await;
    std::fs::remove_dir_all(&data).expect("removed");
}

#[tokio::test]
async fn two_relays_cannot_share_a_directory() {
    let data = directory();
    let first = Relay::start(&data).await;
    let second = Command::new(env!("CARGO_BIN_EXE_relay"))
        .args(["dev", "--port", "0", "--data"])
        .arg(&data)
        .output()
        .await
        .expect("it ran");
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.starts_with("relay: "), "{said}");
    first.kill().await;
    std::fs::remove_dir_all(&data).expect("removed");
}
