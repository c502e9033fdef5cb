//! Logs: JSON lines on standard output, one per thing that went wrong, none per thing that went
//! right. Lambda adds the request id; `RUST_LOG` or Lambda's own `AWS_LAMBDA_LOG_LEVEL` set the level.

use tracing_subscriber::EnvFilter;

/// Starts logging. Call it once, first.
pub fn init() {
    let level = std::env::var("RUST_LOG").or_else(|_| std::env::var("AWS_LAMBDA_LOG_LEVEL"));
    let filter = EnvFilter::try_new(level.unwrap_or_else(|_| "info".to_owned()).to_lowercase())
        .unwrap_or_else(|_| EnvFilter::new("info"));
    // A second start (tests) changes nothing.
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .try_init();
}
