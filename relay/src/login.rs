//! `relay login`, `relay context` and `relay open`: getting to know a relay, and choosing among those that
//! are known.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::{Command, Stdio},
};

use clap::{Parser, Subcommand};
use domain::secret::Secret;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    contexts::{Context, Contexts, ContextsError, checked_name},
    exit::{CommandError, Exit},
    output::{Column, Output, OutputArgs, Table, Tone},
    remote::{Remote, RemoteError, is_loopback},
    resources::request::escaped,
};

/// The arguments of `relay login`.
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Examples:\n  relay login https://relay.example.com --name prod\n  relay login https://relay.example.com < key.txt"
)]
pub struct LoginArgs {
    /// URL of the relay.
    pub url: String,
    /// Name of the context. The default is the host of the URL.
    #[arg(long)]
    pub name: Option<String>,
    /// Read a one-time code in the place of a key, as `relay open` prints it. The login then lasts for
    /// as long as the session, 12 h at most.
    #[arg(long)]
    pub code: bool,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The arguments of `relay context`.
#[derive(Clone, Debug, Subcommand)]
pub enum ContextCommand {
    /// List the relays that are known here; the current one has a star.
    #[command(after_help = "Example:\n  relay context list")]
    List(OutputArgs),
    /// Make a context the current one.
    #[command(after_help = "Example:\n  relay context use prod")]
    Use {
        /// Name of the context.
        name: String,
    },
    /// Forget a context and its key. The key itself stays valid: revoke it with `relay keys delete`.
    #[command(after_help = "Example:\n  relay context remove prod")]
    Remove {
        /// Name of the context.
        name: String,
    },
}

/// The arguments of `relay open`.
#[derive(Clone, Debug, Parser)]
#[command(after_help = "Example:\n  relay open evt_2ZkJ4")]
pub struct OpenArgs {
    /// Event, delivery, endpoint, job, batch, dead letter or task to show, by any of its ids.
    pub id: Option<String>,
    /// Print the link and open no browser.
    #[arg(long)]
    pub print: bool,
    /// The relay to open, and the key to open it with.
    #[command(flatten)]
    pub remote: Remote,
    /// The format in which the answer is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl From<ContextsError> for CommandError {
    fn from(error: ContextsError) -> Self {
        Self::Remote(error.into())
    }
}

/// Tries a key or code from standard input at a relay, and keeps it as a context.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses the key, or the context cannot be kept.
pub async fn login(args: &LoginArgs) -> Result<Exit, CommandError> {
    let out = Output::new(args.output);
    let url = checked_url(&args.url)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&url),
    };
    checked_name(&name)?;
    let what = if args.code { "Code" } else { "API key" };
    let given = read_secret(&format!("{what} of {url}: "))?;
    let context = match args.code {
        true => session(&url, &given).await?,
        false => Context { url: url.clone(), key: Secret::new(given), expires_at: None },
    };
    let remote = Remote::at(&url, context.key.clone());
    // The cheapest route that any key may call.
    remote.ask(Method::GET, "/v1/events?limit=1", Vec::new()).await?;
    let path = Contexts::path()?;
    let mut contexts = Contexts::read(&path)?;
    let expires_at = context.expires_at.clone();
    contexts.contexts.insert(name.clone(), context);
    contexts.current = Some(name.clone());
    contexts.write(&path)?;
    match out.is_json() {
        true => out.value(&json!({ "context": name, "url": url, "expires_at": expires_at }))?,
        false => {
            let until = expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
            out.line(&format!(
                "Logged in to {url}{until} as context {name}, which is the current one now"
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// Changes a one-time code into a session.
async fn session(url: &str, code: &str) -> Result<Context, CommandError> {
    #[derive(Deserialize)]
    struct Session {
        token: String,
        expires_at: String,
    }
    // A link, as `relay open` prints it, has the code behind `#code=`.
    let code = code.rsplit_once("#code=").map_or(code, |(_, code)| code);
    let body = json!({ "code": code }).to_string().into_bytes();
    // The code vouches for the caller; the route looks at no key.
    let remote = Remote::at(url, Secret::new("none"));
    let Session { token, expires_at } = match remote.ask(Method::POST, "/v1/sessions", body).await {
        Err(RemoteError::Refused { status: 401 | 403, .. }) => {
            let why = "the relay does not know the code: it works once, and for a minute; make another \
                       with `relay open`";
            return Err(CommandError::Refused(why.to_owned()));
        }
        answer => answer?.json()?,
    };
    Ok(Context { url: url.to_owned(), key: Secret::new(token), expires_at: Some(expires_at) })
}

/// A URL that a key may be sent to.
fn checked_url(given: &str) -> Result<String, CommandError> {
    let wrong = |why: &str| Err(CommandError::Usage(format!("{given}: {why}")));
    let Ok(url) = Url::parse(given) else {
        return wrong("is no URL such as https://relay.example.com");
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(given) => {}
        "http" => return wrong("without https a key would cross the network in clear"),
        _ => return wrong("is no URL such as https://relay.example.com"),
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return wrong("has a user, a query or a fragment; the URL of a relay has none");
    }
    Ok(given.trim_end_matches('/').to_owned())
}

/// The host of a URL, and its port if that is not the usual one.
fn name_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or("relay").replace(['[', ']', ':'], "");
    match url.as_ref().and_then(Url::port) {
        Some(port) => format!("{host}-{port}"),
        None => host,
    }
}

/// Reads one line from standard input. At a terminal it is asked for, and not shown while it is typed.
fn read_secret(question: &str) -> Result<String, CommandError> {
    let mut line = String::new();
    let stdin = io::stdin();
    let terminal = stdin.is_terminal();
    if terminal {
        let _ = io::stderr().write_all(question.as_bytes());
    }
    let hidden = terminal.then(Hidden::begin).flatten();
    let read = stdin.lock().read_line(&mut line);
    if hidden.is_some() {
        let _ = io::stderr().write_all(b"\n");
    }
    drop(hidden);
    read.map_err(|error| CommandError::Usage(format!("cannot read standard input: {error}")))?;
    match line.trim() {
        "" => Err(CommandError::Usage(
            "standard input holds no key; pass it as in: relay login URL < key.txt".to_owned(),
        )),
        line => Ok(line.to_owned()),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn begin() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let shown = tcgetattr(io::stdin()).ok()?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden).ok()?;
        Some(Self(shown))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        let _ =
            rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}

/// Elsewhere a typed key is shown.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn begin() -> Option<Self> {
        None
    }
}

/// Lists, chooses or forgets contexts.
///
/// # Errors
/// [`CommandError`] if there is no such context, or the file cannot be read or written.
pub fn context(command: &ContextCommand) -> Result<Exit, CommandError> {
    let path = Contexts::path()?;
    let mut contexts = Contexts::read(&path)?;
    match command {
        ContextCommand::List(output) => list(&Output::new(*output), &contexts)?,
        ContextCommand::Use { name } => {
            contexts.named(name)?;
            contexts.current = Some(name.clone());
            contexts.write(&path)?;
        }
        ContextCommand::Remove { name } => {
            contexts.named(name)?;
            contexts.contexts.remove(name);
            contexts.current.take_if(|current| current == name);
            contexts.write(&path)?;
        }
    }
    Ok(Exit::Done)
}

fn list(out: &Output, contexts: &Contexts) -> Result<(), CommandError> {
    let is_current = |name: &String| contexts.current.as_ref() == Some(name);
    let mut table = Table::new([
        Column::whole(""),
        Column::text("NAME"),
        Column::text("URL"),
        Column::time("UNTIL"),
    ]);
    for (name, context) in &contexts.contexts {
        if out.is_json() {
            out.value(&json!({ "name": name, "url": context.url, "current": is_current(name), "expires_at": context.expires_at }))?;
            continue;
        }
        let star = if is_current(name) { "*" } else { "" };
        let until = context.expires_at.clone().unwrap_or_default();
        let cells = [star.to_owned(), name.clone(), context.url.clone(), until];
        table.row(cells.map(|text| (text, Tone::Plain)));
    }
    match (out.is_json(), table.is_empty()) {
        (true, _) => {}
        (false, true) => out.note("no relay is known here; make a context with `relay login`"),
        (false, false) => table.print(out, false)?,
    }
    Ok(())
}

/// Prints the link to the relay's page with a one-time code, and opens it if there is a browser.
///
/// # Errors
/// [`CommandError`] if the relay does not answer or refuses.
pub async fn open(args: &OpenArgs) -> Result<Exit, CommandError> {
    #[derive(Deserialize)]
    struct Code {
        code: String,
        expires_at: String,
    }
    let out = Output::new(args.output);
    let answer = args.remote.ask(Method::POST, "/v1/sessions/codes", Vec::new()).await;
    let Code { code, expires_at } = match answer {
        Err(RemoteError::Refused { status: 404, .. }) => {
            let why = "this relay makes no login codes: its pages are turned off, or it is an older version";
            return Err(CommandError::NotFound(why.to_owned()));
        }
        answer => answer?.json()?,
    };
    let page = args.id.as_deref().map(page_of).unwrap_or_default();
    // Behind the `#`, where no server and no log sees it.
    let link = format!("{}/{page}#code={}", args.remote.url()?, escaped(&code));
    match out.is_json() {
        true => out.value(&json!({ "url": link, "expires_at": expires_at }))?,
        false => {
            out.line(&link)?;
            if !args.print && io::stdout().is_terminal() && !browse(&link) {
                out.note(&format!("open the link in a browser before {expires_at}; it works once"));
            }
        }
    }
    Ok(Exit::Done)
}

/// The page that shows what has an id, by the id's beginning. Any other id is searched for by the page.
fn page_of(id: &str) -> String {
    let pages = [
        ("evt_", "events"),
        ("msg_", "events"),
        ("ep_", "endpoints"),
        ("job_", "jobs"),
        ("batch_", "batches"),
        ("dl_", "letters"),
        ("task_", "tasks"),
    ];
    match pages.into_iter().find(|(begin, _)| id.starts_with(begin)) {
        Some((_, page)) => format!("{page}/{}", escaped(id)),
        None => format!("?q={}", escaped(id)),
    }
}

/// Opens a link in the browser of this machine. Tells whether there was one.
fn browse(link: &str) -> bool {
    let openers: &[&str] = match cfg!(target_os = "macos") {
        true => &["open"],
        false => &["xdg-open"],
    };
    // The link stands in the arguments of the browser for a moment; its code works once.
    let start = |opener: &&str| {
        let mut command = Command::new(opener);
        command.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().is_ok()
    };
    openers.iter().any(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_over_tls_or_stays_on_this_machine() {
        for good in [
            "https://relay.example.com",
            "https://x/stage/",
            "http://127.0.0.1:8788",
            "http://[::1]:1",
        ] {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://relay.example.com",
            "ftp://x",
            "relay",
            "https://u@x",
            "https://x?a",
            "https://x#a",
            "http://localhost.example",
        ] {
            assert!(checked_url(bad).is_err(), "{bad}");
        }
        assert_eq!(name_of("https://relay.example.com/stage"), "relay.example.com");
        assert_eq!(name_of("http://127.0.0.1:8788"), "127.0.0.1-8788");
        assert!(checked_name(&name_of("http://[::1]:1")).is_ok());
    }

    #[test]
    fn an_id_leads_to_its_page() {
        for (id, want) in [
            ("evt_1", "events/evt_1"),
            ("msg_1", "events/msg_1"),
            ("ep_1", "endpoints/ep_1"),
            ("job_1", "jobs/job_1"),
            ("batch_1", "batches/batch_1"),
            ("dl_1", "letters/dl_1"),
            ("task_1", "tasks/task_1"),
            ("dlv_1", "?q=dlv_1"),
            ("17", "?q=17"),
            ("job/1 #x", "?q=job%2F1%20%23x"),
        ] {
            assert_eq!(page_of(id), want);
        }
    }
}
