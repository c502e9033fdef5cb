//! The wall clock, or one that a test turns.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use domain::time::Timestamp;

/// The clock of the process. Tests set one of their own.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The wall clock of the machine.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is turned; clones of it are the same clock.
    pub fn manual(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicU64::new(at.0))))
    }

    /// The present time of the clock.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        let Some(hands) = &self.0 else {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Timestamp::default().plus(since);
        };
        Timestamp(hands.load(Ordering::SeqCst))
    }

    /// Turns a manual clock forward; the wall clock takes no notice.
    pub fn advance(&self, by: Duration) {
        if let Some(hands) = &self.0 {
            let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            hands.fetch_add(millis, Ordering::SeqCst);
        }
    }
}
