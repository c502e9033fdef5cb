//! Puts events on a bus of EventBridge: the body as the event's detail, and on the outside what its rules match by.

use aws_sdk_eventbridge::{
    Client,
    config::{Builder, retry::RetryConfig},
    primitives::DateTime,
    types::PutEventsRequestEntry,
};
use domain::{
    destination::DestinationBus,
    retry::{CallOutcome, ErrorClass},
    time::Timestamp,
};
use serde::de::IgnoredAny;

use super::{
    aws::{AwsSenders, coded, refused},
    call::{CallLabel, Failure, OutboundCall},
};

/// Bytes in an entry, as EventBridge counts them: 1 MiB since January 2026, 256 KiB before.
const MAX_BYTES: usize = 1_048_576;
/// Bytes that EventBridge counts for the time of an entry.
const TIME: usize = 14;
/// The `Source` of every event that the relay puts on a bus.
const SOURCE: &str = "webhook-relay";

/// Puts events on the buses of the relay's own account and region.
#[derive(Clone, Debug)]
pub struct EventBridge(Client);

impl EventBridge {
    /// Puts events with this client.
    pub const fn new(client: Client) -> Self {
        Self(client)
    }
}

impl AwsSenders {
    /// Puts a body as an event.
    pub(super) async fn put(
        &self,
        bus: &DestinationBus,
        call: &OutboundCall<'_>,
    ) -> Result<(CallOutcome, String), Failure> {
        let nothing = |what: &str| Failure::new(ErrorClass::Relay, what);
        let Some(EventBridge(client)) = &self.buses else {
            return Err(nothing("nothing here puts events on buses"));
        };
        let label = call.label.ok_or_else(|| nothing("an event has an id and a type"))?;
        let entry = entry(bus, label, detail(&call.body)?)?;
        // An attempt is one call: how often there is another is for the endpoint's policy to say.
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let put = client.put_events().entries(entry);
        let put = match put.customize().config_override(once).send().await {
            Ok(put) => put,
            Err(error) => return refused(&error, "EventBridge"),
        };
        let Some(entry) = put.entries().first() else {
            return Err(Failure::new(ErrorClass::Protocol, "EventBridge answered for no event"));
        };
        match (entry.event_id(), entry.error_code()) {
            (Some(id), None) => Ok((
                CallOutcome::Answered { status: 200, retry_after: None },
                format!("event {id}"),
            )),
            (_, Some("MalformedDetail")) => {
                Err(unfit("EventBridge does not read it (MalformedDetail)"))
            }
            (_, code) => Ok(coded(code.unwrap_or("unknown"), 400)),
        }
    }
}

fn unfit(why: &str) -> Failure {
    Failure::new(ErrorClass::Unfit, why)
}

/// The body, if it is what EventBridge takes: a JSON object.
fn detail(body: &[u8]) -> Result<&str, Failure> {
    let text = str::from_utf8(body).ok();
    let is_object = |text: &&str| {
        text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
    };
    text.filter(is_object).ok_or_else(|| unfit("an event's detail is a JSON object"))
}

/// The one entry of a call. Whatever is said of it is in it: a bus has no headers, and who reads it
/// believes what the relay alone may put there.
fn entry(
    bus: &DestinationBus,
    label: CallLabel<'_>,
    detail: &str,
) -> Result<PutEventsRequestEntry, Failure> {
    let CallLabel { id, endpoint, application, event_type, happened, .. } = label;
    let resources = [id, endpoint, application];
    let texts = [SOURCE, event_type, detail].into_iter().chain(resources);
    if MAX_BYTES < TIME + texts.map(str::len).sum::<usize>() {
        return Err(unfit("an event has 1 MiB, its type and resources included"));
    }
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus.name())
        .source(SOURCE)
        .detail_type(event_type)
        .set_resources(Some(resources.map(str::to_owned).to_vec()))
        .time(at(happened))
        .detail(detail);
    Ok(entry.build())
}

fn at(time: Timestamp) -> DateTime {
    DateTime::from_secs(i64::try_from(time.secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::config::BehaviorVersion;
    use domain::{address::Rule, destination::AwsDestinations};
    use http::HeaderMap;

    use super::*;
    use crate::{
        caller::{AwsSenders, CallResult, Caller, aws::once},
        queue::Queue,
    };

    const ARN: &str = "arn:aws:events:us-east-1:000000000000:event-bus/jobs";
    /// Calls with the bus's ARN, and gives the answer and what EventBridge was asked; it answers this status and body,
    /// once.
    async fn put(body: &[u8], said: (u16, &str)) -> (CallResult, String) {
        let (url, asked) = once::answering(said).await;
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(once::REGION)
            .credentials_provider(once::credentials())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&url);
        let buses = EventBridge::new(Client::from_conf(config.build()));
        let sqs = aws_sdk_sqs::Config::builder().behavior_version(BehaviorVersion::latest());
        let own = Queue::new(aws_sdk_sqs::Client::from_conf(sqs.build()), String::new());
        let named =
            AwsDestinations::parse_list(ARN, once::REGION.as_ref(), once::ACCOUNT).expect("one");
        let caller = Caller::new(Rule::default())
            .sending_to(named, AwsSenders::beside(&own).with_buses(Some(buses)));
        once::post(&caller, ARN, (HeaderMap::new(), body), asked).await
    }

    const TAKEN: (u16, &str) = (200, r#"{"FailedEntryCount":0,"Entries":[{"EventId":"e-1"}]}"#);

    #[tokio::test]
    async fn a_body_is_the_detail_as_it_is_and_its_type_and_ids_are_outside() {
        let (answer, asked) = put(b"{\"a\": 1.0}", TAKEN).await;
        assert_eq!(answer.outcome, CallOutcome::Answered { status: 200, retry_after: None });
        assert_eq!(answer.response, "event e-1");
        for part in [
            r#""EventBusName":"jobs""#,
            r#""Source":"webhook-relay""#,
            r#""DetailType":"job.succeeded""#,
            r#""Resources":["msg_1","ep_1","app_1"]"#,
            r#""Detail":"{\"a\": 1.0}""#,
            r#""Time":1700000000"#,
            "AWSEvents.PutEvents",
        ] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
    }

    #[tokio::test]
    async fn what_a_bus_never_takes_is_not_put() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BYTES));
        for body in
            [large.as_bytes(), b"", b"[1]", b"\"a\"", b"{\"a\":1", b"{}{}", b"{\"a\":\"\xff\"}"]
        {
            let (answer, asked) = put(body, TAKEN).await;
            assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Unfit), "{}", answer.detail);
            assert_eq!(asked, "");
        }
    }

    #[tokio::test]
    async fn an_entry_that_failed_has_the_status_it_would_have_over_http_and_quotes_nothing() {
        for (code, status) in [
            ("ThrottlingException", 429),
            ("InternalFailure", 500),
            ("InternalException", 500),
            ("AccessDeniedException", 403),
            ("NotAuthorizedForSourceException", 403),
            ("ResourceNotFoundException", 404),
            ("InvalidArgument", 400),
        ] {
            let entry = format!(r#"{{"ErrorCode":"{code}","ErrorMessage":"planted"}}"#);
            let said = format!(r#"{{"FailedEntryCount":1,"Entries":[{entry}]}}"#);
            let (answer, _) = put(b"{}", (200, &said)).await;
            let outcome = CallOutcome::Answered { status, retry_after: None };
            assert_eq!((&answer.outcome, answer.response.as_str()), (&outcome, code));
        }
        let said = r#"{"FailedEntryCount":1,"Entries":[{"ErrorCode":"MalformedDetail"}]}"#;
        let (answer, _) = put(b"{}", (200, said)).await;
        assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Unfit));
    }

    #[tokio::test]
    async fn a_call_that_failed_is_an_outcome_too() {
        for (answered, code, status) in [
            (400, "ThrottlingException", 429),
            (400, "ResourceNotFoundException", 404),
            (400, "AccessDeniedException", 403),
            (400, "ValidationException", 400),
            (500, "InternalException", 500),
            (503, "ServiceUnavailable", 503),
        ] {
            let said = format!(r#"{{"__type":"{code}","message":"planted"}}"#);
            let (answer, _) = put(b"{}", (answered, &said)).await;
            let outcome = CallOutcome::Answered { status, retry_after: None };
            assert_eq!((&answer.outcome, answer.response.as_str()), (&outcome, code));
            assert!(!answer.detail.contains("planted"), "{}", answer.detail);
        }
        let (answer, _) = put(b"{}", (200, r#"{"FailedEntryCount":0,"Entries":[]}"#)).await;
        assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Protocol));
    }
}
