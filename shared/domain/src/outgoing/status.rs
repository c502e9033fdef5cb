//! Messages for WEPPcloud's dashboard (R4.7): one on the status channel of the job's run, and one
//! on a channel for telemetry.

use serde::Serialize;

use super::notice::{Notice, seconds};
use crate::time::Timestamp;

/// The key of the endpoint's metadata that names the Redis server to tell, such as
/// `redis://10.0.0.5:6379`.
pub const STATUS_REDIS: &str = "status_redis";

/// The end of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryResult<'a> {
    /// The URL that was called.
    pub url: &'a str,
    /// Whether the endpoint accepted the delivery.
    pub delivered: bool,
    /// The number of attempts that were made.
    pub attempts: u32,
    /// The time at which the delivery ended.
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Telemetry<'a> {
    job_id: &'a str,
    runid: Option<&'a str>,
    url: &'a str,
    status: &'a str,
    attempts: u32,
    timestamp: f64,
}

/// The messages to publish, each with its channel. None for an event that is not about a job.
pub fn status(payload: &[u8], ended: DeliveryResult<'_>) -> Vec<(String, Vec<u8>)> {
    let Some(notice) = Notice::read(payload) else { return Vec::new() };
    let Some(job) = notice.text("data.job.external_id") else { return Vec::new() };
    let run = notice.text("data.job.run_id");
    let mut messages = Vec::new();
    if let (Some(run), true) = (&run, ended.delivered) {
        let text = format!("Webhook delivered for job {job}");
        messages.push((format!("{run}:webhook"), text.into_bytes()));
    }
    let telemetry = Telemetry {
        job_id: &job,
        runid: run.as_deref(),
        // What stands behind may be a secret of the subscriber's.
        url: ended.url.split(['?', '#']).next().unwrap_or_default(),
        status: if ended.delivered { "success" } else { "failed" },
        attempts: ended.attempts,
        timestamp: seconds(ended.at),
    };
    let telemetry = serde_json::to_vec(&telemetry).expect("plain data serialises");
    messages.push(("webhooks:telemetry".to_owned(), telemetry));
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_7_the_status_channel_and_the_telemetry_say_how_a_delivery_ended() {
        let payload = br#"{"type":"job.succeeded","data":{"job":{"external_id":"j1","run_id":"ab-cd","status":"succeeded"}}}"#;
        let mut ended = DeliveryResult {
            url: "https://customer.example/hook?token=planted",
            delivered: true,
            attempts: 2,
            at: Timestamp(1_700_000_000_250),
        };
        let text = |messages: Vec<(String, Vec<u8>)>| -> Vec<(String, String)> {
            let text = |bytes| String::from_utf8(bytes).expect("text");
            messages.into_iter().map(|(channel, body)| (channel, text(body))).collect()
        };
        let told = text(status(payload, ended));
        assert_eq!(told[0], ("ab-cd:webhook".into(), "Webhook delivered for job j1".into()));
        assert_eq!(told[1].0, "webhooks:telemetry");
        assert_eq!(
            told[1].1,
            r#"{"job_id":"j1","runid":"ab-cd","url":"https://customer.example/hook","status":"success","attempts":2,"timestamp":1700000000.25}"#
        );
        ended.delivered = false;
        let told = text(status(payload, ended));
        assert_eq!(told.len(), 1, "what did not arrive is for telemetry alone");
        assert!(told[0].1.contains(r#""status":"failed""#));
        assert!(status(b"{}", ended).is_empty() && status(b"no JSON", ended).is_empty());
    }
}
