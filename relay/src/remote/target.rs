//! Finds the relay that a command means, and the key to use. What stands earlier decides:
//!
//! 1. the command line: `--url` and `--key`, `--context`, or `--data`;
//! 2. the environment: `RELAY_URL` and `RELAY_KEY` (or `RELAY_ADMIN_KEY`), or `RELAY_CONTEXT`;
//! 3. the current context;
//! 4. the `relay dev` whose data lies in `.relay` here.
//!
//! A key that was kept for one URL is never sent to another.

use std::{
    env,
    path::{Path, PathBuf},
};

use domain::secret::Secret;
use url::{Host, Url};

use super::{Remote, RemoteError};
use crate::contexts::{Context, Contexts, ContextsError};

/// URL of a `relay dev` that says nothing else.
pub(crate) const LOCAL_URL: &str = "http://127.0.0.1:8788";
/// Data directory of a `relay dev` that was told no other.
pub(super) const DATA: &str = ".relay";

/// The relay that a command means.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// URL without a slash at its end.
    pub(super) url: String,
    /// The key, or where it was looked for in vain.
    key: Result<Secret, PathBuf>,
}

/// The variables that choose a relay, and where contexts lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    pub(super) url: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) context: Option<String>,
    pub(super) contexts: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process. An empty variable is one that is not set.
    pub(super) fn of_process() -> Self {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self {
            url: set("RELAY_URL"),
            key: set("RELAY_KEY").or_else(|| set("RELAY_ADMIN_KEY")).map(Secret::new),
            context: set("RELAY_CONTEXT"),
            contexts: Contexts::path().ok(),
        }
    }

    fn read(&self) -> Result<Contexts, ContextsError> {
        self.contexts.as_deref().map_or_else(|| Ok(Contexts::default()), Contexts::read)
    }
}

impl Target {
    /// Chooses the relay and its key.
    ///
    /// # Errors
    /// [`RemoteError::NoRelay`] if nothing names a relay, [`RemoteError::Contexts`] if the named context
    /// does not exist or the contexts cannot be read, [`RemoteError::Ended`] if its session has ended.
    pub(super) fn of(given: &Remote, around: &Surroundings) -> Result<Self, RemoteError> {
        let key_given = given.key.as_ref().or(around.key.as_ref()).cloned();
        // Both are named: whatever is in files is not read, and cannot be in the way.
        let url_given = given.url.as_ref().or(around.url.as_ref());
        if let (Some(url), Some(key), None, None) =
            (url_given, key_given.clone(), &given.context, &given.data)
        {
            return Ok(Self { url: trimmed(url), key: Ok(key) });
        }
        let data = given.data.as_deref().unwrap_or(Path::new(DATA));
        if let Some(url) = &given.url {
            return Self::at(given, around, trimmed(url), data);
        }
        if let Some(name) = &given.context {
            let contexts = around.read()?;
            return Self::in_context(name, contexts.named(name)?, given.key.clone());
        }
        if given.data.is_some() {
            let url = url_of(data).or_else(|| around.url.clone());
            return Self::at(
                given,
                around,
                url.map_or_else(|| LOCAL_URL.to_owned(), |url| trimmed(&url)),
                data,
            );
        }
        if let Some(url) = &around.url {
            return Self::at(given, around, trimmed(url), data);
        }
        let contexts = around.read()?;
        if let Some(name) = around.context.as_ref().or(contexts.current.as_ref()) {
            return Self::in_context(name, contexts.named(name)?, key_given);
        }
        if let Some(url) = url_of(data) {
            return Self::at(given, around, trimmed(&url), data);
        }
        match key_given {
            Some(key) => Ok(Self { url: LOCAL_URL.to_owned(), key: Ok(key) }),
            None => Err(RemoteError::NoRelay),
        }
    }

    /// The relay of a context, with another key if one is given.
    fn in_context(name: &str, context: &Context, key: Option<Secret>) -> Result<Self, RemoteError> {
        let now = adapters::clock::Clock::system().now().rfc3339();
        // Both are RFC 3339 in UTC, so that they compare as texts.
        let ended = context.expires_at.as_ref().is_some_and(|until| *until <= now);
        match key {
            None if ended => Err(RemoteError::Ended(name.to_owned())),
            key => Ok(Self {
                url: trimmed(&context.url),
                key: Ok(key.unwrap_or_else(|| context.key.clone())),
            }),
        }
    }

    /// The relay at a URL, with the key that is given or was kept for that URL.
    fn at(
        given: &Remote,
        around: &Surroundings,
        url: String,
        data: &Path,
    ) -> Result<Self, RemoteError> {
        let file = data.join("admin.key");
        // `relay dev` listens on loopback only. A directory that was named is meant whatever the URL is.
        let kept = || match given.data.is_some() || is_loopback(&url) {
            true => std::fs::read_to_string(&file).ok().map(|key| Secret::new(key.trim())),
            false => None,
        };
        let of_context = || {
            let contexts = around.read().ok()?.contexts;
            contexts
                .into_values()
                .find(|context| trimmed(&context.url) == url)
                .map(|context| context.key)
        };
        let named = given.data.is_some().then(kept).flatten();
        let key = given.key.clone().or(named).or_else(|| around.key.clone()).or_else(of_context);
        Ok(Self { key: key.or_else(kept).ok_or(file), url })
    }

    /// The API key to send; the error says where one was looked for.
    ///
    /// # Errors
    /// [`RemoteError::NoKey`] if there is none for this relay.
    pub(super) fn key(&self) -> Result<&Secret, RemoteError> {
        self.key.as_ref().map_err(|file| {
            RemoteError::NoKey(format!("{} has none in {}", self.url, file.display()))
        })
    }

    /// This relay with another key.
    pub(super) fn with_key(&self, key: Secret) -> Self {
        Self { url: self.url.clone(), key: Ok(key) }
    }
}

fn trimmed(url: &str) -> String {
    url.trim().trim_end_matches('/').to_owned()
}

/// The URL of the `relay dev` whose data lies there, as its last start wrote it.
fn url_of(data: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data.join("env")).ok();
    let line = |text: &str| {
        Some(text.lines().find_map(|line| line.strip_prefix("PUBLIC_URL="))?.to_owned())
    };
    match text.as_deref().and_then(line) {
        // What lies in a directory may come with a clone of somebody else's repository.
        Some(url) => is_loopback(&url).then_some(url),
        None => data.join("admin.key").exists().then(|| LOCAL_URL.to_owned()),
    }
}

/// Whether a URL leads to this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
