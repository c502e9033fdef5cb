//! Telling the relay: the job's registration, its log and its end, in a task of its own. Nothing that
//! fails here reaches the command. The first failure is told once, and what was lost is told at the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{
    job::JobStatus,
    poll::{PollResult, end_report},
    profile::Mapping,
    source::SourceOptions,
};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{
    Map, Value, json,
    value::{RawValue, to_raw_value},
};
use tokio::sync::watch;

use super::{RunArgs, backlog::Backlog, child::CommandEnd, terminal::SharedStderr};
use crate::remote::{Remote, RemoteError};

/// The time that lines wait for others.
const GATHER: Duration = Duration::from_millis(200);
/// The longest time for one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// The wait after the first failure. It doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The end of the command, once it has ended.
type Ended = watch::Receiver<Option<CommandEnd>>;

/// The facts that the relay knows of the job.
#[derive(Debug)]
pub(super) struct JobReport {
    job: String,
    stderr: Arc<SharedStderr>,
    warned: AtomicBool,
    ended: AtomicBool,
}

impl JobReport {
    /// The id of the job.
    pub(super) fn job(&self) -> &str {
        &self.job
    }

    /// Whether the relay was told how the job ended.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Says what went wrong, unless something was said before.
    fn warn(&self, why: &dyn std::fmt::Display) {
        if !self.warned.swap(true, Ordering::AcqRel) {
            self.stderr.say(&format!("job {}: {why}; the command runs on", self.job));
        }
    }
}

/// Tells the relay of the job, its lines and its end.
pub(super) struct Courier {
    args: RunArgs,
    backlog: Arc<Backlog>,
    ended: Ended,
    report: Arc<JobReport>,
}

/// The reason why a request had no effect.
enum Trouble {
    /// The relay cannot be reached, or has trouble of its own: the same request may succeed later.
    Passing(String),
    /// The relay refuses this request.
    Lasting(String),
    /// The relay refuses every request with this key or token.
    Denied(String),
}

impl From<RemoteError> for Trouble {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Unreachable { .. }
            | RemoteError::Unreadable(_)
            | RemoteError::Refused { status: 408 | 425 | 429 | 500.., .. } => {
                Self::Passing(error.to_string())
            }
            RemoteError::NoRelay
            | RemoteError::NoKey(_)
            | RemoteError::InvalidKey
            | RemoteError::Ended(_)
            | RemoteError::Contexts(_)
            | RemoteError::Refused { status: 401 | 403, .. } => Self::Denied(error.to_string()),
            RemoteError::Refused { .. } => Self::Lasting(error.to_string()),
        }
    }
}

impl Courier {
    /// A courier for the lines that wait.
    pub(super) fn new(
        args: RunArgs,
        backlog: Arc<Backlog>,
        stderr: Arc<SharedStderr>,
        ended: Ended,
    ) -> Self {
        let (job, no) = (args.job_id(), AtomicBool::default);
        let report = Arc::new(JobReport { job, stderr, warned: no(), ended: no() });
        Self { args, backlog, ended, report }
    }

    /// The facts that the relay knows of the job.
    pub(super) const fn report(&self) -> &Arc<JobReport> {
        &self.report
    }

    /// Registers the job, sends its lines while it runs, and reports its end.
    pub(super) async fn work(self) {
        let registered = self.persist(async || self.register().await).await;
        let Some(registered) = registered else { return self.backlog.abandon() };
        if self.args.job.is_none() {
            self.report.stderr.say(&format!("job {}", self.report.job));
        }
        let source = registered["source"].as_str().unwrap_or_default();
        // Appends to this job's log and does nothing else; the relay reads nothing to accept it.
        let log = match registered["log_token"].as_str() {
            Some(token) => self.args.remote.with_key(token),
            None => Ok(self.args.remote.clone()),
        };
        // The relay was chosen for the registration.
        let Ok(log) = log else { return self.backlog.abandon() };
        tokio::join!(self.send_lines(&log), self.complete(source));
    }

    async fn register(&self) -> Result<Value, Trouble> {
        let RunArgs { source, project, batch, deadline, .. } = &self.args;
        let given = [
            ("source", json!(source)),
            ("project_id", json!(project)),
            ("batch_id", json!(batch)),
            ("deadline_seconds", json!(deadline)),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_null());
        let body = Value::Object(given.map(|(name, value)| (name.to_owned(), value)).collect());
        let path = format!("/v1/jobs/{}", escaped(&self.report.job));
        let remote = &self.args.remote;
        let answer = within(remote.send(Method::PUT, &path, Some(&body))).await?;
        answer.ok_or_else(|| Trouble::Lasting("the relay has no such source".to_owned()))
    }

    /// Sends lines until no more come and none waits.
    async fn send_lines(&self, log: &Remote) {
        let path = format!("/v1/jobs/{}/logs", escaped(&self.report.job));
        loop {
            while self.backlog.is_empty() {
                if self.backlog.is_closed() {
                    return;
                }
                self.backlog.changed().await;
            }
            // Lines that come together go together.
            let full = async {
                while !self.backlog.is_full() {
                    self.backlog.changed().await;
                }
            };
            let _ = tokio::time::timeout(GATHER, full).await;
            let sent = self.persist(async || {
                // Made anew for each try: the ring may have dropped some of the lines.
                let Some(batch) = self.backlog.batch() else { return Ok(Value::Null) };
                let answer = within(log.post(&path, &batch.body)).await;
                match answer {
                    // Too large, too old or the like: no reason to refuse the next one.
                    Err(Trouble::Lasting(why)) => {
                        self.report.warn(&why);
                        self.backlog.taken(&batch, true);
                        Ok(Value::Null)
                    }
                    Err(trouble) => Err(trouble),
                    Ok(answer) => {
                        let conflict = answer["conflict"] == true;
                        if conflict {
                            let why = "its log has other lines under these numbers; run it under \
                                       another --job";
                            self.report.warn(&why);
                        }
                        self.backlog.taken(&batch, conflict);
                        Ok(answer)
                    }
                }
            });
            if sent.await.is_none() {
                return self.backlog.abandon();
            }
        }
    }

    /// Waits for the command's end, and reports it in the words of the source's sender.
    async fn complete(&self, source: &str) {
        let mut ended = self.ended.clone();
        let end = match ended.wait_for(Option::is_some).await {
            Ok(end) => *end,
            Err(_) => return,
        };
        let Some(end) = end else { return };
        if self.persist(async || self.inject(source, end).await).await.is_some() {
            self.report.ended.store(true, Ordering::Release);
        }
    }

    async fn inject(&self, name: &str, end: CommandEnd) -> Result<Value, Trouble> {
        let path = format!("/v1/sources/{}", escaped(name));
        let source = within(self.args.remote.get(&path)).await?;
        let body = body_of(&source, &self.report.job, end).ok_or_else(|| {
            let profile = source["profile"].as_str().unwrap_or_default();
            Trouble::Lasting(format!(
                "source {name} cannot report the end of a job, as its profile {profile} has no \
                 words for it; choose another --source"
            ))
        })?;
        let body = Map::from_iter([("body".to_owned(), body)]);
        within(self.args.remote.post(&format!("{path}/inject"), &body)).await
    }

    /// Tries until the relay has answered. `None` if it refuses for good. The command's end cuts a pause
    /// short, for a last try.
    async fn persist(
        &self,
        mut request: impl AsyncFnMut() -> Result<Value, Trouble>,
    ) -> Option<Value> {
        let (mut pause, mut ended) = (PAUSE, self.ended.clone());
        loop {
            match request().await {
                Ok(answer) => return Some(answer),
                Err(Trouble::Passing(why)) => self.report.warn(&why),
                Err(Trouble::Lasting(why) | Trouble::Denied(why)) => {
                    self.report.warn(&why);
                    return None;
                }
            }
            if self.ended.borrow().is_some() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let end = ended.wait_for(Option::is_some);
            let _ = tokio::time::timeout(pause, end).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }
}

/// The answer to a request, if it comes in time.
async fn within<T>(request: impl Future<Output = Result<T, RemoteError>>) -> Result<T, Trouble> {
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::Passing("the relay does not answer".to_owned())),
    }
}

/// The body in which the sender of this source would report the command's end; `None` if its profile has
/// no words for it.
fn body_of(source: &Value, job: &str, end: CommandEnd) -> Option<Value> {
    let mapping: Option<Mapping> = serde_json::from_value(source["mapping"].clone()).ok()?;
    let options = SourceOptions { mapping, ..SourceOptions::default() };
    let profile = options.profile(source["profile"].as_str()?)?;
    let (status, about) = match end {
        CommandEnd::Exited(0) => (JobStatus::Succeeded, json!({ "exit_code": 0 })),
        CommandEnd::Exited(code) => {
            let message = format!("the command exited with code {code}");
            (JobStatus::Failed, json!({ "message": message, "exit_code": code }))
        }
        CommandEnd::Killed(signal) => {
            let message = format!("signal {signal} ended the command");
            (JobStatus::Failed, json!({ "message": message, "signal": signal }))
        }
    };
    let about: Box<RawValue> = to_raw_value(&about).ok()?;
    let succeeded = status == JobStatus::Succeeded;
    let (result, error) = if succeeded { (Some(&*about), None) } else { (None, Some(&*about)) };
    let body = end_report(&profile, job, &PollResult { status, result, error })?;
    serde_json::from_slice(&body).ok()
}

/// A name as a part of a path.
fn escaped(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}
