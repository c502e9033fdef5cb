//! The listener at the relay: its name, what it wants, and why there may be none.

use std::env;

use axum::http::Method;
use domain::listener;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::ListenArgs;
use crate::{
    exit::{CommandError, Exit, Failure},
    live::LiveError,
    remote::{Remote, RemoteError},
};

/// The reason why listening ended early.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A command line that cannot be carried out, a refusal of the relay, or an output that is closed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// There will be no connection.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// Another program listens under the name.
    #[error("another relay listen took over the name {0}")]
    TakenOver(String),
    /// The relay refuses to let this program listen.
    #[error("the relay refuses: {0}")]
    Refused(String),
}

impl From<RemoteError> for ListenError {
    fn from(error: RemoteError) -> Self {
        Self::Command(error.into())
    }
}

impl Failure for ListenError {
    fn exit(&self) -> Exit {
        match self {
            Self::Command(error) => error.exit(),
            Self::Live(LiveError::Remote(error)) => error.exit(),
            Self::Live(LiveError::None(_)) | Self::TakenOver(_) => Exit::Failed,
            Self::Refused(_) => Exit::Refused,
        }
    }

    fn next_step(&self) -> Option<String> {
        match self {
            Self::Command(error) => error.next_step(),
            Self::Live(LiveError::Remote(error)) => error.next_step(),
            Self::Live(LiveError::None(_)) => None,
            Self::TakenOver(_) => Some(
                "listen under a name of your own with --name, or start this again to take it back"
                    .to_owned(),
            ),
            Self::Refused(_) => Some("listening needs a key of scope publish or admin".to_owned()),
        }
    }
}

/// The answer of `PUT /v1/listeners/{name}`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Taken {
    pub(super) endpoint_id: String,
    pub(super) application: String,
    pub(super) secret: String,
    pub(super) waiting: usize,
    pub(super) skipped_before_ms: Option<u64>,
}

/// A listener at the relay: its name and what it wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) remote: Remote,
    pub(super) name: String,
    body: Value,
}

impl Wanted {
    pub(super) fn of(args: &ListenArgs) -> Result<Self, CommandError> {
        let name = args.name.clone().unwrap_or_else(default_name);
        if !listener::is_name(&name) {
            let most = listener::MAX_NAME;
            let why = format!("--name: {name:?} is not 1 to {most} of A-Z a-z 0-9 - _ .");
            return Err(CommandError::Usage(why));
        }
        let mut body = json!({ "skip_waiting": args.skip_waiting });
        for (field, value) in [
            ("application", &args.application),
            ("source", &args.source),
            ("ordering", &args.ordering),
        ] {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        if !args.events.is_empty() {
            body["events"] = json!(args.events);
        }
        if let Some(filter) = &args.filter {
            let filter: Value = serde_json::from_str(filter)
                .map_err(|error| CommandError::Usage(format!("--filter is not JSON: {error}")))?;
            body["filter"] = filter;
        }
        Ok(Self { remote: args.remote.clone(), name, body })
    }

    /// Makes the listener, or takes it again.
    pub(super) async fn take(&self) -> Result<Taken, RemoteError> {
        let name = utf8_percent_encode(&self.name, NON_ALPHANUMERIC);
        let (path, body) = (format!("/v1/listeners/{name}"), self.body.to_string().into_bytes());
        self.remote.ask(Method::PUT, &path, body).await?.json()
    }
}

/// A name made of the user's and the machine's.
fn default_name() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| env::var(name).ok());
    let host = env::var("HOSTNAME").ok().or_else(machine).unwrap_or_else(|| "here".to_owned());
    let host = host.split('.').next().unwrap_or_default().to_owned();
    name_of(&format!("{}-{host}", user.unwrap_or_else(|| "someone".to_owned())))
}

/// The name of this machine; `None` if the system does not say.
#[cfg(unix)]
fn machine() -> Option<String> {
    let name = rustix::system::uname();
    let name = name.nodename().to_str().ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

/// The name of this machine: not known on this system.
#[cfg(not(unix))]
const fn machine() -> Option<String> {
    None
}

/// A text with only characters that the name of a listener has.
fn name_of(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = text.chars().map(|c| if fits(c) { c } else { '-' });
    name.take(listener::MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_name_is_one_that_a_listener_can_have() {
        assert!(listener::is_name(&default_name()), "{}", default_name());
        assert_eq!(name_of("ann-ann's laptop.local"), "ann-ann-s-laptop.local");
        assert_eq!(name_of(&"é".repeat(100)).len(), listener::MAX_NAME);
    }
}
