//! Telling a system's own dashboard how a delivery ended, over Redis. It is told once and not
//! again: who listens to a channel hears what is said while they listen, and the table is what holds.

use std::time::Duration;

use adapters::caller::{Caller, OutboundCall};
use domain::{
    outgoing::{DeliveryResult, status},
    retry::CallOutcome,
};
use http::HeaderMap;
use tracing::warn;

/// Longest that a dashboard may hold up a delivery that has ended.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Publishes what there is to say to the server that the endpoint's owner named.
pub(crate) async fn tell(caller: &Caller, server: &str, payload: &[u8], ended: DeliveryResult<'_>) {
    for (channel, body) in status(payload, ended) {
        let channel: String =
            url::form_urlencoded::byte_serialize(channel.as_bytes()).collect::<String>();
        let url = format!("{}/{}", server.trim_end_matches('/'), channel.replace('+', "%20"));
        let call = OutboundCall {
            url: &url,
            headers: HeaderMap::new(),
            body,
            timeout: TIMEOUT,
            now: ended.at,
            label: None,
        };
        let answer = caller.post(call).await;
        if !matches!(answer.outcome, CallOutcome::Answered { .. }) {
            warn!(detail = answer.detail, "a dashboard was not told how a delivery ended");
            return;
        }
    }
}
