//! Commands that print events and lines as they happen: `relay tail` and `relay logs -f`.

use std::time::Duration;

use local::WebSocketLimits;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout},
};

use super::*;

/// The longest time that a test waits for a line.
const LONG: Duration = Duration::from_secs(30);

/// A command that prints until it is stopped.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    notes: Lines<BufReader<ChildStderr>>,
}

impl Following {
    fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let notes = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Self { child, lines, notes }
    }

    async fn line(&mut self) -> String {
        let line =
            tokio::time::timeout(LONG, self.lines.next_line()).await.expect("a line in time");
        line.expect("read").expect("a line")
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(&self.line().await).expect("JSON")
    }

    /// Waits for a note that contains a text.
    async fn noted(&mut self, text: &str) {
        loop {
            let note =
                tokio::time::timeout(LONG, self.notes.next_line()).await.expect("a note in time");
            if note.expect("read").expect("a note").contains(text) {
                return;
            }
        }
    }

    /// Presses Ctrl-C, and returns the exit code and the rest of what was printed.
    async fn interrupt(mut self) -> (Option<i32>, Vec<String>) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        kill_process(pid.expect("it runs"), Signal::INT).expect("sent");
        let mut rest = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("read") {
            rest.push(line);
        }
        (self.child.wait().await.expect("ends").code(), rest)
    }
}

async fn publish(client: &Client, kind: &str, number: usize) -> String {
    let body = json!({ "eventType": kind, "payload": { "n": number } });
    let made = client.post("/api/v1/app/default/msg", body).await;
    made["id"].as_str().expect("an id").replace("msg_", "evt_")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_prints_events_that_fit_as_they_come_and_ends_with_ctrl_c() {
    let (bundle, client, home) = start().await;
    client.get("/api/v1/app/default").await;
    let args = ["tail", "--application", "default", "--type", "order.*", "--json"];
    let mut tail = Following::start(home.at(&bundle.url(), bundle.admin_key(), &args));
    tail.noted("listening").await;
    // The parts of the relay learn within two seconds that somebody watches; what comes before that is
    // not pushed.
    let mut number = 0;
    let first = loop {
        let id = publish(&client, "order.first", number).await;
        number += 1;
        match tokio::time::timeout(Duration::from_millis(300), tail.lines.next_line()).await {
            Ok(line) => break line.expect("read").expect("a line"),
            Err(_) => assert!(number < 100, "nothing is pushed, {id}"),
        }
    };
    assert!(first.contains("order.first"), "{first}");
    for number in 0..20 {
        let id = publish(&client, "order.paid", number).await;
        loop {
            let event = tail.json().await;
            if event["type"] == "order.first" {
                continue;
            }
            assert_eq!(
                json!([event["kind"], event["type"], event["id"]]),
                json!(["event", "order.paid", id])
            );
            break;
        }
    }
    let (code, rest) = tail.interrupt().await;
    assert_eq!((code, rest), (Some(130), vec![]));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tail_connects_again_and_lists_once_what_it_missed() {
    let mut settings = Settings::fresh();
    // Connections break every second.
    settings.websocket_limits =
        WebSocketLimits { life: Duration::from_secs(1), ..WebSocketLimits::default() };
    let (bundle, client, home) = start_with(settings).await;
    client.get("/api/v1/app/default").await;
    publish(&client, "order.before", 0).await;
    let args = ["tail", "--application", "default", "--json", "--events-only", "-n", "1"];
    let mut tail = Following::start(home.at(&bundle.url(), bundle.admin_key(), &args));
    assert_eq!(tail.json().await["type"], "order.before");
    let mut sent = Vec::new();
    for number in 0..40 {
        sent.push(publish(&client, "order.paid", number).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut heard = Vec::new();
    while heard.len() < sent.len() {
        heard.push(tail.json().await["id"].as_str().expect("an id").to_owned());
    }
    heard.sort();
    sent.sort();
    assert_eq!(heard, sent, "each once");
    tail.noted("connecting again").await;
    let (_, rest) = tail.interrupt().await;
    assert!(rest.is_empty(), "{rest:?}");
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_job_is_printed_and_followed_to_its_end() {
    let (bundle, client, home) = start().await;
    let (url, key) = (bundle.url(), bundle.admin_key());
    let source = json!({ "profile": "modal-mesh", "secrets": ["a-secret-of-24-characters"] });
    client.call(http::Method::PUT, "/v1/sources/mesh", Some(source)).await;
    for job in ["job-1", "job-2"] {
        client.post("/v1/jobs", json!({ "id": job, "source": "mesh" })).await;
    }
    let lines = async |job: &str, first: usize, lines: &[&str]| {
        let body = json!({ "stream": "stdout", "first_seq": first, "lines": lines });
        client.post(&format!("/v1/jobs/{job}/logs"), body).await
    };
    let ended = async |job: &str, status: &str| {
        let body = json!({ "body": { "job_id": job, "status": status, "error": "no elements" } });
        client.post("/v1/sources/mesh/inject", body).await;
    };
    lines("job-1", 1, &["\u{1b}[31mred\u{1b}[0m", "\u{1b}[2Jcleared", "three"]).await;
    let printed = well(&run(home.at(&url, key, &["logs", "job-1"])).await);
    assert_eq!(printed, "\\x1b[31mred\\x1b[0m\n\\x1b[2Jcleared\nthree\n");
    let raw = well(&run(home.at(&url, key, &["logs", "job-1", "--raw", "--limit", "2"])).await);
    assert_eq!(raw, "\u{1b}[2Jcleared\nthree\n");
    let all = json_lines(&run(home.at(&url, key, &["logs", "job-1", "--all", "--json"])).await);
    assert_eq!((all.len(), &all[2]["message"]), (3, &json!("three")));
    let mut follow = Following::start(home.at(&url, key, &["logs", "job-1", "-f"]));
    for _ in 0..2 {
        follow.line().await;
    }
    assert_eq!(follow.line().await, "three");
    for number in 4..60 {
        lines("job-1", number, &[&format!("line {number}")]).await;
    }
    for number in 4..60 {
        assert_eq!(follow.line().await, format!("line {number}"));
    }
    ended("job-1", "completed").await;
    assert_eq!(follow.lines.next_line().await.expect("read"), None);
    assert_eq!(follow.child.wait().await.expect("ends").code(), Some(0));
    ended("job-2", "failed").await;
    client.until("/v1/jobs/job-2", |job| job["status"] == "failed").await;
    let failed = run(home.at(&url, key, &["logs", "job-2", "-f"])).await;
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    for follow in [&["logs", "nobody"][..], &["logs", "nobody", "-f"]] {
        let output = run(home.at(&url, key, follow)).await;
        assert_eq!(output.status.code(), Some(3), "{output:?}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_ends_what_follows_with_it() {
    let mut settings = Settings::fresh();
    settings.websocket_limits =
        WebSocketLimits { life: Duration::from_secs(1), ..WebSocketLimits::default() };
    let (bundle, client, home) = start_with(settings).await;
    client.get("/api/v1/app/default").await;
    let body = json!({ "name": "r", "scope": "read", "application": "default" });
    let made = client.post("/v1/keys", body).await;
    let key = made["key"].as_str().expect("a key");
    let unknown = run(home.at(&bundle.url(), "rk_wrong", &["tail"])).await;
    assert_eq!(unknown.status.code(), Some(4), "{unknown:?}");
    let mut tail = Following::start(home.at(&bundle.url(), key, &["tail"]));
    tail.noted("listening").await;
    let path = format!("/v1/keys/{}", made["id"].as_str().expect("an id"));
    assert!(client.call(http::Method::DELETE, &path, None).await.0.is_success());
    // The connection lives for a second, and the next one needs a ticket.
    let ended = tokio::time::timeout(LONG, tail.child.wait()).await.expect("in time");
    assert_eq!(ended.expect("ends").code(), Some(4));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_live_updates_is_told_so_and_is_not_polled() {
    let fake = recorded::Fake::start(|_| (404, "{\"detail\":\"Not Found\"}".to_owned())).await;
    let home = Home::new();
    let output = run(home.at(&fake.url(), "rk_x", &["tail"])).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stderr(&output).contains("no live updates"), "{output:?}");
    assert_eq!(fake.asked(), ["POST /v1/live/tickets"]);
}
