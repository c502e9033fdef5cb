//! Calls of tools that change nothing.

use domain::secret::Secret;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    arguments::{Arguments, ToolError},
    data::marked,
    documents,
    settings::McpArgs,
};
use crate::{
    remote::Remote,
    resources::request::{Query, escaped},
    signature,
};

/// The path of dead letters in the API.
pub(super) const LETTERS: &str = "/v1/webhooks/dead-letter";
/// Entries of a page, if the model asks for no other number.
const PAGE: u64 = 20;
/// Lines of a log, if the model asks for no other number.
const LINES: u64 = 100;

/// The answer to a call of a tool that changes nothing.
///
/// # Errors
/// [`ToolError`] if the relay does not answer or refuses, or the arguments contradict what is there.
pub(super) async fn call(
    args: &McpArgs,
    tool: &str,
    arguments: &Arguments,
) -> Result<String, ToolError> {
    let remote = &args.remote;
    match tool {
        "list_events" => {
            let names =
                ["application", "source", "type", "job", "batch", "state", "since", "until"];
            list(remote, "/v1/events", &names, arguments).await
        }
        "get_event" => one(remote, &event_path(arguments)).await,
        "list_attempts" => attempts(remote, arguments).await,
        "list_jobs" => {
            let names = ["source", "status", "batch_id", "q", "since", "until"];
            list(remote, "/v1/jobs", &names, arguments).await
        }
        "get_job" => {
            let query = query(&["source"], arguments);
            one(remote, &format!("/v1/jobs/{}{query}", escaped(arguments.needed("job")))).await
        }
        "read_job_log" => {
            let mut query = Query::default();
            query.add_some("source", arguments.text("source"));
            query.add_some("follow_token", arguments.text("follow_token"));
            query.add("limit", &arguments.number("limit").unwrap_or(LINES).to_string());
            let job = escaped(arguments.needed("job"));
            one(remote, &format!("/v1/jobs/{job}/logs?{}", query.0)).await
        }
        "list_letters" => {
            let names = [
                "endpoint",
                "application",
                "event_type",
                "batch_id",
                "job_id",
                "error_class",
                "state",
                "since",
                "until",
            ];
            list(remote, LETTERS, &names, arguments).await
        }
        "get_letter" => one(remote, &letter_path(arguments)).await,
        "verify_signature" => verify(args, arguments),
        "read_docs" => match arguments.text("page") {
            Some(page) => documents::part(page, arguments.number("part").unwrap_or(1)),
            None => Ok(documents::list()),
        },
        other => Err(ToolError(format!("there is no tool {other:?}"))),
    }
}

/// The path of the event that the arguments name.
pub(super) fn event_path(arguments: &Arguments) -> String {
    format!("/v1/events/{}", escaped(arguments.needed("event")))
}

/// The path of the letter that the arguments name.
pub(super) fn letter_path(arguments: &Arguments) -> String {
    format!("{LETTERS}/{}", escaped(arguments.needed("letter")))
}

/// The arguments of these names as a query with its question mark; empty if none is given.
fn query(names: &[&str], arguments: &Arguments) -> String {
    let mut query = Query::default();
    for name in names {
        query.add_some(name, arguments.text(name));
    }
    if query.0.is_empty() { query.0 } else { format!("?{}", query.0) }
}

async fn one(remote: &Remote, path: &str) -> Result<String, ToolError> {
    Ok(marked(&remote.ask(Method::GET, path, Vec::new()).await?.body))
}

async fn list(
    remote: &Remote,
    path: &str,
    names: &[&str],
    arguments: &Arguments,
) -> Result<String, ToolError> {
    let mut query = Query::default();
    for name in names {
        query.add_some(name, arguments.text(name));
    }
    query.add("limit", &arguments.number("limit").unwrap_or(PAGE).to_string());
    query.add_some("iterator", arguments.text("iterator"));
    one(remote, &format!("{path}?{}", query.0)).await
}

/// An event, of which only the deliveries matter.
#[derive(Deserialize)]
struct Deliveries {
    deliveries: Vec<Box<RawValue>>,
}

/// A delivery, of which only the endpoint matters.
#[derive(Deserialize)]
struct To {
    endpoint_id: String,
}

/// The deliveries of an event with their attempts, without its payload.
async fn attempts(remote: &Remote, arguments: &Arguments) -> Result<String, ToolError> {
    let answer = remote.ask(Method::GET, &event_path(arguments), Vec::new()).await?;
    let Deliveries { mut deliveries } = answer.json()?;
    if let Some(endpoint) = arguments.text("endpoint") {
        deliveries.retain(|one| {
            serde_json::from_str::<To>(one.get()).is_ok_and(|to| to.endpoint_id == endpoint)
        });
    }
    let text = serde_json::to_vec(&deliveries).expect("JSON serialises");
    Ok(marked(&text))
}

/// Checks a signature with a secret from the environment of this process.
fn verify(args: &McpArgs, arguments: &Arguments) -> Result<String, ToolError> {
    let allowed = &args.verify_with;
    let name = match (arguments.text("secret"), allowed.as_slice()) {
        (Some(name), _) if allowed.iter().any(|one| one == name) => name,
        (None, [only]) => only,
        (_, []) => {
            let why = "no secret may be used: start `relay mcp` with --verify-with and the name of an environment \
                       variable that holds the secret";
            return Err(ToolError(why.to_owned()));
        }
        _ => return Err(ToolError(format!("secret is one of: {}", allowed.join(", ")))),
    };
    let secret = std::env::var(name).ok().filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| ToolError(format!("the variable {name} is not set")))?;
    let headers = Value::Object(arguments.texts("headers")).to_string();
    signature::explain(&signature::Question {
        profile: arguments.needed("profile"),
        secret: &Secret::new(secret),
        headers: &headers,
        body: arguments.needed("body"),
        url: arguments.text("url"),
        at: arguments.text("at"),
    })
    .map_err(ToolError)
}
