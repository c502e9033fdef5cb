//! `relay logs`: the log of a job, and its lines as they come.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use clap::Parser;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    exit::{CommandError, Exit},
    live::LiveClient,
    output::{Output, OutputArgs, Tone, shown, shown_with_colours},
    remote::{Remote, RemoteError},
    resources::request::{Query, escaped},
};

/// The arguments of `relay logs`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "Examples:\n  relay logs job-1\n  relay logs job-1 -f")]
pub struct LogsArgs {
    /// Id of the job: the relay's, the sender's, or the platform's.
    pub job: String,
    /// Print new lines as they come, until the job ends. The exit code is then 1 if the job failed.
    #[arg(short, long)]
    pub follow: bool,
    /// Source of the job, where several have one of this id.
    #[arg(long)]
    pub source: Option<String>,
    /// Most lines to print, the newest; 1,000 at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000, conflicts_with_all = ["follow", "all"])]
    pub limit: usize,
    /// Print every line that is kept, oldest first.
    #[arg(long, conflicts_with = "follow")]
    pub all: bool,
    /// Only lines of this stream, such as stderr.
    #[arg(long)]
    pub stream: Option<String>,
    /// Print the time of each line before it.
    #[arg(short, long)]
    pub timestamps: bool,
    /// Print lines as the job printed them, with sequences that control a terminal.
    #[arg(long)]
    pub raw: bool,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A part of a log.
#[derive(Deserialize)]
struct JobLog {
    data: Vec<Box<RawValue>>,
    follow_token: String,
    has_more: bool,
    #[serde(default)]
    dropped: u64,
}

/// Prints the log of a job.
///
/// # Errors
/// [`CommandError`] if there is no such job, or the relay does not answer or refuses.
pub async fn run(args: &LogsArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    if args.follow {
        return tokio::select! {
            followed = follow(args, &out) => followed,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
        };
    }
    let mut query = Query::default();
    query.add_some("source", args.source.as_deref());
    match args.all {
        true => query.add("after", "0"),
        false => query.add("limit", &args.limit.clamp(1, 1000).to_string()),
    }
    let path = format!("/v1/jobs/{}/logs", escaped(&args.job));
    let mut first = true;
    loop {
        let answer =
            args.remote.ask(Method::GET, &format!("{path}?{}", query.0), Vec::new()).await?;
        let log: JobLog = answer.json()?;
        if first && args.all && 0 < log.dropped {
            out.note(&format!("{} older lines are not kept any more", log.dropped));
        }
        first = false;
        for line in &log.data {
            print(args, &out, line)?;
        }
        if !args.all || !log.has_more {
            return Ok(Exit::Done);
        }
        query = Query::default();
        query.add_some("source", args.source.as_deref());
        query.add("follow_token", &log.follow_token);
    }
}

/// Prints a line of the log.
fn print(args: &LogsArgs, out: &Output, raw: &RawValue) -> Result<(), CommandError> {
    let line: Value = serde_json::from_str(raw.get()).map_err(RemoteError::Unreadable)?;
    let stream = line["stream"].as_str().unwrap_or_default();
    if args.stream.as_ref().is_some_and(|wanted| wanted != stream) {
        return Ok(());
    }
    if out.is_json() {
        return Ok(out.raw(raw)?);
    }
    let message = line["message"].as_str().unwrap_or_default();
    let text = match (args.raw, out.has_colours()) {
        (true, _) => message.into(),
        (false, true) => shown_with_colours(message),
        (false, false) => shown(message),
    };
    let text = match line["missing"].is_null() {
        true => text.into_owned(),
        false => out.toned(Tone::Uncertain, &text),
    };
    let time = line["timestamp"].as_str().filter(|_| args.timestamps);
    let time = time.map(|time| format!("{}  ", out.toned(Tone::Faint, &shown(time))));
    Ok(out.line(&format!("{}{text}", time.unwrap_or_default()))?)
}

/// The number of a line within its stream: a number, or a text of digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seq(usize, String);

impl Seq {
    fn of(value: &Value) -> Self {
        let digits = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let digits = digits.trim_start_matches('0').to_owned();
        Self(digits.len(), digits)
    }
}

/// The lines that were printed, by stream.
#[derive(Default)]
struct Printed {
    /// The greatest number, as it was sent.
    last: BTreeMap<String, (Seq, Value)>,
    /// The numbers of the newest lines, so that a line that comes twice is printed once.
    seen: BTreeMap<String, BTreeSet<Seq>>,
}

/// Numbers of a stream that are remembered.
const REMEMBERED: usize = 10_000;

impl Printed {
    /// Notes a line. False if it was printed before, or is older than what is remembered.
    fn note(&mut self, stream: &str, seq: &Value) -> bool {
        let number = Seq::of(seq);
        let seen = self.seen.entry(stream.to_owned()).or_default();
        if REMEMBERED <= seen.len() && seen.first().is_some_and(|oldest| number < *oldest) {
            return false;
        }
        if !seen.insert(number.clone()) {
            return false;
        }
        if REMEMBERED < seen.len() {
            seen.pop_first();
        }
        let last =
            self.last.entry(stream.to_owned()).or_insert_with(|| (number.clone(), seq.clone()));
        if last.0 < number {
            *last = (number, seq.clone());
        }
        true
    }

    /// The action that subscribes to what comes behind the printed lines.
    fn subscribe(&self, args: &LogsArgs) -> Value {
        let mut action = json!({ "action": "subscribe_logs", "job_id": args.job });
        if let Some(source) = &args.source {
            action["source"] = json!(source);
        }
        if !self.last.is_empty() {
            // The relay takes 32 streams; it sends the lines of the others again, and they are known.
            let last = self.last.iter().take(32);
            action["after"] =
                last.map(|(stream, (_, seq))| (stream.clone(), seq.clone())).collect();
        }
        action
    }
}

async fn follow(args: &LogsArgs, out: &Output) -> Result<Exit, CommandError> {
    let printed = Arc::new(Mutex::new(Printed::default()));
    let (known, wanted) = (Arc::clone(&printed), args.clone());
    let mut live = LiveClient::open(args.remote.clone(), move || {
        vec![known.lock().unwrap_or_else(PoisonError::into_inner).subscribe(&wanted)]
    });
    loop {
        let Some(message) = live.next().await?.message(out) else { continue };
        match message["event"].as_str().unwrap_or_default() {
            "log_lines" => {
                for line in message["lines"].as_array().into_iter().flatten() {
                    let stream = line["stream"].as_str().unwrap_or_default();
                    let is_new = || {
                        let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
                        printed.note(stream, &line["seq"])
                    };
                    if line["seq"].is_null() || is_new() {
                        let raw = serde_json::value::to_raw_value(line);
                        print(args, out, &raw.map_err(RemoteError::Unreadable)?)?;
                    }
                }
            }
            "job_completed" => return Ok(Exit::Done),
            "job_failed" => {
                let (status, error) = (&message["status"], &message["error"]);
                let error = error.as_str().map(|error| format!(": {error}")).unwrap_or_default();
                let status = status.as_str().unwrap_or("failed");
                out.note(&format!("job {} {status}{error}", args.job));
                return Ok(Exit::Failed);
            }
            "subscribed" => {
                if let Some(warning) = message["warning"].as_str() {
                    out.note(warning);
                }
            }
            "error" => {
                let said = message["message"].as_str().unwrap_or_default();
                match message["code"].as_str().unwrap_or_default() {
                    "not_found" => {
                        return Err(CommandError::NotFound(format!("job {}: {said}", args.job)));
                    }
                    "ambiguous" | "invalid" => {
                        return Err(CommandError::Usage(format!(
                            "{said}; name its source with --source"
                        )));
                    }
                    // The connection is closed, and the next ticket tells why.
                    "unauthorized" => {}
                    _ => out.note(said),
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_twice_is_printed_once_and_one_that_comes_late_too() {
        let mut printed = Printed::default();
        assert!(printed.note("a", &json!(1)));
        assert!(printed.note("a", &json!(3)));
        assert!(!printed.note("a", &json!(3)));
        assert!(printed.note("a", &json!(2)), "it fills a hole");
        assert!(printed.note("b", &json!(3)));
        let id = "38".to_owned() + &"0".repeat(54);
        assert!(printed.note("c", &json!(id)));
        assert!(printed.note("c", &json!("9")));
        for number in 4..20_000 {
            assert!(printed.note("a", &json!(number)));
        }
        assert!(!printed.note("a", &json!(1)), "older than what is remembered");
        assert_eq!(printed.seen["a"].len(), REMEMBERED);
        let args = LogsArgs::parse_from(["logs", "job-1", "-f", "--source", "s"]);
        let action = printed.subscribe(&args);
        assert_eq!(action["after"], json!({ "a": 19_999, "b": 3, "c": id }));
        assert_eq!(action["source"], "s");
    }
}
