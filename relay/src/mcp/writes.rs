//! Calls that send again. A model can neither call one blindly nor something else than it was shown:
//!
//! 1. The first call is a dry run. It sends nothing, says what there is to send, and gives a confirmation.
//! 2. The second call passes the confirmation with the same arguments. What there is to send is looked up again,
//!    and nothing is sent if it has changed.
//!
//! A confirmation is good for one call, ten minutes, and this process.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use adapters::random;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    arguments::{Arguments, ToolError},
    data::marked,
    reads::{LETTERS, event_path, letter_path},
};
use crate::remote::Remote;

/// The time that a confirmation is good for: a person has read what is asked, and it still holds.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// Most confirmations that are open at once. The oldest goes first.
const MAX_OPEN: usize = 32;

/// The confirmations that were given and not used.
#[derive(Debug, Default)]
pub(super) struct Confirmations(Mutex<VecDeque<Confirmation>>);

/// A dry run that may be carried out.
#[derive(Debug)]
struct Confirmation {
    token: String,
    given: Instant,
    tool: &'static str,
    arguments: Arguments,
    /// The result of the dry run.
    found: Value,
}

impl Confirmations {
    fn give(&self, tool: &'static str, arguments: Arguments, found: Value) -> String {
        let token = random::token();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if MAX_OPEN <= open.len() {
            open.pop_front();
        }
        let given = Instant::now();
        open.push_back(Confirmation { token: token.clone(), given, tool, arguments, found });
        token
    }

    /// Takes the confirmation of this call and returns what its dry run found. It is used up, whatever becomes of the
    /// call.
    fn take(&self, token: &str, tool: &str, arguments: &Arguments) -> Result<Value, ToolError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| one.given.elapsed() < GOOD_FOR);
        let at = open.iter().position(|one| one.token == token);
        let taken = at.and_then(|at| open.remove(at)).ok_or_else(|| {
            ToolError(format!(
                "nothing was sent: this is no confirmation that can be used; call {tool} without confirm first"
            ))
        })?;
        if taken.tool != tool || taken.arguments != *arguments {
            let why = "nothing was sent: the confirmation was given for another tool or other arguments; call without \
                       confirm to see what these would do";
            return Err(ToolError(why.to_owned()));
        }
        Ok(taken.found)
    }
}

/// Makes a dry run, or carries one out.
///
/// # Errors
/// [`ToolError`] if the relay does not answer or refuses, or the confirmation does not fit.
pub(super) async fn call(
    remote: &Remote,
    confirmations: &Confirmations,
    tool: &'static str,
    arguments: &Arguments,
) -> Result<String, ToolError> {
    let plain = arguments.without("confirm");
    let Some(token) = arguments.text("confirm") else {
        let found = look(remote, tool, &plain).await?;
        let token = confirmations.give(tool, plain, found.clone());
        return Ok(format!(
            "Dry run: nothing was sent. Show the person what would be sent, and ask. If they agree, call {tool} again with \
             the same arguments and \"confirm\": \"{token}\", within {} minutes.\n{}",
            GOOD_FOR.as_secs() / 60,
            marked(found.to_string().as_bytes())
        ));
    };
    let shown = confirmations.take(token, tool, &plain)?;
    let found = look(remote, tool, &plain).await?;
    if found != shown {
        return Err(ToolError(format!(
            "nothing was sent: what there is to send has changed since the dry run; call {tool} without confirm again"
        )));
    }
    let done = act(remote, tool, &plain).await?;
    Ok(format!("Done.\n{}", marked(&done)))
}

/// Reads what the call would send or change.
async fn look(remote: &Remote, tool: &str, arguments: &Arguments) -> Result<Value, ToolError> {
    if tool == "retry_letter" {
        let answer = remote.ask(Method::GET, &letter_path(arguments), Vec::new()).await?;
        let letter: Value = answer.json()?;
        let names = [
            "id",
            "state",
            "event_type",
            "webhook_url",
            "error_class",
            "error_message",
            "attempts",
        ];
        let told = names.iter().map(|name| ((*name).to_owned(), letter[*name].clone()));
        return Ok(Value::Object(told.collect()));
    }
    let (path, mut body) = request(tool, arguments)?;
    body.insert("dry_run".to_owned(), true.into());
    let body = Value::Object(body).to_string().into_bytes();
    Ok(remote.ask(Method::POST, &path, body).await?.json()?)
}

/// Sends, and returns the relay's answer.
async fn act(remote: &Remote, tool: &str, arguments: &Arguments) -> Result<Vec<u8>, ToolError> {
    let (path, body) = match tool {
        "retry_letter" => {
            let force = if arguments.flag("force") { "?force=true" } else { "" };
            (format!("{}/retry{force}", letter_path(arguments)), Vec::new())
        }
        _ => {
            let (path, mut body) = request(tool, arguments)?;
            body.insert("dry_run".to_owned(), false.into());
            (path, Value::Object(body).to_string().into_bytes())
        }
    };
    Ok(remote.ask(Method::POST, &path, body).await?.body)
}

/// Path and body of a request that has a dry run of its own.
fn request(tool: &str, arguments: &Arguments) -> Result<(String, Map<String, Value>), ToolError> {
    let mut body = Map::new();
    if tool == "replay_event" {
        if let Some(endpoint) = arguments.text("endpoint") {
            body.insert("endpoint".to_owned(), endpoint.into());
        }
        return Ok((format!("{}/replay", event_path(arguments)), body));
    }
    let mut filter = Map::new();
    for name in [
        "endpoint",
        "application",
        "event_type",
        "batch_id",
        "job_id",
        "error_class",
        "since",
        "until",
    ] {
        if let Some(value) = arguments.text(name) {
            filter.insert(name.to_owned(), value.into());
        }
    }
    let all = arguments.flag("all");
    if filter.is_empty() && !all {
        let why = "name the letters by a filter such as endpoint or error_class, or pass all: true";
        return Err(ToolError(why.to_owned()));
    }
    body.insert("all".to_owned(), json!(all && filter.is_empty()));
    body.insert("filter".to_owned(), filter.into());
    if let Some(rate) = arguments.number("rate") {
        body.insert("rate".to_owned(), rate.into());
    }
    Ok((format!("{LETTERS}/redrive"), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::catalogue::TOOLS;

    fn arguments(letter: &str) -> Arguments {
        let tool = TOOLS.iter().find(|one| one.name == "retry_letter").expect("a tool");
        let given = json!({ "letter": letter }).as_object().expect("an object").clone();
        Arguments::of(tool, given).expect("good")
    }

    #[test]
    fn a_confirmation_is_good_for_one_call_of_its_own() {
        let open = Confirmations::default();
        let found = json!({ "matched": 3 });
        let give = || open.give("retry_letter", arguments("1"), found.clone());
        let token = give();
        assert_eq!(open.take(&token, "retry_letter", &arguments("1")).expect("good"), found);
        for (token, tool, letter) in [
            (token, "retry_letter", "1"),
            ("made-up".to_owned(), "retry_letter", "1"),
            (give(), "retry_letter", "2"),
            (give(), "replay_event", "1"),
        ] {
            let refused = open.take(&token, tool, &arguments(letter));
            assert!(refused.expect_err("refused").to_string().starts_with("nothing was sent"));
        }
    }

    #[test]
    fn the_oldest_of_many_confirmations_goes() {
        let open = Confirmations::default();
        let tokens: Vec<_> = (0..=MAX_OPEN)
            .map(|_| open.give("retry_letter", arguments("1"), Value::Null))
            .collect();
        assert!(open.take(&tokens[0], "retry_letter", &arguments("1")).is_err());
        assert!(
            tokens[1..].iter().all(|one| open.take(one, "retry_letter", &arguments("1")).is_ok())
        );
    }
}
