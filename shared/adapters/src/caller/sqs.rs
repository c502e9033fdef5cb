//! Sends to a queue of SQS: the body as it is, the headers as attributes of the message, one call. An answer of SQS is
//! put as HTTP puts it, so that a delivery to a queue is judged, retried and shown as any other.

use aws_sdk_sqs::{
    config::{Builder, retry::RetryConfig},
    types::MessageAttributeValue,
};
use domain::{
    destination::DestinationQueue,
    retry::{CallOutcome, ErrorClass},
};
use http::{HeaderMap, header};

use super::{
    Caller,
    aws::refused,
    call::{Failure, OutboundCall},
};

/// Bytes in a message, attributes included.
const MAX_BYTES: usize = 1_048_576;
/// The most attributes that SQS takes on a message.
const MAX_ATTRIBUTES: usize = 10;

impl Caller {
    /// Sends a body as a message.
    pub(super) async fn enqueue(
        &self,
        queue: &DestinationQueue,
        call: &OutboundCall<'_>,
    ) -> Result<(CallOutcome, String), Failure> {
        let unfit = |why: &str| Failure::new(ErrorClass::Unfit, why);
        let Some(queues) = &self.senders.queues else {
            return Err(Failure::new(ErrorClass::Relay, "nothing here sends to queues"));
        };
        let body = str::from_utf8(&call.body).ok().filter(|body| body.chars().all(allowed));
        let body = body.filter(|body| !body.is_empty());
        let body = body.ok_or_else(|| unfit("a queue takes text, without control characters"))?;
        let headers: Vec<_> = headers(&call.headers).collect();
        if MAX_ATTRIBUTES < headers.len() {
            return Err(unfit("a message in a queue has no room for more than ten headers"));
        }
        let size = |(name, value): &(&str, &str)| name.len() + TEXT.len() + value.len();
        if MAX_BYTES < body.len() + headers.iter().map(size).sum::<usize>() {
            return Err(unfit("a queue takes 1 MiB, headers included"));
        }
        let mut message =
            queues.client.send_message().queue_url(queues.url(queue.name())).message_body(body);
        for (name, value) in headers {
            message = message.message_attributes(name, attribute(value));
        }
        if queue.is_fifo()
            && let Some(label) = call.label
        {
            message = message.message_group_id(label.endpoint).message_deduplication_id(label.once);
        }
        // An attempt is one call: how often there is another is for the endpoint's policy to say.
        let once = Builder::new().retry_config(RetryConfig::disabled());
        match message.customize().config_override(once).send().await {
            Ok(sent) => {
                let id = sent.message_id().unwrap_or_default();
                Ok((
                    CallOutcome::Answered { status: 200, retry_after: None },
                    format!("message {id}"),
                ))
            }
            Err(error) => refused(&error, "SQS"),
        }
    }
}

const TEXT: &str = "String";

fn attribute(value: &str) -> MessageAttributeValue {
    let value = MessageAttributeValue::builder().data_type(TEXT).string_value(value);
    value.build().expect("its type is set")
}

/// The headers that say something to whoever takes the message; an attribute is never empty.
fn headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .filter(|(name, _)| **name != header::USER_AGENT)
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .filter(|(_, value)| !value.is_empty())
}

/// XML 1.0's characters, which are what SQS takes.
const fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::BehaviorVersion;
    use domain::{address::Rule, destination::AwsDestinations};

    use super::*;
    use crate::{
        caller::{AwsSenders, CallResult, aws::once},
        queue,
    };

    const ARNS: [&str; 2] = [
        "arn:aws:sqs:us-east-1:000000000000:orders",
        "arn:aws:sqs:us-east-1:000000000000:orders.fifo",
    ];

    /// Calls with a queue's ARN, and gives the answer and what SQS was asked; it answers this status and body, once.
    async fn send(
        arn: &str,
        body: &[u8],
        headers: HeaderMap,
        said: (u16, &str),
    ) -> (CallResult, String) {
        let (url, asked) = once::answering(said).await;
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(once::REGION)
            .credentials_provider(once::credentials())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&url);
        let own = format!("{url}/000000000000/outbox");
        let own = queue::Queue::new(aws_sdk_sqs::Client::from_conf(config.build()), own);
        let queues =
            AwsDestinations::parse_list(&ARNS.join(","), once::REGION.as_ref(), once::ACCOUNT);
        let caller = Caller::new(Rule::default())
            .sending_to(queues.expect("queues"), AwsSenders::beside(&own));
        once::post(&caller, arn, (headers, body), asked).await
    }

    fn signed() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().expect("a header"));
        headers.insert("x-empty", "".parse().expect("a header"));
        headers.insert(header::USER_AGENT, "relay".parse().expect("a header"));
        headers
    }

    const SENT: (u16, &str) = (200, r#"{"MessageId":"m-1"}"#);

    #[tokio::test]
    async fn a_body_is_sent_as_it_is_with_its_headers_as_attributes() {
        let (answer, asked) = send(ARNS[0], b"{\"a\": 1}", signed(), SENT).await;
        assert_eq!(answer.outcome, CallOutcome::Answered { status: 200, retry_after: None });
        assert_eq!(answer.response, "message m-1");
        for part in [
            r#"/000000000000/orders""#,
            r#""MessageBody":"{\"a\": 1}""#,
            r#""MessageAttributes":{"webhook-id":{"StringValue":"msg_1","DataType":"String"}}"#,
        ] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
        assert!(!asked.contains("MessageGroupId"), "{asked}");
    }

    #[tokio::test]
    async fn a_queue_that_keeps_order_is_told_the_group_and_what_is_the_same() {
        let (answer, asked) = send(ARNS[1], b"{}", signed(), SENT).await;
        assert_eq!(answer.response, "message m-1");
        for part in [r#""MessageGroupId":"ep_1""#, r#""MessageDeduplicationId":"dlv_1""#] {
            assert!(asked.contains(part), "{part} is not in {asked}");
        }
    }

    #[tokio::test]
    async fn what_a_queue_never_takes_is_not_sent() {
        let large = vec![b'x'; MAX_BYTES - 3];
        for body in [&large[..], b"", b"\xff", b"a\x00b", "a\u{ffff}b".as_bytes()] {
            let (answer, _) = send(ARNS[0], body, signed(), SENT).await;
            assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Unfit), "{}", answer.detail);
        }
        let mut many = HeaderMap::new();
        for number in 0..=MAX_ATTRIBUTES {
            let name = http::HeaderName::try_from(format!("x-{number}")).expect("a name");
            many.insert(name, "1".parse().expect("a header"));
        }
        let (answer, _) = send(ARNS[0], b"{}", many, SENT).await;
        assert_eq!(answer.outcome, CallOutcome::Failed(ErrorClass::Unfit));
    }

    #[tokio::test]
    async fn a_refusal_has_the_status_it_would_have_over_http_and_quotes_nothing() {
        for (answered, code, status) in [
            (400, "QueueDoesNotExist", 404),
            (400, "AWS.SimpleQueueService.NonExistentQueue", 404),
            (400, "RequestThrottled", 429),
            (400, "ThrottlingException", 429),
            (400, "KmsThrottled", 429),
            (403, "AccessDeniedException", 403),
            (400, "AccessDenied", 403),
            (400, "InvalidParameterValue", 400),
            (500, "InternalFailure", 500),
            (503, "ServiceUnavailable", 503),
        ] {
            let said = format!(r#"{{"__type":"com.amazonaws.sqs#{code}","message":"planted"}}"#);
            let (answer, _) = send(ARNS[0], b"{}", signed(), (answered, &said)).await;
            let outcome = CallOutcome::Answered { status, retry_after: None };
            assert_eq!((&answer.outcome, answer.response.as_str()), (&outcome, code));
            assert!(!answer.detail.contains("planted"), "{}", answer.detail);
        }
    }
}
