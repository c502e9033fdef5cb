//! `relay tail`: events and their deliveries as they happen, pushed by live updates.

mod seen;

use std::time::Duration;

use clap::Parser;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use self::seen::Seen;
use crate::{
    exit::{CommandError, Exit},
    live::LiveClient,
    output::{Output, OutputArgs, Tone, cut, shown},
    remote::{Remote, RemoteError},
    resources::{list::Listing, request::Query},
};

/// The arguments of `relay tail`.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Examples:\n  relay tail --source stripe\n  relay tail --type 'job.*' --json | jq .id"
)]
pub struct TailArgs {
    /// Only events of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Only events of this type; job.* is a family of types.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Only events of this job.
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// Only events of this batch.
    #[arg(long, value_name = "ID")]
    pub batch: Option<String>,
    /// Application, by id or uid. Needed if the key sees several.
    #[arg(long, value_name = "ID")]
    pub application: Option<String>,
    /// Print so many events from before first.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 0)]
    pub last: usize,
    /// Leave out what becomes of deliveries.
    #[arg(long)]
    pub events_only: bool,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Most missed events that are listed after a gap.
const MOST_MISSED: usize = 1000;
/// The most time by which an event may be pushed after a newer one. The relay drops what waited for more than
/// 5 s.
const LATEST: Duration = Duration::from_secs(60);
/// The most time by which an event may appear in a list after a newer one. The table's index serves the list.
const OVERLAP: Duration = Duration::from_secs(5);

/// The time after a subscription in which events may not be pushed: an instance looks every two seconds
/// whether somebody watches. Then what came meanwhile is listed, once.
const UNWATCHED: Duration = Duration::from_millis(2500);

/// Prints until Ctrl-C. Whatever was missed while there was no connection is listed over HTTP, once.
///
/// # Errors
/// [`CommandError`] if the relay has no live updates, does not know the application, or refuses the key.
pub async fn run(args: &TailArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    tokio::select! {
        tailed = tail(args, &out) => tailed,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted),
    }
}

async fn tail(args: &TailArgs, out: &Output) -> Result<Exit, CommandError> {
    let action = subscription(args);
    let mut live = LiveClient::open(args.remote.clone(), move || vec![action.clone()]);
    let mut tail = Tail {
        args,
        out,
        seen: Seen::default(),
        before: None,
        complete: None,
        newest: None,
        settled: false,
    };
    let mut began = false;
    let mut once_more = None;
    loop {
        let news = tokio::select! {
            news = live.next() => news,
            () = until(once_more) => {
                once_more = None;
                tail.catch_up(MOST_MISSED).await?;
                tail.settled = true;
                continue;
            }
        };
        let Some(message) = news?.message(out) else { continue };
        match message["event"].as_str().unwrap_or_default() {
            "subscribed" => {
                once_more = Some(Instant::now() + UNWATCHED);
                let again = began;
                began = true;
                match again {
                    true => tail.catch_up(MOST_MISSED).await?,
                    false => {
                        out.note("listening; Ctrl-C ends it");
                        tail.begin().await?;
                    }
                }
                tail.settled = false;
            }
            "gap" => {
                out.note("some events came too fast; listing them");
                tail.catch_up(MOST_MISSED).await?;
            }
            "events" => {
                let events = message["events"].as_array().map(Vec::as_slice).unwrap_or_default();
                tail.newest = tail.newest.max(events.iter().map(came).max());
                tail.events(events)?;
            }
            "deliveries" if !args.events_only => tail.deliveries(&message["deliveries"])?,
            "error" => {
                let said = message["message"].as_str().unwrap_or_default();
                match message["code"].as_str().unwrap_or_default() {
                    "not_found" => return Err(CommandError::NotFound(said.to_owned())),
                    "ambiguous" | "invalid" => {
                        return Err(CommandError::Usage(format!("{said}; see --application")));
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

/// Waits for a moment; for ever if there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// The action that subscribes to events.
fn subscription(args: &TailArgs) -> Value {
    let filters = [
        ("source", &args.source),
        ("type", &args.event_type),
        ("job", &args.job),
        ("batch", &args.batch),
    ];
    let given =
        |(name, value): (&str, &Option<String>)| Some((name.to_owned(), json!(value.as_ref()?)));
    let filter: Map<String, Value> = filters.into_iter().filter_map(given).collect();
    let mut action = json!({ "action": "subscribe_events" });
    if !filter.is_empty() {
        action["filter"] = Value::Object(filter);
    }
    if let Some(application) = &args.application {
        action["application"] = json!(application);
    }
    action
}

/// The events that were printed, and the means to print more.
struct Tail<'a> {
    args: &'a TailArgs,
    out: &'a Output,
    seen: Seen,
    /// The newest event from before the beginning, and when it came.
    before: Option<(String, Timestamp)>,
    /// All events up to this time were listed.
    complete: Option<Timestamp>,
    /// The time of the newest event that was pushed.
    newest: Option<Timestamp>,
    /// Whether events are pushed without a gap since the last list.
    settled: bool,
}

impl Tail<'_> {
    /// Prints the events from before that were asked for, and notes where new ones begin.
    async fn begin(&mut self) -> Result<(), CommandError> {
        let events = self.list(self.args.last.max(1), None).await?;
        if let Some(newest) = events.last() {
            let id = newest["id"].as_str().unwrap_or_default();
            self.before = Some((id.to_owned(), came(newest)));
            self.complete = Some(came(newest));
        }
        // With none asked for, the newest may have come since the subscription, and is then pushed, too: it
        // is not one that was seen.
        match self.args.last {
            0 => Ok(()),
            _ => self.events(&events),
        }
    }

    /// Prints the events that came and were not printed.
    async fn catch_up(&mut self, most: usize) -> Result<(), CommandError> {
        let before = |moment: Timestamp, by: Duration| {
            Timestamp(moment.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
        };
        let pushed = self.newest.filter(|_| self.settled).map(|newest| before(newest, LATEST));
        let known = self.complete.max(pushed).map(|moment| before(moment, OVERLAP));
        let begin = self.before.as_ref().map(|(_, came)| *came);
        let mut events = self.list(most, known.max(begin)).await?;
        if most <= events.len() {
            self.out.note(&format!("more than {most} were missed; see `relay events list`"));
        }
        self.complete = self.complete.max(events.last().map(came));
        let first = self.before.as_ref().map(|(id, _)| id.as_str());
        events.retain(|event| event["id"].as_str() != first);
        self.events(&events)
    }

    /// The newest events, oldest first: at most so many, and none from before a time.
    async fn list(
        &self,
        most: usize,
        since: Option<Timestamp>,
    ) -> Result<Vec<Value>, CommandError> {
        let mut query = Query::default();
        for (name, value) in [
            ("application", &self.args.application),
            ("source", &self.args.source),
            ("type", &self.args.event_type),
            ("job", &self.args.job),
            ("batch", &self.args.batch),
        ] {
            query.add_some(name, value.as_deref());
        }
        let mut listing = Listing::new(&self.args.remote, "/v1/events", &query.0, None);
        let mut events: Vec<Value> = Vec::new();
        'pages: while events.len() < most
            && let Some((page, _)) = listing.next(most - events.len()).await?
        {
            for event in page.data {
                let event: Value =
                    serde_json::from_str(event.get()).map_err(RemoteError::Unreadable)?;
                if since.is_some_and(|since| came(&event) < since) {
                    break 'pages;
                }
                events.push(event);
            }
        }
        events.truncate(most);
        events.reverse();
        Ok(events)
    }

    fn events<'e>(
        &mut self,
        events: impl IntoIterator<Item = &'e Value>,
    ) -> Result<(), CommandError> {
        for event in events {
            if self.seen.note(event["id"].as_str().unwrap_or_default()) {
                let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
                let cells = [
                    (text("type"), Tone::Strong, 24),
                    (text("source"), Tone::Plain, 14),
                    (text("job_id"), Tone::Faint, 0),
                ];
                self.print("event", &text("created_at"), event, &cells, &text("id"))?;
            }
        }
        Ok(())
    }

    fn deliveries(&mut self, deliveries: &Value) -> Result<(), CommandError> {
        for delivery in deliveries.as_array().into_iter().flatten() {
            let text = |name: &str| delivery[name].as_str().unwrap_or("-").to_owned();
            let (at, state) = (text("updated_at"), text("state"));
            if !self.seen.note(&format!("{} {at} {state}", text("id"))) {
                continue;
            }
            let how = match (&delivery["status"], delivery["error_class"].as_str()) {
                (Value::Number(status), _) => status.to_string(),
                (_, class) => class.unwrap_or_default().to_owned(),
            };
            let next = delivery["next_attempt_at"].as_str().map(|at| format!("next {}", clock(at)));
            let (tone, attempts) = (Tone::of_state(&state), &delivery["attempts_made"]);
            let what = format!("{state} {how} after {attempts}");
            let cells = [
                (format!("→ {what}"), tone, 24),
                (text("endpoint_id"), Tone::Plain, 14),
                (next.unwrap_or_default(), Tone::Faint, 0),
            ];
            self.print("delivery", &at, delivery, &cells, &text("event_id"))?;
        }
        Ok(())
    }

    /// Prints an entry: as JSON with its kind, or as cells that are padded to their widths.
    fn print(
        &self,
        kind: &str,
        at: &str,
        entry: &Value,
        cells: &[(String, Tone, usize)],
        id: &str,
    ) -> Result<(), CommandError> {
        if self.out.is_json() {
            let mut entry = entry.clone();
            entry["kind"] = json!(kind);
            return Ok(self.out.value(&entry)?);
        }
        let mut parts = vec![
            (shown(&clock(at)).into_owned(), Tone::Faint, 12),
            (shown(id).into_owned(), Tone::Faint, 0),
        ];
        parts.extend(
            cells.iter().map(|(text, tone, width)| (shown(text).into_owned(), *tone, *width)),
        );
        let (mut line, mut left) = (String::new(), self.out.width().unwrap_or(usize::MAX));
        for (text, tone, width) in parts {
            let padded = format!("{text:width$}");
            let text = cut(&padded, left);
            left = left.saturating_sub(padded.chars().count() + 2);
            line.push_str(&self.out.toned(tone, &text));
            line.push_str("  ");
            if left == 0 {
                break;
            }
        }
        Ok(self.out.line(line.trim_end())?)
    }
}

/// The time at which an event came.
fn came(event: &Value) -> Timestamp {
    let at = event["created_at"].as_str().and_then(Timestamp::parse_rfc3339);
    at.unwrap_or_default()
}

/// The time of day of `2026-11-27T12:00:00.123Z`.
fn clock(at: &str) -> String {
    let time = at.split_once('T').map_or(at, |(_, time)| time);
    time.trim_end_matches('Z').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_become_those_of_the_subscription() {
        let args = TailArgs::parse_from(["tail"]);
        assert_eq!(subscription(&args), json!({ "action": "subscribe_events" }));
        let args =
            TailArgs::parse_from(["tail", "--type", "job.*", "--application", "a", "--job", "j"]);
        let want = json!({ "action": "subscribe_events", "application": "a",
            "filter": { "type": "job.*", "job": "j" } });
        assert_eq!(subscription(&args), want);
    }

    #[test]
    fn a_time_is_shown_as_the_time_of_day() {
        assert_eq!(clock("2026-11-27T12:00:00.123Z"), "12:00:00.123");
        assert_eq!(clock("-"), "-");
    }
}
