//! The access log: one structured event for each request of a sender and for each attempt of a
//! delivery, under the target [`TARGET`] at the level debug.
//!
//! `relay dev` prints them as lines. On Lambda the level is off unless `RUST_LOG` asks for it, and each
//! costs one comparison. They hold no body, no header and no part of a URL behind its host.

use std::time::Duration;

use domain::{
    delivery::{Delivery, DeliveryState},
    event::Event,
    retry::ErrorClass,
};
use tracing::{Level, debug, enabled};
use url::Url;

/// The target of the access log's events.
pub const TARGET: &str = "access";

/// A request of a sender, and its answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SenderCall<'a> {
    /// The name of the source, as it was called.
    pub source: &'a str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The time from the request's head to the answer.
    pub took: Duration,
    /// The id of the event, if the request was accepted as one.
    pub event: Option<&'a str>,
    /// The type of that event.
    pub event_type: Option<&'a str>,
    /// The reason why the request was not accepted.
    pub reason: Option<&'a str>,
}

/// Whether anybody reads the access log. What only the log needs is made only then.
pub fn is_on() -> bool {
    enabled!(target: TARGET, Level::DEBUG)
}

/// Logs a request of a sender.
pub fn called(call: &SenderCall<'_>) {
    let SenderCall { source, status, took, event, event_type, reason } = *call;
    let ms = millis(took);
    debug!(target: TARGET, direction = "in", source, status, ms, event, event_type, reason);
}

/// Logs a message that was published through the API.
pub fn published(event: &Event) {
    if is_on() {
        let (id, event_type) = (event.id.event(), event.event_type.as_str());
        debug!(target: TARGET, direction = "in", published = true, event = id, event_type);
    }
}

/// Logs the latest attempt of a delivery of this event.
pub fn attempted(delivery: &Delivery, event: &Event) {
    if !is_on() {
        return;
    }
    let Some(attempt) = delivery.attempts.last() else { return };
    let host = host(&attempt.url);
    let error = attempt.error.filter(|class| *class != ErrorClass::Status).map(ErrorClass::word);
    let next_at = (delivery.state == DeliveryState::Pending).then(|| delivery.next_at.rfc3339());
    debug!(
        target: TARGET,
        direction = "out",
        endpoint = delivery.endpoint.as_str(),
        host,
        event = event.id.event(),
        event_type = event.event_type.as_str(),
        delivery = delivery.id.as_str(),
        attempt = delivery.made,
        status = attempt.status,
        error,
        ms = attempt.duration_ms,
        state = delivery.state.word(),
        next_at,
    );
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// Scheme, host and port of a URL, or the ARN of a queue or an event bus. What stands behind a host may
/// be a secret.
fn host(url: &str) -> String {
    if url.starts_with("arn:") {
        return url.to_owned();
    }
    let Ok(url) = Url::parse(url) else { return String::new() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_the_host_is_shown() {
        for (url, shown) in [
            ("https://user:pw@hooks.example/services/T0/secret?token=x", "https://hooks.example"),
            ("http://127.0.0.1:9000/hook", "http://127.0.0.1:9000"),
            ("redis://:pw@10.0.0.5:6379/channel", "redis://10.0.0.5:6379"),
            ("arn:aws:sqs:eu-central-1:1:orders", "arn:aws:sqs:eu-central-1:1:orders"),
            ("not a url", ""),
        ] {
            assert_eq!(host(url), shown);
        }
    }
}
