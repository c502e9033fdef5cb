//! `relay dlq`: dead letters listed, looked at, tried again, put back, deleted and exported.

use clap::{Args, Parser, Subcommand};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    exit::{CommandError, Exit},
    moment,
    output::{Output, OutputArgs},
    remote::{Remote, RemoteError},
    resources::{
        list::{self, Pages},
        request::{Query, escaped},
        show::{self, Show},
    },
    task,
};

const LETTERS: &str = "/v1/webhooks/dead-letter";

const COLUMNS: &[Show] = &[
    Show::number("N", "id"),
    Show::time("PARKED", "created_at"),
    Show::state("state"),
    Show::text("CLASS", "error_class"),
    Show::text("TYPE", "event_type|kind"),
    Show::text("URL", "webhook_url"),
    Show::text("ERROR", "error_message"),
    Show::number("ATTEMPTS", "attempts"),
];

const ATTEMPTS: &[Show] = &[
    Show::time("TIME", "at"),
    Show::text("STATUS", "status|error_class"),
    Show::number("MS", "duration_ms"),
    Show::text("ERROR", "error_message"),
    Show::text("ANSWER", "response"),
];

/// Verbs for dead letters.
#[derive(Clone, Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters, newest first.
    #[command(after_help = "Example:\n  relay dlq list --state waiting --error-class timeout")]
    List(ListArgs),
    /// Show a dead letter with its payload and every attempt.
    #[command(after_help = "Example:\n  relay dlq show 17")]
    Show(ShowArgs),
    /// Try letters again now, one attempt each.
    ///
    /// The exit code is 1 if no attempt succeeded, and 6 if some did.
    #[command(after_help = "Example:\n  relay dlq retry 17 18")]
    Retry(RetryArgs),
    /// Put letters back, each with its whole retry schedule.
    #[command(after_help = "Example:\n  relay dlq redrive --error-class connect --dry-run")]
    Redrive(RedriveArgs),
    /// Throw letters away.
    ///
    /// Several at once are only counted unless --yes is given.
    #[command(after_help = "Example:\n  relay dlq delete --until 30d --yes")]
    Delete(DeleteArgs),
    /// Print letters with their payloads as JSON lines.
    #[command(after_help = "Example:\n  relay dlq export --endpoint ep_2ZkJ4 > letters.jsonl")]
    Export(ExportArgs),
}

/// A choice of letters. All that are given must fit.
#[derive(Clone, Debug, Default, Args)]
pub struct LetterFilters {
    /// Letters to this endpoint, by id.
    #[arg(long, value_name = "ID")]
    pub endpoint: Option<String>,
    /// Letters of this application, by id or uid.
    #[arg(long, value_name = "ID")]
    pub application: Option<String>,
    /// Letters of this event type.
    #[arg(long = "type", value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Letters of this batch.
    #[arg(long = "batch", value_name = "ID")]
    pub batch_id: Option<String>,
    /// Letters about this job, by the relay's id.
    #[arg(long = "job", value_name = "ID")]
    pub job_id: Option<String>,
    /// Letters that died for this reason: status, timeout, dns, connect, tls, protocol and so on.
    #[arg(long, value_name = "CLASS")]
    pub error_class: Option<String>,
    /// Letters in this state: waiting, redriven or resolved.
    #[arg(long)]
    pub state: Option<String>,
    /// Letters parked from this time on: 2h for two hours ago, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Letters parked before this time, in the same form.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// The arguments of `relay dlq list`.
#[derive(Clone, Debug, Parser)]
pub struct ListArgs {
    /// The choice of the letters.
    #[command(flatten)]
    pub filters: LetterFilters,
    /// The number of entries that are printed.
    #[command(flatten)]
    pub(crate) pages: Pages,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay dlq show`.
#[derive(Clone, Debug, Parser)]
pub struct ShowArgs {
    /// Number or id of the letter.
    pub id: String,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay dlq retry`.
#[derive(Clone, Debug, Parser)]
pub struct RetryArgs {
    /// Numbers or ids of the letters.
    #[arg(required = true)]
    pub ids: Vec<String>,
    /// Send again what has arrived already.
    #[arg(long)]
    pub force: bool,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay dlq redrive`.
#[derive(Clone, Debug, Parser)]
pub struct RedriveArgs {
    /// The choice of the letters.
    #[command(flatten)]
    pub filters: LetterFilters,
    /// All waiting letters, where no filter is given.
    #[arg(long)]
    pub all: bool,
    /// Letters per second, 1 to 500. The default is that of the relay, 10.
    #[arg(long, value_name = "NUMBER")]
    pub rate: Option<u32>,
    /// Only count them.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not wait until all are put back.
    #[arg(long)]
    pub no_wait: bool,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay dlq delete`.
#[derive(Clone, Debug, Parser)]
pub struct DeleteArgs {
    /// Number or id of one letter.
    #[arg(conflicts_with_all = ["all", "yes"])]
    pub id: Option<String>,
    /// The choice of the letters.
    #[command(flatten)]
    pub filters: LetterFilters,
    /// All letters, where no filter is given.
    #[arg(long)]
    pub all: bool,
    /// Delete them. Without it they are only counted.
    #[arg(long)]
    pub yes: bool,
    /// Do not wait until all are deleted.
    #[arg(long)]
    pub no_wait: bool,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay dlq export`.
#[derive(Clone, Debug, Parser)]
pub struct ExportArgs {
    /// The choice of the letters.
    #[command(flatten)]
    pub filters: LetterFilters,
    /// The relay to ask, and the key to ask it with.
    #[command(flatten)]
    pub remote: Remote,
}

impl LetterFilters {
    /// The filters that are given, by their names in the API.
    fn given(&self) -> Result<Vec<(&'static str, String)>, CommandError> {
        let time = |text: &Option<String>| text.as_deref().map(moment::parse).transpose();
        let all = [
            ("endpoint", self.endpoint.clone()),
            ("application", self.application.clone()),
            ("event_type", self.event_type.clone()),
            ("batch_id", self.batch_id.clone()),
            ("job_id", self.job_id.clone()),
            ("error_class", self.error_class.clone()),
            ("state", self.state.clone()),
            ("since", time(&self.since)?),
            ("until", time(&self.until)?),
        ];
        Ok(all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    }

    fn query(&self) -> Result<String, CommandError> {
        let mut query = Query::default();
        for (name, value) in self.given()? {
            query.add(name, &value);
        }
        Ok(query.0)
    }

    /// The filter of a body. An empty one is refused here unless all are meant: it is mostly a mistake.
    fn body(&self, all: bool) -> Result<Map<String, Value>, CommandError> {
        let given = self.given()?;
        if given.is_empty() && !all {
            let why =
                "name the letters by a filter such as --endpoint or --error-class, or say --all";
            return Err(CommandError::Usage(why.to_owned()));
        }
        let filter: Map<String, Value> =
            given.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let all = all && filter.is_empty();
        let body = [("filter".to_owned(), filter.into()), ("all".to_owned(), all.into())];
        Ok(body.into_iter().collect())
    }
}

/// Runs one verb of `relay dlq`.
///
/// # Errors
/// [`CommandError`] if an argument is wrong, or the relay does not answer or refuses.
pub async fn run(command: &DlqCommand) -> Result<Exit, CommandError> {
    match command {
        DlqCommand::List(args) => {
            let (out, query) = (Output::new(args.output), args.filters.query()?);
            list::print(&args.remote, &out, (LETTERS, &query), COLUMNS, Some(args.pages.clone()))
                .await
        }
        DlqCommand::Show(args) => {
            let path = format!("{LETTERS}/{}", escaped(&args.id));
            let answer = args.remote.ask(Method::GET, &path, Vec::new()).await?;
            show::detail(&Output::new(args.output), &answer, &[("attempt_history", ATTEMPTS)])?;
            Ok(Exit::Done)
        }
        DlqCommand::Retry(args) => retry(args).await,
        DlqCommand::Redrive(args) => redrive(args).await,
        DlqCommand::Delete(args) => delete(args).await,
        DlqCommand::Export(args) => {
            let query = args.filters.query()?;
            let path =
                format!("{LETTERS}/export{}{query}", if query.is_empty() { "" } else { "?" });
            list::print_lines(&args.remote, &Output::new(OutputArgs { json: true }), path).await
        }
    }
}

async fn retry(args: &RetryArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    let mut succeeded = 0;
    for id in &args.ids {
        let force = if args.force { "?force=true" } else { "" };
        let path = format!("{LETTERS}/{}/retry{force}", escaped(id));
        let retried: Value = match args.remote.ask(Method::POST, &path, Vec::new()).await {
            Ok(answer) => answer.json()?,
            // One of several that is gone or on its way keeps the others from nothing.
            Err(RemoteError::Refused { status: 404 | 409, detail }) if 1 < args.ids.len() => {
                json!({ "id": id, "retry_success": false, "error": detail })
            }
            Err(error) => return Err(error.into()),
        };
        succeeded += usize::from(retried["retry_success"] == true);
        match out.is_json() {
            true => out.value(&retried)?,
            false => {
                let how = match (&retried["retry_success"], retried["error"].as_str()) {
                    (Value::Bool(true), _) => "arrived",
                    (Value::Bool(false), None) => "failed again",
                    (Value::Bool(false), Some(why)) => why,
                    _ => "is on its way",
                };
                out.line(&crate::output::shown(&format!("letter {id}: {how}")))?;
            }
        }
    }
    Ok(match succeeded {
        0 => Exit::Failed,
        count if count < args.ids.len() => Exit::Partly,
        _ => Exit::Done,
    })
}

/// The answer to a redrive or deletion: a count, or the task that does it.
#[derive(Deserialize)]
struct Begun {
    matched: Option<u64>,
    task_id: Option<String>,
}

async fn redrive(args: &RedriveArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    let mut body = args.filters.body(args.all)?;
    body.insert("dry_run".to_owned(), args.dry_run.into());
    body.extend(args.rate.map(|rate| ("rate".to_owned(), rate.into())));
    begin(&args.remote, &out, "redrive", body, ("put back", !args.no_wait)).await
}

async fn delete(args: &DeleteArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    if let Some(id) = &args.id {
        if !args.filters.given()?.is_empty() {
            let why = "name one letter by its id, or several by filters, not both";
            return Err(CommandError::Usage(why.to_owned()));
        }
        let path = format!("{LETTERS}/{}", escaped(id));
        let answer = args.remote.ask(Method::DELETE, &path, Vec::new()).await?;
        show::detail(&out, &answer, &[])?;
        return Ok(Exit::Done);
    }
    let mut body = args.filters.body(args.all)?;
    body.insert("dry_run".to_owned(), (!args.yes).into());
    let exit = begin(&args.remote, &out, "delete", body, ("deleted", !args.no_wait)).await?;
    if !args.yes {
        out.note("nothing was deleted; add --yes to delete them");
    }
    Ok(exit)
}

/// Begins work over many letters, and waits for its end.
async fn begin(
    remote: &Remote,
    out: &Output,
    action: &str,
    body: Map<String, Value>,
    (done, wait): (&str, bool),
) -> Result<Exit, CommandError> {
    let body = Value::Object(body).to_string().into_bytes();
    let answer = remote.ask(Method::POST, &format!("{LETTERS}/{action}"), body).await?;
    let Begun { matched, task_id } = answer.json()?;
    match task_id {
        Some(id) if wait => task::follow(remote, out, &id, done).await,
        Some(id) => {
            match out.is_json() {
                true => out.value(&json!({ "task_id": id }))?,
                false => out.line(&format!("task {id}: see `relay tasks get {id}`"))?,
            }
            Ok(Exit::Done)
        }
        None => {
            let matched = matched.unwrap_or_default();
            match out.is_json() {
                true => out.value(&json!({ "matched": matched, "dry_run": true }))?,
                false => out.line(&format!("{matched} letters would be {done}"))?,
            }
            Ok(Exit::Done)
        }
    }
}
