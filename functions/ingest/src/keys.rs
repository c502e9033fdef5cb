//! Public keys that a sender publishes, fetched when such a sender calls and not before.
//!
//! A set is kept for a day at most, as fal asks, and looked at again after half of that. A
//! signature that no key makes may be a new key's: then the set is fetched again, but for a source
//! at most once a minute, so that forgeries cannot make us hammer the sender.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use adapters::{
    Unavailable,
    caller::{Caller, FetchRequest},
};
use domain::{
    address::Rule, retry::CallOutcome, secret::Secret, signature::key_set, time::Timestamp,
};
use tracing::warn;

/// The time for which a set is used without asking for it again.
const FRESH_FOR: Duration = Duration::from_secs(12 * 3600);
/// The time for which a set may be used while its address does not answer.
const USABLE_FOR: Duration = Duration::from_secs(24 * 3600);
/// The least time between two requests for a set that unknown keys cause.
const REFETCH_EVERY: Duration = Duration::from_secs(60);
/// The least time between two requests to an address that did not answer.
const RETRY_EVERY: Duration = Duration::from_secs(5);
/// The longest time that a request for a set may take. The sender waits for its answer meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);
/// Largest key set that is read.
const MAX_SET: usize = 64 * 1024;
/// The most addresses whose key sets are remembered.
const MAX_SETS: usize = 100;

/// The key sets that an instance has fetched lately, by address.
pub(crate) struct KeySets {
    rule: Rule,
    /// Made for the first source that needs it: nobody else pays for its roots.
    caller: OnceLock<Caller>,
    seen: Mutex<HashMap<String, CachedKeySet>>,
}

impl std::fmt::Debug for KeySets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySets")
    }
}

#[derive(Clone, Default)]
struct CachedKeySet {
    /// The time of the last request for the set.
    asked_at: Timestamp,
    /// The time of the last answer and the keys in it; `None` before the first answer.
    heard: Option<(Timestamp, Vec<Secret>)>,
}

impl KeySets {
    pub(crate) fn new(rule: Rule) -> Self {
        Self { rule, caller: OnceLock::new(), seen: Mutex::default() }
    }

    /// The keys at this address.
    pub(crate) async fn keys(&self, url: &str, now: Timestamp) -> Result<Vec<Secret>, Unavailable> {
        let seen = self.seen(url);
        let usable = seen.heard.as_ref().filter(|(at, _)| now.since(*at) < USABLE_FOR);
        if let Some((at, keys)) = usable {
            let rest = now.since(*at) < FRESH_FOR || now.since(seen.asked_at) < REFETCH_EVERY;
            if rest {
                return Ok(keys.clone());
            }
        } else if now.since(seen.asked_at) < RETRY_EVERY {
            return Err(unreachable("asked a moment ago"));
        }
        match (self.fetch(url, now).await, usable) {
            (Ok(keys), _) => Ok(keys),
            (Err(_), Some((_, keys))) => Ok(keys.clone()),
            (Err(error), None) => Err(error),
        }
    }

    /// The keys again, if they were not asked for a moment ago and are others now.
    pub(crate) async fn newer(&self, url: &str, now: Timestamp) -> Option<Vec<Secret>> {
        let seen = self.seen(url);
        if now.since(seen.asked_at) < REFETCH_EVERY {
            return None;
        }
        let known = seen.heard.map(|(_, keys)| keys);
        self.fetch(url, now).await.ok().filter(|keys| known.as_ref() != Some(keys))
    }

    fn seen(&self, url: &str) -> CachedKeySet {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(url).cloned().unwrap_or_default()
    }

    fn remember(&self, url: &str, change: impl FnOnce(&mut CachedKeySet)) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if MAX_SETS <= seen.len() && !seen.contains_key(url) {
            seen.clear();
        }
        change(seen.entry(url.to_owned()).or_default());
    }

    async fn fetch(&self, url: &str, now: Timestamp) -> Result<Vec<Secret>, Unavailable> {
        self.remember(url, |seen| seen.asked_at = now);
        let caller = self.caller.get_or_init(|| Caller::new(self.rule.clone()));
        let headers = axum::http::HeaderMap::new();
        let question = FetchRequest { url, headers, timeout: PATIENCE, max_body: MAX_SET, now };
        let heard = caller.get(question).await;
        let keys = match heard.outcome {
            CallOutcome::Answered { status: 200, .. } => key_set(&heard.body),
            _ => None,
        };
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
            let error = unreachable(&format!("{:?} {}", heard.outcome, heard.detail));
            warn!(url, %error, "no key set");
            return Err(error);
        };
        self.remember(url, |seen| seen.heard = Some((now, keys.clone())));
        Ok(keys)
    }
}

fn unreachable(why: &str) -> Unavailable {
    Unavailable::new("fetching a sender's keys", why.to_owned())
}
