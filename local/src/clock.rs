//! The clocks that the services read.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The system's time in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "services of AWS have a clock of their own")]
pub(crate) fn machine_time() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// The clock of the queues and of indexes that lag, which can be moved forward.
#[derive(Debug)]
pub(crate) struct ServiceClock {
    /// The time at which this clock was stopped, in milliseconds since 1970, if it was.
    stopped_at: Option<i64>,
    /// Milliseconds by which this clock is ahead of the system's.
    skipped_ms: AtomicI64,
}

impl ServiceClock {
    /// A clock that goes as the system's does, or one that stands still until it is moved.
    pub(crate) fn new(stands_still: bool) -> ServiceClock {
        ServiceClock { stopped_at: stands_still.then(machine_time), skipped_ms: AtomicI64::new(0) }
    }

    /// The time in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        let now = self.stopped_at.unwrap_or_else(machine_time);
        now.saturating_add(self.skipped_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock forward.
    pub(crate) fn skip(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        self.skipped_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
