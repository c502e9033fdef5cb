//! Logs: JSON lines on standard output, one per thing that went wrong, none per thing that went
//! right. Lambda adds the request id; `RUST_LOG` or Lambda's own `AWS_LAMBDA_LOG_LEVEL` set the level.

use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Starts logging. Call it once, first.
pub fn init() {
    let level = std::env::var("RUST_LOG").or_else(|_| std::env::var("AWS_LAMBDA_LOG_LEVEL"));
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false);
    // A second start (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(lines.with_filter(levels(level.ok()))).try_init();
}

/// `info`, or `warn,target=debug`; what cannot be read is `info`.
pub fn levels(text: Option<String>) -> Targets {
    let usual = Targets::new().with_default(tracing::Level::INFO);
    text.and_then(|text| text.to_lowercase().parse().ok()).unwrap_or(usual)
}
