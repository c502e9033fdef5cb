//! The machine's clock, which SQS and the WebSocket API read.

use std::time::{SystemTime, UNIX_EPOCH};

/// The system's time in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "services of AWS have a clock of their own")]
pub(crate) fn machine_time() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
