//! `relay replay`: past events sent again.

use clap::Parser;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    exit::{CommandError, Exit},
    moment,
    output::{Output, OutputArgs},
    remote::{Remote, RemoteError},
    resources::{
        list::Listing,
        request::{Query, escaped},
    },
};

/// The arguments of `relay replay`.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Examples:\n  relay replay evt_2ZkJ4\n  relay replay --since 2h --state dead --dry-run"
)]
pub struct ReplayArgs {
    /// Ids of events, evt_… or msg_….
    #[arg(conflicts_with_all = ["since", "until", "state", "source", "event_type", "job", "batch", "application"])]
    pub events: Vec<String>,
    /// Events that came from this time on: 2h for two hours ago, or RFC 3339. Needed where no id is given.
    #[arg(long, value_name = "TIME", required_unless_present = "events")]
    pub since: Option<String>,
    /// Events that came before this time, in the same form.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Events in this state: delivered, pending, failing, dead or nobody.
    #[arg(long)]
    pub state: Option<String>,
    /// Events of this source.
    #[arg(long)]
    pub source: Option<String>,
    /// Events of this type; job.* is a family of types.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Events of this job.
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// Events of this batch.
    #[arg(long, value_name = "ID")]
    pub batch: Option<String>,
    /// Events of this application, by id or uid.
    #[arg(long, value_name = "ID")]
    pub application: Option<String>,
    /// Send to this endpoint only. The default is every endpoint that wants the event now.
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
    /// Say how many deliveries there would be, and make none.
    #[arg(long)]
    pub dry_run: bool,
    /// Most events to replay.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub limit: usize,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The numbers so far: events, deliveries that were made of them, and events that could not be replayed.
#[derive(Default)]
struct Tally {
    events: usize,
    deliveries: u64,
    failed: usize,
}

/// The answer to the replay of one event.
#[derive(Deserialize)]
struct Replayed {
    deliveries: u64,
}

/// Replays events one after the other. The exit code is 6 if some could not be replayed, and 1 if none
/// could.
///
/// # Errors
/// [`CommandError`] if an argument is wrong, or the relay does not answer or refuses the key.
pub async fn run(args: &ReplayArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    let mut tally = Tally::default();
    if args.events.is_empty() {
        let ids = chosen(args, &out).await?;
        let all = ids.len();
        for id in &ids {
            one(args, &out, id, &mut tally, false).await?;
            out.progress(&format!("{} of {all} events replayed …", tally.events));
        }
        out.end_progress();
    }
    for id in &args.events {
        one(args, &out, id, &mut tally, args.events.len() == 1).await?;
    }
    if !out.is_json() {
        let (events, deliveries) = (tally.events, tally.deliveries);
        let would = if args.dry_run { "would be " } else { "" };
        out.line(&format!("{events} events: {deliveries} deliveries {would}made"))?;
        if 0 < tally.failed {
            out.note(&format!("{} events could not be replayed", tally.failed));
        }
    }
    Ok(match (tally.events, tally.failed) {
        (_, 0) => Exit::Done,
        (0, _) => Exit::Failed,
        _ => Exit::Partly,
    })
}

/// The ids of the events that the filters match, oldest first. They are all read before the first is
/// replayed, so that no replay changes what matches.
async fn chosen(args: &ReplayArgs, out: &Output) -> Result<Vec<String>, CommandError> {
    let time = |text: &Option<String>| text.as_deref().map(moment::parse).transpose();
    let (since, until) = (time(&args.since)?, time(&args.until)?);
    let mut query = Query::default();
    for (name, value) in [
        ("application", &args.application),
        ("source", &args.source),
        ("type", &args.event_type),
        ("job", &args.job),
        ("batch", &args.batch),
        ("state", &args.state),
        ("since", &since),
        ("until", &until),
    ] {
        query.add_some(name, value.as_deref());
    }
    let (mut ids, mut listing) =
        (Vec::new(), Listing::new(&args.remote, "/v1/events", &query.0, None));
    while let Some((page, _)) = listing.next(args.limit.saturating_sub(ids.len())).await? {
        for entry in &page.data {
            let entry: Value =
                serde_json::from_str(entry.get()).map_err(RemoteError::Unreadable)?;
            ids.extend(entry["id"].as_str().map(str::to_owned));
        }
        out.progress(&format!("{} events found, {} looked at …", ids.len(), listing.scanned));
        if args.limit <= ids.len() {
            if listing.place().is_some() {
                out.note(&format!("only the newest {} are replayed; see --limit", args.limit));
            }
            break;
        }
    }
    ids.truncate(args.limit);
    ids.reverse();
    Ok(ids)
}

/// Replays one event. Of several, one that is gone keeps the others from nothing.
async fn one(
    args: &ReplayArgs,
    out: &Output,
    id: &str,
    tally: &mut Tally,
    only: bool,
) -> Result<(), CommandError> {
    let mut body = json!({ "dry_run": args.dry_run });
    if let Some(endpoint) = &args.endpoint {
        body["endpoint"] = json!(endpoint);
    }
    let path = format!("/v1/events/{}/replay", escaped(id));
    match args.remote.ask(Method::POST, &path, body.to_string().into_bytes()).await {
        Ok(answer) => {
            let Replayed { deliveries } = answer.json()?;
            tally.events += 1;
            tally.deliveries += deliveries;
            if out.is_json() {
                let mut told: Value = answer.json()?;
                told["id"] = json!(id);
                out.value(&told)?;
            }
        }
        Err(RemoteError::Refused { status: status @ (404 | 409 | 410 | 422), detail }) if !only => {
            tally.failed += 1;
            match out.is_json() {
                true => out.value(&json!({ "id": id, "status": status, "error": detail }))?,
                false => out.note(&format!("{id}: {status} {detail}")),
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
