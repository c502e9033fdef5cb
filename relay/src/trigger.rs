//! `relay trigger`: sends a signed request as a sender would, to try a source or to see that it refuses
//! what it must.

mod edit;
mod fixtures;
mod fresh;
mod request;
mod stand;
mod target;

use std::{
    pin::pin,
    process::ExitCode,
    time::{Duration, Instant},
};

use adapters::clock::Clock;
use clap::Parser;
use domain::{job::JobStatus, profile::Profile};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

pub use self::request::Spoilt;
use self::{
    edit::{Change, EditError},
    fixtures::{Fixture, UnknownFixture},
    request::{RequestError, SenderRequest},
    target::Target,
};
use crate::{
    exit::{Exit, Failure, report},
    remote::{Remote, RemoteError},
};

/// The arguments of `relay trigger`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "\
Examples:
  relay trigger stripe
  relay trigger github:push --override ref=refs/heads/dev
  relay trigger modal-omtx:failure --count 100 --rate 20
  relay trigger stripe --bad signature
  relay trigger slack --source our-slack --secret-from ./slack-secret.txt
  relay trigger --list")]
pub struct TriggerArgs {
    /// Profile of the sender, and the event if it is not the first of the list: stripe, or
    /// stripe:invoice.paid.
    #[arg(value_name = "PROFILE[:EVENT]", required_unless_present = "list")]
    pub what: Option<String>,
    /// The relay to call, and the key to call it with.
    #[command(flatten)]
    pub remote: Remote,
    /// Source to send to. The default is the name of the profile. A relay dev of this machine that has
    /// no such source gets one.
    #[arg(long)]
    pub source: Option<String>,
    /// File with the source's secret; - is standard input. RELAY_SECRET is read as well. Not needed for
    /// sources that relay trigger made itself.
    #[arg(long, value_name = "FILE")]
    pub secret_from: Option<String>,
    /// Gives a field of the body another value, such as data.object.amount=100. May be repeated.
    #[arg(long = "override", value_name = "PATH=VALUE")]
    pub overrides: Vec<String>,
    /// Adds a field to the body. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub add: Vec<String>,
    /// Removes a field from the body. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub remove: Vec<String>,
    /// Opens the body in VISUAL or EDITOR before it is signed.
    #[arg(long, conflicts_with = "count")]
    pub edit: bool,
    /// Number of requests, each a new event.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: u32,
    /// Requests per second, 0.001 to 1000. Without it each request waits for the answer before it.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// Makes a part of the request wrong. The relay must refuse it: exit code 0 if it does, 1 if not.
    #[arg(long, value_enum)]
    pub bad: Option<Spoilt>,
    /// Prints the signed requests and sends nothing.
    #[arg(long)]
    pub print: bool,
    /// Lists the profiles and their events.
    #[arg(long)]
    pub list: bool,
    /// Prints one JSON object per line.
    #[arg(long)]
    pub json: bool,
}

/// The reason why nothing could be sent.
#[derive(Debug, thiserror::Error)]
enum TriggerError {
    #[error(transparent)]
    Unknown(#[from] UnknownFixture),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(
        "there is no secret for the source {0}: give it with --secret-from or RELAY_SECRET. Only for a relay dev of this \
         machine, in whose data directory the command runs (or --data), a source can be made without"
    )]
    NoSecret(String),
    #[error(
        "the relay has no source {0}; make it first: PUT /v1/sources/{0} with the profile {1} and its secret"
    )]
    NoSource(String, String),
    #[error("the source {0} has the profile {1}; use --source with another name")]
    OtherProfile(String, String),
    #[error(
        "the source {0} was not made by relay trigger: its keys or its platform are elsewhere. Use --source with a new \
         name, or give its secret with --secret-from"
    )]
    Foreign(String),
    #[error("cannot read the secret from {0}: {1}")]
    SecretFile(String, std::io::Error),
    #[error("the secret from {0} is empty")]
    EmptySecret(String),
    #[error("cannot listen on 127.0.0.1 in the sender's place: {0}")]
    Stand(std::io::Error),
    #[error("cannot start: {0}")]
    Start(std::io::Error),
}

impl Failure for TriggerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Remote(error) => error.exit(),
            Self::Unknown(_) | Self::NoSource(..) => Exit::NotFound,
            Self::Stand(_) | Self::Start(_) => Exit::Failed,
            _ => Exit::Usage,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.next_step(),
            _ => None,
        }
    }
}

/// Requests under way at once, if there is a rate.
const AT_ONCE: usize = 64;

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (0.001..=1000.0).contains(rate));
    rate.ok_or_else(|| "expected a number of requests per second from 0.001 to 1000".to_owned())
}

/// Runs the command `relay trigger`.
pub fn run(args: TriggerArgs) -> ExitCode {
    if args.list {
        say(&list(args.json));
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return report(&TriggerError::Start(error)),
    };
    match runtime.block_on(args.trigger()) {
        Ok(exit) => exit.into(),
        Err(error) => report(&error),
    }
}

/// The profiles and their events, a line each.
fn list(as_json: bool) -> String {
    let mut lines = String::new();
    for profile in Profile::names() {
        for Fixture { event, about, .. } in fixtures::of(profile) {
            lines += &match as_json {
                true => json!({ "profile": profile, "event": event, "about": about }).to_string(),
                false => format!("{:<40} {about}", format!("{profile}:{event}")),
            };
            lines.push('\n');
        }
    }
    lines
}

/// The answer to one request.
struct Answered {
    /// The HTTP status.
    status: u16,
    /// The body; null if it is not JSON.
    body: Value,
    /// The time from the first byte sent to the answer.
    took: Duration,
}

impl TriggerArgs {
    async fn trigger(&self) -> Result<Exit, TriggerError> {
        let (profile, fixture) = fixtures::named(self.what.as_deref().unwrap_or_default())?;
        let changes = Change::read(&self.overrides, &self.add, &self.remove)?;
        if self.print {
            let route = self.offline(profile)?;
            for _ in 0..self.count {
                let now = Clock::system().now();
                let request = route.request(&fixture, &changes, self.edit, self.bad, now)?;
                say(&self.printed(profile, &fixture, &request));
            }
            return Ok(Exit::Done);
        }
        let target = self.target(profile).await?;
        if target.made {
            let source = self.source(profile);
            note(&format!("made the source {source} of the profile {profile} in this relay dev"));
        }
        self.send(profile, &fixture, &changes, &target).await
    }

    /// Sends the requests and says what the relay answered to each.
    async fn send(
        &self,
        profile: &str,
        fixture: &Fixture,
        changes: &[Change],
        target: &Target,
    ) -> Result<Exit, TriggerError> {
        let at_once = if self.rate.is_some() { AT_ONCE } else { 1 };
        let began = tokio::time::Instant::now();
        let one = move |number: u32| async move {
            if let Some(rate) = self.rate {
                let at = began + Duration::from_secs_f64(f64::from(number) / rate);
                tokio::time::sleep_until(at).await;
            }
            let now = Clock::system().now();
            let request = target.route.request(fixture, changes, self.edit, self.bad, now)?;
            if let Some(stand) = &target.stand {
                let said = target.route.profile.read(request.body.as_bytes());
                let ends = said.status.is_some_and(JobStatus::is_terminal);
                if let Some(job) = said.job.filter(|_| ends) {
                    stand.knows(job, request.body.clone());
                }
            }
            self.call(&request).await
        };
        let mut answers = pin!(stream::iter(0..self.count).map(one).buffered(at_once));
        let (mut wanted, mut other, mut unreachable) = (0, 0, None);
        while let Some(answered) = answers.next().await {
            match answered {
                Ok(answered) => {
                    let as_wanted = self.is_wanted(answered.status);
                    if as_wanted {
                        wanted += 1
                    } else {
                        other += 1
                    }
                    self.tell(profile, fixture, &answered, target);
                }
                Err(error @ TriggerError::Remote(RemoteError::Unreachable { .. })) => {
                    other += 1;
                    note(&error.to_string());
                    unreachable = Some(Exit::Unreachable);
                }
                Err(error) => return Err(error),
            }
        }
        self.confirm(profile, fixture, target, wanted).await;
        Ok(match (wanted, other) {
            (_, 0) => Exit::Done,
            (0, _) if self.bad.is_some() => unreachable.unwrap_or(Exit::Failed),
            (0, _) => unreachable.unwrap_or(Exit::Refused),
            _ => Exit::Partly,
        })
    }

    /// Waits until the relay has asked the platform in whose place this command answers: an end that a
    /// token alone vouches for is believed only then.
    async fn confirm(&self, profile: &str, fixture: &Fixture, target: &Target, sent: usize) {
        let Some(stand) = &target.stand else { return };
        let said = target.route.profile.read(fixture.body.as_bytes());
        let ends = said.status.is_some_and(JobStatus::is_terminal);
        if !ends || self.bad.is_some() || sent == 0 || target.route.profile.jwks.is_some() {
            return;
        }
        note(&format!(
            "{profile} does not sign: the relay asks its platform whether the jobs ended; this command answers"
        ));
        if !stand.was_asked(sent).await {
            note("the relay has not asked yet; the jobs stay as they are");
        }
    }

    async fn call(&self, request: &SenderRequest) -> Result<Answered, TriggerError> {
        let began = Instant::now();
        let (status, body) = self
            .remote
            .call_as_sender(&request.url, request.map(), request.body.as_bytes())
            .await?;
        let body = serde_json::from_str(&body).unwrap_or_default();
        Ok(Answered { status, body, took: began.elapsed() })
    }

    /// Whether the answer is the one that the user wants: accepted, or with `--bad` refused.
    fn is_wanted(&self, status: u16) -> bool {
        match self.bad {
            Some(_) => status == 401,
            None => (200..300).contains(&status),
        }
    }

    /// Prints what became of one request.
    fn tell(&self, profile: &str, fixture: &Fixture, answered: &Answered, target: &Target) {
        let Answered { status, body, took } = answered;
        let (source, event, ms) = (self.source(profile), &fixture.event, took.as_millis());
        let id = body["id"].as_str().unwrap_or_default();
        if self.json {
            let line = json!({
                "source": source, "profile": profile, "event": event, "status": status,
                "id": body["id"], "ms": u64::try_from(ms).unwrap_or(u64::MAX),
                "bad": self.bad.map(Spoilt::word), "as_wanted": self.is_wanted(*status),
            });
            return say(&format!("{line}\n"));
        }
        let why = body["detail"].as_str().unwrap_or("no reason given");
        let line = match (self.bad, status) {
            (Some(bad), 401) => format!("refused, as it must be: the {} is wrong", bad.word()),
            (Some(bad), 200..300) => {
                format!("ACCEPTED although the {} is wrong; event {id}", bad.word())
            }
            (Some(_), _) => format!("not judged: {why}"),
            (None, 200..300) => format!("accepted; event {id}"),
            (None, 401) if target.derived && !target.made => format!(
                "refused: {why}. The source {source} has another secret than relay trigger would give it: pass that \
                 secret with --secret-from, or use --source with a new name"
            ),
            (None, _) => format!("refused: {why}"),
        };
        say(&format!("{source}  {profile}:{event}  {status}  {ms} ms  {line}\n"));
    }

    /// A request that is printed instead of sent.
    fn printed(&self, profile: &str, fixture: &Fixture, request: &SenderRequest) -> String {
        if !self.json {
            return request.text();
        }
        let headers: serde_json::Map<String, Value> =
            request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let line = json!({
            "profile": profile, "event": fixture.event, "method": "POST", "url": request.url,
            "headers": headers, "body": request.body,
        });
        format!("{line}\n")
    }
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
fn say(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stderr, reason = "remarks of a command")]
fn note(text: &str) {
    eprintln!("relay: {text}");
}
