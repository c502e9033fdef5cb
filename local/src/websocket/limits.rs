//! The numbers of the WebSocket API: its stage, sizes and times.

use std::time::Duration;

/// The only stage.
pub(crate) const STAGE: &str = "live";
/// The longest frame of a client in bytes: 32 KB.
pub(super) const FRAME: usize = 32 * 1024;
/// The longest message in bytes, in both directions: 128 KB.
pub(super) const MESSAGE: usize = 128 * 1024;
/// The most bytes that wait in the gateway for one client to read them: 1 MB, seven of the longest messages.
/// Besides them the operating system's socket buffers hold some megabytes.
pub(super) const BUFFER: usize = 8 * MESSAGE;

/// How long connections last. The defaults are the quotas of API Gateway; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct WebSocketLimits {
    /// The time without a frame in either direction after which a connection is closed: 10 minutes.
    pub idle: Duration,
    /// The longest life of a connection: 2 hours.
    pub life: Duration,
}

impl Default for WebSocketLimits {
    fn default() -> Self {
        WebSocketLimits { idle: Duration::from_secs(600), life: Duration::from_secs(7200) }
    }
}
