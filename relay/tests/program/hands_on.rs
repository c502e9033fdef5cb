//! `relay dev`, `relay trigger` and `relay doctor` as somebody meets them who begins: the binary itself,
//! in an empty directory.

mod doctor;
mod readme;
mod talk;
mod trigger;

use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::client::Client;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
};

/// Longest time to wait for a line.
const PATIENCE: Duration = Duration::from_secs(30);

/// An empty directory, removed at the end of a test that passed.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("relay-home-{}", adapters::random::token()));
        std::fs::create_dir(&path).expect("created");
        Self(path)
    }

    /// Writes a file for its owner alone; its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// The binary, with none of the caller's settings.
pub(crate) fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
    command.args(args).current_dir(home).env("RUST_LOG", "error").kill_on_drop(true);
    for name in [
        "RELAY_URL",
        "RELAY_ADMIN_KEY",
        "RELAY_KEY",
        "RELAY_SECRET",
        "MODAL_WEBHOOK_SECRET",
        "ALLOWED_ORIGINS",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("XDG_CONFIG_HOME", home.join("config"));
    command
}

/// A `relay dev` in a process of its own, whose data lies in `.relay` of its home.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: String,
    pub(crate) home: PathBuf,
    printed: watch::Receiver<Vec<String>>,
}

impl Running {
    /// Starts a relay on any free port.
    pub(crate) async fn start(home: &Home, args: &[&str]) -> Self {
        Self::start_as(home, &[&["dev", "--port", "0"], args].concat()).await
    }

    /// Runs a command that starts a relay, and waits until it is ready.
    pub(crate) async fn start_as(home: &Home, args: &[&str]) -> Self {
        let mut command = command(&home.0, args);
        command.args(["--sweep-every", "200ms"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (sender, printed) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
            }
        });
        let mut running = Self { child, url: String::new(), home: home.0.clone(), printed };
        let ready =
            running.line(|line| line.contains("API and senders") || line.contains("\"ready\""));
        let ready = ready.await;
        running.url = match serde_json::from_str::<Value>(&ready) {
            Ok(json) => json["url"].as_str().expect("a URL").to_owned(),
            Err(_) => ready.split_whitespace().nth(3).expect("a URL").to_owned(),
        };
        running
    }

    /// The first printed line that is wanted, waited for.
    pub(crate) async fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        let mut printed = self.printed.clone();
        let found = printed.wait_for(|lines| lines.iter().any(|line| wanted(line)));
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(lines)) => {
                lines.iter().find(|line| wanted(line)).expect("it was just there").clone()
            }
            _ => panic!("no such line among:\n{}", self.lines().join("\n")),
        }
    }

    /// Everything that was printed so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.printed.borrow().clone()
    }

    /// Runs a command in the relay's home.
    pub(crate) async fn relay(&self, args: &[&str]) -> Output {
        command(&self.home, args).env("RELAY_URL", &self.url).output().await.expect("ran")
    }

    /// A client with the relay's own admin key.
    pub(crate) fn client(&self) -> Client {
        let key = std::fs::read_to_string(self.home.join(".relay/admin.key")).expect("a key");
        Client::new(&self.url, key.trim())
    }

    /// Ends the relay as Ctrl-C does, and waits until it has ended.
    pub(crate) async fn stop(&mut self) {
        let id = self.child.id().expect("running").try_into().expect("an id");
        kill_process(Pid::from_raw(id).expect("an id"), Signal::TERM).expect("a signal");
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(status.expect("it ended").expect("a status").success());
    }
}

/// Standard output of a command that ended with this code.
#[track_caller]
pub(crate) fn said(output: &Output, code: i32) -> String {
    let both = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(code), "{both}");
    both
}
