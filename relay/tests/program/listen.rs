//! `relay listen`, the binary, against a relay in this process: killed again and again, forwarding, refused.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use domain::secret::Secret;
use http::Method;
use relay::dev::{Bundle, Settings};
use serde_json::{Value, json};
use tests::{client::Client, receiver::Receiver, sender, shown, sizes::size};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// The longest time that a test waits for something.
const LONG: Duration = Duration::from_secs(120);
/// Deliveries for each time that the program is killed.
const FOR_EACH_KILL: usize = 25;

/// A relay with the application `acme`.
async fn relay() -> (Bundle, Client) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("started");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    client.post("/api/v1/app", json!({ "name": "acme", "uid": "acme" })).await;
    (bundle, client)
}

/// `relay listen` with these arguments.
fn listen(bundle: &Bundle, arguments: &[&str]) -> Child {
    command(bundle, arguments).spawn().expect("the binary starts")
}

fn command(bundle: &Bundle, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command
        .args(["listen", "--name", "ann", "--application", "acme", "--url", &bundle.url()])
        .args(arguments)
        .env("RELAY_KEY", bundle.admin_key())
        .env_remove("RELAY_CONTEXT")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn publish(client: &Client, number: usize) {
    let message = json!({ "eventType": "order.paid", "payload": { "n": number } });
    client.post("/api/v1/app/acme/msg", message).await;
}

/// The listener, once this is true of it.
async fn until(client: &Client, fits: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        loop {
            let list = client.get("/v1/listeners").await;
            if fits(&list["data"][0]) {
                return list["data"][0].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, wait).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_loses_no_delivery() {
    // Twenty kills take a minute.
    let kills = size("LISTENER_KILLS", 6);
    let deliveries = kills * FOR_EACH_KILL;
    let (bundle, client) = relay().await;
    let receiver = Receiver::start().await;
    let port = receiver.url("/hook");
    let made =
        client.call(Method::PUT, "/v1/listeners/ann", Some(json!({ "application": "acme" })));
    let (_, made) = made.await;
    let endpoint = made["endpoint_id"].as_str().expect("an id").to_owned();
    // A claim without an answer ends after half a minute instead of a whole one.
    let path = format!("/api/v1/app/acme/endpoint/{endpoint}");
    let policy = json!({ "timeoutSeconds": 5 });
    let (status, answer) = client.call(Method::PATCH, &path, Some(policy)).await;
    assert!(status.is_success(), "{answer}");
    // Nobody reads what it prints.
    let quiet = || {
        let mut command = command(&bundle, &["--forward-to", &port]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    for kill in 0..kills {
        let mut program = quiet().spawn().expect("the binary starts");
        for number in 0..FOR_EACH_KILL {
            publish(&client, kill * FOR_EACH_KILL + number).await;
        }
        until(&client, |listener| listener["connected"] == true).await;
        tokio::time::sleep(Duration::from_millis(10 * (kill as u64 % 7))).await;
        // SIGKILL.
        program.kill().await.expect("killed");
    }
    let _program = quiet().spawn().expect("the binary starts");
    let arrived = || {
        let ids = receiver.received();
        ids.iter().map(|request| request.header("webhook-id").to_owned()).collect::<BTreeSet<_>>()
    };
    let all_are_concluded = async {
        loop {
            let path = format!("/api/v1/app/acme/endpoint/{endpoint}/stats");
            let stats = client.get(&path).await;
            if stats["success"] == deliveries {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let stats = timeout(LONG, all_are_concluded).await.expect("all are concluded");
    assert_eq!((&stats["fail"], &stats["pending"]), (&json!(0), &json!(0)), "{stats}");
    assert_eq!(arrived().len(), deliveries, "each arrived");
    let calls = receiver.received().len();
    let again = calls - deliveries;
    shown!("relay listen: {deliveries} deliveries, {kills} kills: 0 lost, {again} called again");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_forwarded_with_a_signature_that_the_printed_secret_verifies() {
    let (bundle, client) = relay().await;
    let receiver = Receiver::start().await;
    let secret = listen(&bundle, &["--print-secret"]).wait_with_output().await.expect("ended");
    assert!(secret.status.success(), "{secret:?}");
    let secret = String::from_utf8(secret.stdout).expect("text");
    let secret = Secret::new(secret.trim());
    // What comes before anybody listens, and a body that is too large for a message.
    publish(&client, 1).await;
    let large = json!({ "eventType": "order.paid", "payload": { "text": "x".repeat(200_000) } });
    client.post("/api/v1/app/acme/msg", large).await;
    let forward = receiver.url("/hook");
    let mut program =
        listen(&bundle, &["--forward-to", &forward, "--headers", "x-tenant: acme", "--json"]);
    let mut lines = BufReader::new(program.stdout.take().expect("piped")).lines();
    for _ in 0..2 {
        let line = timeout(LONG, lines.next_line()).await.expect("in time").expect("read");
        let line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert_eq!((&line["type"], &line["status"]), (&json!("order.paid"), &json!(200)));
        assert_eq!((&line["attempt"], &line["error"]), (&json!(1), &Value::Null));
    }
    for request in receiver.received() {
        assert_eq!((request.path.as_str(), request.header("x-tenant")), ("/hook", "acme"));
        assert!(request.verifies(&secret), "{request:?}");
    }
    let done = until(&client, |listener| listener["waiting"] == 0).await;
    assert_eq!(done["connected"], true);
    // A second program of the name ends the first.
    let second = listen(&bundle, &["--forward-to", &forward]);
    let first = timeout(LONG, program.wait_with_output()).await.expect("in time").expect("ended");
    assert_eq!(first.status.code(), Some(1));
    let said = String::from_utf8(first.stderr).expect("text");
    assert!(said.contains("another relay listen took over the name ann"), "{said}");
    drop(second);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_ends_with_the_server_s_answer_and_a_key_that_may_not_listen_is_refused() {
    let (bundle, client) = relay().await;
    let receiver = Receiver::start().await;
    for (status, code) in [(200, 0), (500, 1)] {
        receiver.answer(status);
        let program = listen(&bundle, &["--forward-to", &receiver.url("/hook"), "--once"]);
        until(&client, |listener| listener["connected"] == true).await;
        publish(&client, 1).await;
        let ended =
            timeout(LONG, program.wait_with_output()).await.expect("in time").expect("ended");
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        let said = String::from_utf8(ended.stdout).expect("text");
        assert!(said.contains(&status.to_string()) && said.contains("order.paid"), "{said}");
    }
    // The relay heard the failure, and tries again.
    let key = json!({ "name": "reader", "scope": "read" });
    let (_, key) = client.call(Method::POST, "/v1/keys", Some(key)).await;
    let mut refused = Command::new(env!("CARGO_BIN_EXE_relay"));
    refused.args(["listen", "--name", "ann", "--url", &bundle.url()]);
    refused.env("RELAY_KEY", key["key"].as_str().expect("a key"));
    let refused = refused.output().await.expect("ended");
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    for (arguments, says) in [
        (["--name", "a b"], "--name"),
        (["--forward-to", "ftp://a/"], "--forward-to"),
        (["--filter", "{"], "--filter"),
        (["--headers", "host: a"], "--headers"),
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_relay"))
            .args(["listen", "--url", &bundle.url()])
            .args(arguments)
            .env("RELAY_KEY", bundle.admin_key())
            .output()
            .await
            .expect("ended");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && said.contains(says), "{arguments:?}: {said}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raw_request_is_forwarded_as_its_sender_sent_it() {
    let (bundle, client) = relay().await;
    let receiver = Receiver::start().await;
    let source =
        json!({ "profile": "modal-omtx", "secrets": [sender::SECRET], "application": "acme" });
    let (status, answer) = client.call(Method::PUT, "/v1/sources/modal", Some(source)).await;
    assert!(status.is_success(), "{answer}");
    let arguments =
        ["--forward-to", &receiver.url("/hook"), "--raw", "--headers", "x-tenant: acme"];
    let program = listen(&bundle, &arguments);
    until(&client, |listener| listener["connected"] == true).await;
    let body = sender::completion("c1", "success", "{\"n\": 1}");
    let mut headers = sender::headers(&body, bundle.clock().now());
    headers.insert("x-of-sender", "kept".parse().expect("a header"));
    let sent = client.send(Method::POST, "/in/modal", headers, body.clone()).await;
    let sent = sent.expect("answered");
    assert!(sent.0.is_success(), "{sent:?}");
    let arrived = async {
        loop {
            if let Some(request) = receiver.received().into_iter().next() {
                return request;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let request = timeout(LONG, arrived).await.expect("in time");
    assert_eq!(request.body, body, "the sender's bytes, and not the relay's notice");
    assert_eq!((request.header("x-of-sender"), request.header("x-tenant")), ("kept", "acme"));
    assert_eq!(request.header("x-modal-signature"), "", "the relay keeps a mask of it only");
    assert!(request.header("webhook-id").starts_with("evt_"), "{request:?}");
    // An event that came by no request is forwarded as the notice that it is.
    publish(&client, 1).await;
    let both = async {
        while receiver.received().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, both).await.expect("in time");
    let notice = String::from_utf8(receiver.received()[1].body.to_vec()).expect("text");
    assert_eq!(notice, "{\"n\":1}");
    drop(program);
    bundle.stop().await;
}
