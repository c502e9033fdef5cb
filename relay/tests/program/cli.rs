//! The command line as people and scripts use it: the real binary against a relay, or against recorded
//! answers.

mod contexts;
mod following;
mod pages;
mod recorded;
mod verbs;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use relay::dev::{Bundle, Settings};
use serde_json::Value;
use tests::client::Client;
use tokio::{io::AsyncWriteExt, process::Command};

/// A person's home directory, removed at the end.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("relay-home-{}", adapters::random::token()));
        fs::create_dir_all(&path).expect("made");
        Self(path)
    }

    /// The binary in this home, without a variable that chooses a relay. It works in the home, too.
    fn relay(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_relay"));
        command.args(args).current_dir(&self.0).kill_on_drop(true);
        command.env("HOME", &self.0).stdin(Stdio::null());
        for name in [
            "XDG_CONFIG_HOME",
            "RELAY_URL",
            "RELAY_KEY",
            "RELAY_ADMIN_KEY",
            "RELAY_CONTEXT",
            "COLUMNS",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// A command with a relay and its key in the environment.
    fn at(&self, url: &str, key: &str, args: &[&str]) -> Command {
        let mut command = self.relay(args);
        command.env("RELAY_URL", url).env("RELAY_KEY", key);
        command
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a command to its end, with this on its standard input.
async fn run_with(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    // A command that reads none of it may be gone.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    child.wait_with_output().await.expect("it ends")
}

/// Runs a command to its end.
async fn run(mut command: Command) -> Output {
    command.output().await.expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The standard output of a command that ended with 0.
fn well(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    stdout(output)
}

/// The JSON lines of a command that ended with 0.
fn json_lines(output: &Output) -> Vec<Value> {
    let lines = well(output);
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn start() -> (Bundle, Client, Home) {
    start_with(Settings::fresh()).await
}

async fn start_with(settings: Settings) -> (Bundle, Client, Home) {
    let bundle = Bundle::start(settings).await.expect("starts");
    let client = Client::new(&bundle.url(), bundle.admin_key());
    (bundle, client, Home::new())
}
