//! The lines of a running `relay dev`, its port, and its demonstration.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::receiver::Receiver;
use tokio::net::TcpListener;

use super::{Home, Running, command, said};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_is_printed_per_request_in_and_per_attempt_out() {
    let home = Home::new();
    let relay = Running::start(&home, &[]).await;
    let receiver = Receiver::start().await;
    let client = relay.client();
    let endpoint = json!({ "url": receiver.url("/hook?token=planted"), "delays": [30, 30] });
    client.post("/api/v1/app/default/endpoint", endpoint).await;
    let told = said(&relay.relay(&["trigger", "stripe"]).await, 0);
    let event = told.split("event ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let event = event.expect("an event").to_owned();
    let received = relay.line(|line| line.contains(" in  stripe ") && line.contains(&event)).await;
    assert!(received.contains("stripe.invoice.paid") && received.contains(" 200 "), "{received}");
    assert!(received.contains(" ms  "), "{received}");
    let sent = relay.line(|line| line.contains(" out ") && line.contains(&event)).await;
    assert!(sent.contains("http://127.0.0.1:") && sent.contains(" 200 "), "{sent}");
    // What the type of a job's end will be is said at once, though `process` reads the body later.
    said(&relay.relay(&["trigger", "modal-omtx:failure"]).await, 0);
    relay.line(|line| line.contains(" in  modal-omtx ") && line.contains("job.failed")).await;
    // A refusal says its reason, which the sender does not learn.
    said(&relay.relay(&["trigger", "stripe", "--bad", "signature"]).await, 0);
    let reason = "refused: no secret matches the signature";
    relay.line(|line| line.contains(" in  stripe ") && line.contains(reason)).await;
    let nobody = client.call(http::Method::POST, "/in/nobody", Some(json!({}))).await;
    assert_eq!(nobody.0.as_u16(), 401);
    relay.line(|line| line.contains("refused: unknown source")).await;
    // A failure says when the next attempt is.
    receiver.answer(503);
    let message = json!({ "eventType": "invoice.paid", "payload": {} });
    client.post("/api/v1/app/default/msg", message).await;
    relay.line(|line| line.contains(" in  (API) ") && line.contains("invoice.paid")).await;
    let failed = relay.line(|line| line.contains(" out ") && line.contains(" 503 ")).await;
    assert!(failed.contains("next in "), "{failed}");
    let all = relay.lines().join("\n");
    assert!(!all.contains("planted"), "no URL is printed behind its host: {all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_are_json_if_asked_for_and_none_with_quiet() {
    let home = Home::new();
    let relay = Running::start(&home, &["--json"]).await;
    said(&relay.relay(&["trigger", "github:push"]).await, 0);
    said(&relay.relay(&["trigger", "github:push", "--bad", "body"]).await, 0);
    relay.line(|line| line.contains("\"reason\"")).await;
    let lines: Vec<Value> = relay
        .lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    assert_eq!(lines[0]["direction"], "ready", "{lines:?}");
    let accepted = lines.iter().find(|line| line["status"] == 202).expect("accepted");
    assert_eq!(
        json!([accepted["direction"], accepted["source"], accepted["event_type"]]),
        json!(["in", "github", "github.push"])
    );
    assert!(accepted["ms"].is_u64() && accepted["at"].is_string(), "{accepted}");

    let home = Home::new();
    let mut relay = Running::start(&home, &["--quiet"]).await;
    said(&relay.relay(&["trigger", "github:push"]).await, 0);
    relay.stop().await;
    let lines = relay.lines().join("\n");
    assert!(lines.contains("stopping") && !lines.contains("github.push"), "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_is_an_error_if_it_was_asked_for_and_else_the_next_free_one_is_used() {
    // Another test or program may have the usual port for a while.
    let mut taken = None;
    while taken.is_none() {
        taken = TcpListener::bind("127.0.0.1:8788").await.ok();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let home = Home::new();
    let relay = Running::start_as(&home, &["dev"]).await;
    assert_ne!(relay.url, "http://127.0.0.1:8788");
    let notice = relay.line(|line| line.contains("8788 is taken")).await;
    let export = format!("export RELAY_URL={}", relay.url);
    assert!(notice.contains(&export), "{notice}");
    assert!(relay.client().get("/v1/sources").await.is_object());
    let port = relay.url.rsplit(':').next().expect("a port");
    let other = Home::new();
    let output = command(&other.0, &["dev", "--port", port]).output().await.expect("ran");
    let why = said(&output, 1);
    assert!(why.contains(&format!("cannot listen on port {port}")), "{why}");
    assert!(why.contains("leave --port out"), "{why}");
    // A second relay over the same data is refused whatever its port is.
    let output = command(&home.0, &["dev"]).output().await.expect("ran");
    said(&output, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stderr, reason = "a measurement")]
async fn the_demonstration_delivers_an_event_every_second_and_leaves_no_endpoint() {
    let home = Home::new();
    let began = Instant::now();
    let mut relay = Running::start(&home, &["--demo"]).await;
    relay.line(|line| line.contains("demonstration") && line.contains("/in/demo")).await;
    relay.line(|line| line.contains(" out ") && line.contains(" 204 ")).await;
    let first = began.elapsed();
    eprintln!("from start to the first delivered event: {first:?}");
    let delivered = |lines: &[String]| {
        lines.iter().filter(|line| line.contains(" out ") && line.contains("job.succeeded")).count()
    };
    let third = async {
        while delivered(&relay.lines()) < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), third).await.expect("one a second");
    let client = relay.client();
    let endpoint = "/api/v1/app/default/endpoint/relay-dev-demo";
    assert!(client.get(endpoint).await.is_object());
    relay.stop().await;
    let relay = Running::start(&home, &[]).await;
    let gone = relay.client().call(http::Method::GET, endpoint, None).await;
    assert_eq!(gone.0.as_u16(), 404, "{gone:?}");
}
