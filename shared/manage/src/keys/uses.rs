//! Noting when a key was used: beside the request, within ten minutes once for each key and process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use adapters::table::WriteOutcome;
use domain::{
    key::{ApiKey, USE_NOTED_EVERY},
    time::Timestamp,
};
use tracing::warn;

use crate::ControlPlane;

/// Keys whose uses are remembered. Beyond it, those of further keys are not noted.
const MAX_KEYS: usize = 1000;
/// Longest time that the write may take. No request waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keys whose use this process has noted, and when. A write that failed is not tried again before the
/// time has passed, so that a table that refuses writes is not asked with every request.
#[derive(Debug, Default)]
pub(crate) struct KeyUses(Mutex<HashMap<String, Timestamp>>);

impl KeyUses {
    /// Whether this is the first use of a key within the time, and to be noted.
    fn is_first(&self, id: &str, now: Timestamp) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: Timestamp| now.since(at) < USE_NOTED_EVERY;
        if noted.get(id).is_some_and(|at| is_recent(*at)) {
            return false;
        }
        if MAX_KEYS <= noted.len() {
            noted.retain(|_, at| is_recent(*at));
        }
        if MAX_KEYS <= noted.len() {
            return false;
        }
        noted.insert(id.to_owned(), now);
        true
    }
}

/// Notes the use of a key that was read for a request, if none was noted within ten minutes. The write goes
/// on beside the request, which neither waits for it nor fails with it. Lambda may stop the process before
/// it has ended; the use is then noted by another request, ten minutes later.
pub(super) fn note(control: &ControlPlane, key: ApiKey) {
    let now = control.now();
    if !key.is_use_to_note(now) || !control.key_uses().is_first(&key.id, now) {
        return;
    }
    let table = control.table().clone();
    tokio::spawn(async move {
        match tokio::time::timeout(PATIENCE, table.note_key_use(&key, now)).await {
            Ok(Ok(WriteOutcome::Done | WriteOutcome::Refused)) => (),
            Ok(Err(error)) => warn!(%error, key = key.id, "the use of a key was not noted"),
            Err(_) => warn!(key = key.id, "the use of a key was not noted in time"),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_noted_once_in_ten_minutes_and_of_a_thousand_keys() {
        let (uses, now) = (KeyUses::default(), Timestamp::from_secs(1_700_000_000));
        assert!(uses.is_first("a", now));
        assert!(!uses.is_first("a", now.plus(Duration::from_secs(599))));
        assert!(uses.is_first("a", now.plus(USE_NOTED_EVERY)));
        for number in 1..MAX_KEYS {
            assert!(uses.is_first(&number.to_string(), now.plus(USE_NOTED_EVERY)));
        }
        assert!(!uses.is_first("beyond", now.plus(USE_NOTED_EVERY)));
        assert!(uses.is_first("beyond", now.plus(3 * USE_NOTED_EVERY)), "others are forgotten");
    }
}
