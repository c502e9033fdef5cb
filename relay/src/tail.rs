//! `relay tail`: events and their deliveries as they happen, pushed by live updates.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use clap::Parser;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    exit::{CommandError, Exit},
    live::{LiveClient, LiveNews},
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
    /// The relay to ask.
    #[command(flatten)]
    pub remote: Remote,
    /// Format of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Things whose entries are remembered, so that none is printed twice.
const REMEMBERED: usize = 10_000;
/// Most missed events that are listed after a gap.
const MOST_MISSED: usize = 1000;

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
    let mut tail = Tail { args, out, seen: Seen::default(), newest: None, before: None };
    let mut began = false;
    let mut once_more = None;
    loop {
        let news = tokio::select! {
            news = live.next() => news,
            () = until(once_more) => {
                once_more = None;
                tail.catch_up(MOST_MISSED).await?;
                continue;
            }
        };
        let message = match news {
            Ok(LiveNews::Message(message)) => message,
            Ok(LiveNews::Connected { .. }) => continue,
            Ok(LiveNews::Lost { why, wait }) => {
                out.note(&format!("{why}; connecting again in {:.1} s", wait.as_secs_f64()));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match message["event"].as_str().unwrap_or_default() {
            "subscribed" => {
                once_more = Some(Instant::now() + UNWATCHED);
                match began {
                    true => tail.catch_up(MOST_MISSED).await?,
                    false => {
                        out.note("listening; Ctrl-C ends it");
                        tail.begin().await?;
                        began = true;
                    }
                }
            }
            "gap" => {
                out.note("some events came too fast; listing them");
                tail.catch_up(MOST_MISSED).await?;
            }
            "events" => tail.events(message["events"].as_array().into_iter().flatten())?,
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

/// Names that were seen, of which the oldest are forgotten.
#[derive(Default)]
struct Seen {
    names: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Seen {
    /// Notes a name. False if it was there.
    fn note(&mut self, name: &str) -> bool {
        if !self.names.insert(name.to_owned()) {
            return false;
        }
        self.order.push_back(name.to_owned());
        if REMEMBERED < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        true
    }
}

/// What was printed, and how to print more.
struct Tail<'a> {
    args: &'a TailArgs,
    out: &'a Output,
    seen: Seen,
    /// When the newest event that was printed came, or that from before the beginning.
    newest: Option<String>,
    /// The newest event from before the beginning.
    before: Option<String>,
}

impl Tail<'_> {
    /// Prints the events from before that were asked for, and notes where new ones begin.
    async fn begin(&mut self) -> Result<(), CommandError> {
        let events = self.list(self.args.last.max(1), None).await?;
        if 0 < self.args.last {
            return self.events(&events);
        }
        // It may have come since the subscription, and is then pushed, too: it is not one that was seen.
        if let Some(event) = events.last() {
            self.newest = event["created_at"].as_str().map(str::to_owned);
            self.before = event["id"].as_str().map(str::to_owned);
        }
        Ok(())
    }

    /// Prints the events that came since the newest that was printed.
    async fn catch_up(&mut self, most: usize) -> Result<(), CommandError> {
        let mut events = self.list(most, self.newest.clone()).await?;
        if most <= events.len() {
            self.out.note(&format!("more than {most} were missed; see `relay events list`"));
        }
        events.retain(|event| event["id"].as_str() != self.before.as_deref());
        self.events(&events)
    }

    /// The newest events, oldest first: at most so many, and none from before a time.
    async fn list(&self, most: usize, since: Option<String>) -> Result<Vec<Value>, CommandError> {
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
                // Times are RFC 3339 in UTC, so that they compare as texts.
                if since.as_deref().is_some_and(|since| event["created_at"].as_str() < Some(since))
                {
                    break 'pages;
                }
                events.push(event);
            }
        }
        events.truncate(most);
        events.reverse();
        Ok(events)
    }

    /// Notes an event. False if it was printed before.
    fn note(&mut self, event: &Value) -> bool {
        let at = event["created_at"].as_str().map(str::to_owned);
        self.newest = self.newest.take().max(at);
        self.seen.note(event["id"].as_str().unwrap_or_default())
    }

    fn events<'e>(
        &mut self,
        events: impl IntoIterator<Item = &'e Value>,
    ) -> Result<(), CommandError> {
        for event in events {
            if self.note(event) {
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
    fn what_was_seen_is_known_until_much_else_was() {
        let mut seen = Seen::default();
        assert!(seen.note("a") && !seen.note("a"));
        for number in 0..REMEMBERED {
            assert!(seen.note(&number.to_string()));
        }
        assert!(seen.note("a"), "forgotten");
        assert_eq!((seen.names.len(), seen.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(clock("2026-11-27T12:00:00.123Z"), "12:00:00.123");
    }
}
