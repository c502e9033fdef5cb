//! `relay dev` as its owner starts and ends it: keys, file modes, signals, and connections that say
//! nothing.

use std::{
    io::{ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use http::Method;
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use serde_json::json;
use tests::{client::Client, receiver::Receiver};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
};

const KEY: &str = "a key of my own that is long enough";

/// A data directory, removed at the end of a test that passed.
struct Data(PathBuf);

impl Data {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("relay-dev-{}", adapters::random::token())))
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(["dev", "--port", "0", "--sweep-every", "200ms", "--data"]).arg(data);
    command.env("RUST_LOG", "error").env_remove("RELAY_ADMIN_KEY").kill_on_drop(true);
    command.env_remove("ALLOWED_ORIGINS").env_remove("PORTAL_FRAME_ANCESTORS");
    command
}

/// A relay in a process of its own.
struct Relay {
    child: Child,
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    printed: String,
}

impl Relay {
    async fn start(data: &Path) -> Self {
        Self::run(command(data)).await
    }

    async fn run(mut command: Command) -> Self {
        let mut child = command
            .env("RELAY_ADMIN_KEY", KEY)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut relay = Self { child, url: String::new(), lines, printed: String::new() };
        relay.read_until("Read the state").await;
        let after = relay.printed.split("API and senders").nth(1).expect("the URL");
        relay.url = after.split_whitespace().next().expect("the URL").to_owned();
        relay
    }

    /// Reads what it prints, up to a line that contains `text`.
    async fn read_until(&mut self, text: &str) {
        loop {
            let line = self.lines.next_line().await.expect("readable").expect("it prints");
            self.printed += &line;
            self.printed.push('\n');
            if line.contains(text) {
                return;
            }
        }
    }

    fn client(&self) -> Client {
        Client::new(&self.url, KEY)
    }

    fn terminate(&self) {
        let id = self.child.id().expect("running").try_into().expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), Signal::TERM).expect("a signal");
    }
}

/// A subscriber that accepts connections and never answers; its URL and how many it accepted.
async fn hung() -> (String, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (count, counted) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
            count.send_replace(open.len());
        }
    });
    (url, counted)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_text_of_24_characters_is_an_admin_key_and_is_not_printed() {
    let data = Data::new();
    let mut relay = Relay::start(&data.0).await;
    assert!(relay.client().get("/v1/keys").await.is_object());
    relay.terminate();
    while let Some(line) = relay.lines.next_line().await.expect("readable") {
        relay.printed += &line;
    }
    assert!(!relay.printed.contains(KEY), "{}", relay.printed);
    assert!(!data.0.join("admin.key").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_to_the_dashboard_is_printed_first_and_its_code_works_once() {
    let data = Data::new();
    let relay = Relay::start(&data.0).await;
    let first = relay.printed.lines().filter(|line| !line.is_empty()).nth(1).expect("a line");
    let link = first.split_whitespace().find(|word| word.starts_with("http")).expect("a link");
    let (page, code) = link.split_once("/#code=").expect("a code behind the page");
    assert_eq!((page, first.trim_start().starts_with("page ")), (relay.url.as_str(), true));
    let client = Client::new(&relay.url, "none");
    let (status, session) =
        client.call(Method::POST, "/v1/sessions", Some(json!({ "code": code }))).await;
    assert_eq!(status, 201, "{session}");
    assert_eq!(session["scope"], "admin");
    let (status, _) =
        client.call(Method::POST, "/v1/sessions", Some(json!({ "code": code }))).await;
    assert_eq!(status, 403);
    let token = session["token"].as_str().expect("a session");
    let current = Client::new(&relay.url, token).get("/v1/sessions/current").await;
    assert_eq!(current["relay"]["url"], relay.url.as_str());
    let live = format!("{}/live", relay.url.replacen("http", "ws", 1));
    assert_eq!(current["relay"]["live_url"], live);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_dashboard_no_link_is_printed() {
    let data = Data::new();
    let mut command = command(&data.0);
    command.arg("--no-dashboard");
    let relay = Relay::run(command).await;
    assert!(!relay.printed.contains("#code="), "{}", relay.printed);
    let (status, _) = relay.client().call(Method::GET, "/", None).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_short_admin_key_is_refused_at_start_with_the_reason() {
    for short in ["my-key-of-23-characters", "rk_admin_a"] {
        let data = Data::new();
        let output = command(&data.0).env("RELAY_ADMIN_KEY", short).output().await.expect("ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("at least 24"), "{said}");
        assert!(!said.contains(short) && output.stdout.is_empty(), "{said}");
    }
}

#[tokio::test]
async fn an_origin_that_is_none_is_refused_at_start_with_the_reason() {
    for (origins, why) in [("*", "wildcards"), ("https://app.example/", "without a slash")] {
        let data = Data::new();
        let mut command = command(&data.0);
        let output = command.args(["--allowed-origins", origins]).output().await.expect("ran");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
        assert!(said.contains("--allowed-origins"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_an_allowed_origin_may_call_the_api_and_nothing_beside_it() {
    let data = Data::new();
    let mut command = command(&data.0);
    command.env("ALLOWED_ORIGINS", "https://app.example,http://localhost:5173");
    let relay = Relay::run(command).await;
    let preflight = async |path: &str, origin: &str| {
        let address = relay.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!(
            "OPTIONS {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer.to_lowercase()
    };
    for origin in ["https://app.example", "http://localhost:5173"] {
        let answer = preflight("/v1/live/tokens", origin).await;
        assert!(answer.starts_with("http/1.1 204 "), "{answer}");
        assert!(answer.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{answer}");
        assert!(answer.contains("access-control-allow-methods: post\r\n"), "{answer}");
        assert!(!answer.contains("credentials"), "{answer}");
        for path in ["/in/modal", "/api/v1/app", "/health", "/openapi.json"] {
            let answer = preflight(path, origin).await;
            assert!(!answer.contains("access-control"), "{path}: {answer}");
        }
    }
    let other = preflight("/v1/live/tokens", "https://evil.example").await;
    assert!(!other.contains("access-control") && other.contains("vary: origin\r\n"), "{other}");
}

/// Every file and directory in `directory`, and itself, with its mode.
fn modes(directory: &Path, found: &mut Vec<(PathBuf, u32)>) {
    let mode = |path: &Path| std::fs::metadata(path).map(|it| it.permissions().mode() & 0o777);
    found.push((directory.to_owned(), mode(directory).expect("there")));
    for entry in std::fs::read_dir(directory).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            modes(&path, found);
        } else if let Ok(mode) = mode(&path) {
            found.push((path, mode));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_owner_can_read_what_a_relay_writes() {
    let data = Data::new();
    let relay = Relay::start(&data.0).await;
    let receiver = Receiver::start().await;
    let client = relay.client();
    client.post("/api/v1/app/default/endpoint", json!({ "url": receiver.url("/") })).await;
    let large = json!({ "eventType": "a.b", "payload": { "text": "x".repeat(40_000) } });
    client.post("/api/v1/app/default/msg", large).await;
    receiver.wait_for(1).await;
    let mut found = Vec::new();
    modes(&data.0, &mut found);
    assert!(9 < found.len(), "{found:?}");
    for (path, mode) in found {
        let want = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, want, "{}: {mode:o}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_a_relay_within_ten_seconds_though_a_call_hangs_and_nothing_is_lost() {
    let data = Data::new();
    let mut relay = Relay::start(&data.0).await;
    let (url, mut called) = hung().await;
    let client = relay.client();
    // The longest call, so that its end is not what is waited for.
    let endpoint = json!({ "url": url, "uid": "hung", "timeoutSeconds": 300 });
    client.post("/api/v1/app/default/endpoint", endpoint).await;
    let message = json!({ "eventType": "a.b", "payload": {} });
    let id = client.post("/api/v1/app/default/msg", message).await["id"].clone();
    called.wait_for(|calls| *calls == 1).await.expect("called");
    // A request of which half came must not hold it either.
    let half = std::net::TcpStream::connect(relay.url.trim_start_matches("http://")).expect("open");
    let began = Instant::now();
    relay.terminate();
    let status = tokio::time::timeout(Duration::from_secs(20), relay.child.wait()).await;
    assert!(status.expect("it ended").expect("a status").success());
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());
    drop(half);

    let relay = Relay::start(&data.0).await;
    let event = relay.client().get(&format!("/v1/events/{}", id.as_str().expect("an id"))).await;
    assert_eq!(event["deliveries"][0]["state"], "pending", "{event}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_relay_at_once() {
    let data = Data::new();
    let mut relay = Relay::start(&data.0).await;
    let (url, mut called) = hung().await;
    let client = relay.client();
    let endpoint = json!({ "url": url, "timeoutSeconds": 300 });
    client.post("/api/v1/app/default/endpoint", endpoint).await;
    client.post("/api/v1/app/default/msg", json!({ "eventType": "a.b", "payload": {} })).await;
    called.wait_for(|calls| *calls == 1).await.expect("called");
    relay.terminate();
    relay.read_until("stopping").await;
    let began = Instant::now();
    relay.terminate();
    let status = relay.child.wait().await.expect("a status");
    assert_eq!(status.code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_hundred_half_open_connections_are_closed_and_delay_nobody() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("more files");
    let data = Data::new();
    let relay = Relay::start(&data.0).await;
    let (address, client) = (relay.url.trim_start_matches("http://"), relay.client());
    let head = "POST /in/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n";
    let parts = ["", "POST /in/demo HTTP/1.1\r\n", head];
    let mut open: Vec<_> = (0..900)
        .map(|n| {
            let mut stream = std::net::TcpStream::connect(address).expect("connected");
            std::io::Write::write_all(&mut stream, parts[n % 3].as_bytes()).expect("sent");
            stream
        })
        .collect();
    let began = Instant::now();
    client.get("/v1/sources").await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for stream in &mut open {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        let closed = stream.read_to_end(&mut Vec::new());
        assert!(
            closed.as_ref().is_ok()
                || closed.as_ref().is_err_and(|it| it.kind() == ErrorKind::ConnectionReset),
            "{closed:?}"
        );
    }
    client.get("/v1/sources").await;
}
