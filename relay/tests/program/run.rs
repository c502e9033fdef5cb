//! `relay run`: a command is a job, and nothing that happens to the relay reaches the command.

use std::{
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use axum::{
    Router,
    http::{Method, StatusCode},
};
use relay::dev::{Bundle, Settings};
use serde_json::{Value, json};
use tests::client::Client;
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    process::{Child, Command},
};

/// The most that a command's run may take longer because of the relay, and what a busy machine needs.
const AT_MOST: Duration = Duration::from_millis(2000 + 1500);

async fn start() -> (Bundle, Client) {
    let bundle = Bundle::start(Settings::fresh()).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    let source = json!({ "profile": "modal-mesh", "secrets": ["a-secret-of-24-characters"] });
    let put = client.call(Method::PUT, "/v1/sources/local", Some(source)).await;
    assert!(put.0.is_success(), "{put:?}");
    (bundle, client)
}

/// `relay run` of a shell's script.
fn command(url: &str, key: &str, args: &[&str], script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.arg("run").args(args).args(["--", "sh", "-c", script]);
    command.env("RELAY_URL", url).env("RELAY_ADMIN_KEY", key).stdin(Stdio::null());
    command.kill_on_drop(true);
    command
}

async fn run(bundle: &Bundle, args: &[&str], script: &str) -> Output {
    let mut command = command(&bundle.url(), bundle.admin_key(), args, script);
    command.output().await.expect("the binary runs")
}

/// Runs a script beside an address at which no relay answers. Returns the time that it took, too.
async fn run_alone(url: &str, script: &str) -> (Output, Duration) {
    let began = Instant::now();
    let output = command(url, "rk_admin_nobody", &["--job", "alone"], script).output();
    (output.await.expect("the binary runs"), began.elapsed())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The messages of a stream of a job's log, with the holes in it.
async fn log(client: &Client, job: &str, stream: &str) -> Vec<Value> {
    let log = client.get(&format!("/v1/jobs/{job}/logs?after=0")).await;
    let lines = log["data"].as_array().expect("lines").iter();
    let lines = lines.filter(|line| line["stream"] == stream);
    lines.map(|line| json!([line["seq"], line["message"]])).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_10_a_command_s_output_is_its_job_s_log_and_its_exit_code_the_end() {
    let (bundle, client) = start().await;
    let args = ["--job", "one", "--project", "p", "--batch", "b", "--deadline", "60"];
    let script = "printf 'one\\ncaf\\351\\n 1%%\\r50%%\\r99%%\\nrest'; echo oops >&2";
    let output = run(&bundle, &args, script).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(output.stdout, b"one\ncaf\xe9\n 1%\r50%\r99%\nrest", "as the command wrote it");
    assert_eq!(text(&output.stderr), "oops\n", "nothing of relay's own");
    let job = client.until("/v1/jobs/local-one", |job| job["status"] == "succeeded").await;
    assert_eq!(
        json!([job["source"], job["project_id"], job["batch_id"], job["external_id"]]),
        json!(["local", "p", "b", "local-one"])
    );
    assert!(job["registered_at"].is_string() && job["deadline_at"].is_string(), "{job}");
    let result = client.get("/v1/jobs/local-one/result").await;
    assert_eq!(result, json!({ "exit_code": 0 }));
    assert_eq!(
        log(&client, "local-one", "stdout").await,
        [json!([1, "one"]), json!([2, "caf\u{fffd}"]), json!([3, "99%"]), json!([4, "rest"])]
    );
    assert_eq!(log(&client, "local-one", "stderr").await, [json!([1, "oops"])]);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_fails_is_a_job_that_failed() {
    let (bundle, client) = start().await;
    for (script, code, why) in [
        ("exit 7", 7, "the command exited with code 7"),
        ("kill -KILL $$", 137, "signal 9 ended the command"),
    ] {
        let output = run(&bundle, &[], script).await;
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = text(&output.stderr);
        let job = said.strip_prefix("relay: job ").expect("its id").trim().to_owned();
        assert!(job.starts_with("local-"), "{said}");
        let job = client.until(&format!("/v1/jobs/{job}"), |job| job["status"] == "failed").await;
        assert!(job["events"].to_string().contains("job.failed"), "{job}");
        let events = client.get("/v1/events").await;
        let event = events["data"][0]["id"].as_str().expect("an event").to_owned();
        let event = client.get(&format!("/v1/events/{event}")).await;
        assert!(event.to_string().contains(why), "{event}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_lines_arrive_in_order() {
    let (bundle, client) = start().await;
    let script = "seq 1 3000; echo end >&2; sleep 1";
    let output = run(&bundle, &["--job", "many"], script).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    client.until("/v1/jobs/local-many", |job| job["status"] == "succeeded").await;
    let mut seen = Vec::new();
    let mut after = 0;
    while after < 3000 {
        let page = client.get(&format!("/v1/jobs/local-many/logs?after={after}")).await;
        let lines = page["data"].as_array().expect("lines").iter();
        let lines: Vec<_> = lines.filter(|line| line["stream"] == "stdout").cloned().collect();
        after = lines.last().and_then(|line| line["seq"].as_u64()).expect("a line");
        seen.extend(lines.into_iter().map(|line| line["message"].clone()));
    }
    let want: Vec<_> = (1..=3000).map(|number| json!(number.to_string())).collect();
    assert!(seen == want, "{} lines, {:?} to {:?}", seen.len(), seen.first(), seen.last());
    bundle.stop().await;
}

/// Reads from a command's output until this text has come.
async fn until_said(child: &mut Child, wanted: &[u8]) -> Vec<u8> {
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    let stdout = child.stdout.as_mut().expect("piped");
    while !said.windows(wanted.len()).any(|part| part == wanted) {
        let read = stdout.read(&mut buffer);
        let count = tokio::time::timeout(Duration::from_secs(30), read).await;
        let count = count.expect("in time").expect("read");
        assert_ne!(count, 0, "the output ended with {said:?}");
        said.extend_from_slice(&buffer[..count]);
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_reaches_the_command_and_what_it_shows_meanwhile_the_terminal() {
    let (bundle, client) = start().await;
    for (signal, job) in [("TERM", "term"), ("INT", "int")] {
        let script = format!(
            "trap 'echo bye; exit 9' {signal}; printf '10%%\\r'; while :; do sleep 0.1; done"
        );
        let mut command = command(&bundle.url(), bundle.admin_key(), &["--job", job], &script);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        // A progress bar has no line break.
        assert_eq!(until_said(&mut child, b"10%\r").await, b"10%\r");
        let pid = child.id().expect("runs").to_string();
        let killed = Command::new("kill").args([&format!("-{signal}"), &pid]).status().await;
        assert!(killed.expect("kill runs").success());
        assert_eq!(until_said(&mut child, b"bye\n").await, b"bye\n");
        assert_eq!(child.wait().await.expect("ends").code(), Some(9));
        let path = format!("/v1/jobs/local-{job}");
        client.until(&path, |job| job["status"] == "failed").await;
        let log = log(&client, &format!("local-{job}"), "stdout").await;
        assert_eq!(log, [json!([1, "bye"])], "{log:?}");
    }
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_down_fails_or_slows_no_command() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed_url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let hangs = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hangs_url = format!("http://{}", hangs.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = hangs.accept().await {
            open.push(connection);
        }
    });
    let fails = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let fails_url = format!("http://{}", fails.local_addr().expect("an address"));
    let failing = Router::new().fallback(async || StatusCode::INTERNAL_SERVER_ERROR);
    tokio::spawn(async move { axum::serve(fails, failing).await });
    let refuses = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let refuses_url = format!("http://{}", refuses.local_addr().expect("an address"));
    let refusing = Router::new().fallback(async || StatusCode::UNAUTHORIZED);
    tokio::spawn(async move { axum::serve(refuses, refusing).await });
    // More lines than are kept, faster than any relay takes them.
    let script = "seq 1 200000 >&2; echo done; sleep 1; exit 5";
    for url in [&closed_url, &hangs_url, &fails_url, &refuses_url] {
        let (output, took) = run_alone(url, script).await;
        assert_eq!(output.status.code(), Some(5), "{url}");
        assert_eq!(text(&output.stdout), "done\n");
        assert!(took < Duration::from_secs(1) + AT_MOST, "{took:?} at {url}");
        let stderr = text(&output.stderr);
        let ours: Vec<_> = stderr.lines().filter(|line| line.starts_with("relay: ")).collect();
        let whole = stderr.lines().filter(|line| !line.starts_with("relay: ")).count();
        assert_eq!(whole, 200_000, "the terminal gets every line");
        // What is wrong once, unless it was still being waited for, and what was lost.
        let end = "relay: job local-alone: the relay was not told how it ended, and 200001 lines are \
                   missing in its log";
        assert_eq!(ours.last(), Some(&end), "{ours:?}");
        assert!(ours.len() <= 2, "{ours:?}");
        if *url != hangs_url {
            assert!(ours[0].ends_with("; the command runs on"), "{ours:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_left_behind_holds_up_nobody() {
    let (bundle, client) = start().await;
    let began = Instant::now();
    let output = run(&bundle, &["--job", "left"], "sleep 30 & echo hi").await;
    assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "hi\n".to_owned()));
    client.until("/v1/jobs/local-left", |job| job["status"] == "succeeded").await;
    assert_eq!(log(&client, "local-left", "stdout").await, [json!([1, "hi"])]);
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_is_no_job() {
    let (bundle, client) = start().await;
    for (program, code) in [("/nonexistent/program", 127), ("/", 126)] {
        let mut relay = Command::new(env!("CARGO_BIN_EXE_relay"));
        relay.env("RELAY_URL", bundle.url()).env("RELAY_ADMIN_KEY", bundle.admin_key());
        let output = relay.args(["run", "--", program]).output().await.expect("runs");
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let why = text(&output.stderr);
        assert!(why.starts_with(&format!("relay: cannot run {program}: ")), "{why}");
    }
    assert_eq!(client.get("/v1/jobs").await["data"], json!([]));
    bundle.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_cannot_say_how_a_job_ended_is_told_and_the_log_is_kept() {
    let (bundle, client) = start().await;
    let source = json!({ "profile": "github", "secrets": ["a-secret-of-24-characters"] });
    client.call(Method::PUT, "/v1/sources/git", Some(source)).await;
    let output = run(&bundle, &["--job", "x", "--source", "git"], "echo hi; exit 2").await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("its profile github has no words for it"), "{said}");
    assert!(said.contains("was not told how it ended\n"), "{said}");
    assert_eq!(log(&client, "local-x", "stdout").await, [json!([1, "hi"])]);
    // Without a name it is one of two.
    let output = run(&bundle, &["--job", "y"], "exit 2").await;
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("must be named"), "{said}");
    bundle.stop().await;
}
