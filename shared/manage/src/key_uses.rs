//! The keys whose use this process has noted, so that each is noted once within ten minutes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{key::USE_NOTED_EVERY, time::Timestamp};

/// Keys whose uses are remembered. Beyond it, those of further keys are not noted.
const MAX_KEYS: usize = 1000;
/// The keys whose use this process has noted, and when. A write that failed is not tried again before the
/// time has passed, so that a table that refuses writes is not asked with every request.
#[derive(Debug, Default)]
pub(crate) struct KeyUses(Mutex<HashMap<String, Timestamp>>);

impl KeyUses {
    /// Whether this is the first use of a key within the time, and to be noted.
    pub(crate) fn is_first(&self, id: &str, now: Timestamp) -> bool {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
