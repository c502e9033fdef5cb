//! The clients of AWS by which deliveries go to queues and buses, and what AWS answered, put as HTTP puts it: what goes
//! to a queue or a bus is judged, retried and shown as anything else.

use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use domain::retry::{CallOutcome, ErrorClass};

use super::{call::Failure, eventbridge::EventBridge};
use crate::queue::{Queue, SiblingQueues};

/// Clients of the AWS services that deliveries may go to. A kind of destination without a client is
/// class `relay` at the attempt.
#[derive(Clone, Debug, Default)]
pub struct AwsSenders {
    pub(super) queues: Option<SiblingQueues>,
    pub(super) buses: Option<EventBridge>,
}

impl AwsSenders {
    /// Sends to queues in the account and region of this queue, which is one of the relay's own.
    pub fn beside(own: &Queue) -> Self {
        Self { queues: Some(own.beside()), ..Self::default() }
    }

    /// Sends to event buses too, if there is a client.
    #[must_use]
    pub fn with_buses(self, buses: Option<EventBridge>) -> Self {
        Self { buses, ..self }
    }
}

/// The refusal that AWS answered to a call of its SDK: the code, with the status that it has or would have
/// over HTTP. AWS's message is left out, because it names the relay's role.
pub(super) fn refused<E: ProvideErrorMetadata>(
    error: &SdkError<E>,
    service: &str,
) -> Result<(CallOutcome, String), Failure> {
    let class = match error {
        SdkError::ServiceError(said) => {
            let code = said.err().code().unwrap_or("unknown");
            return Ok(coded(code, said.raw().status().as_u16()));
        }
        SdkError::TimeoutError(_) => ErrorClass::Timeout,
        SdkError::DispatchFailure(_) => ErrorClass::Connect,
        SdkError::ResponseError(_) => ErrorClass::Protocol,
        _ => ErrorClass::Relay,
    };
    Err(Failure::new(class, format!("{service} did not answer")))
}

/// The answer of this code; AWS answers 400 to almost everything.
pub(super) fn coded(code: &str, answered: u16) -> (CallOutcome, String) {
    let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
    let status = match answered {
        _ if has(&["Throttl"]) => 429,
        _ if has(&["NonExistentQueue", "QueueDoesNotExist", "ResourceNotFound"]) => 404,
        _ if has(&["AccessDenied", "NotAuthorized"]) => 403,
        _ if has(&["InternalFailure", "InternalException"]) => 500,
        _ => answered,
    };
    (CallOutcome::Answered { status, retry_after: None }, code.to_owned())
}

/// A service that answers once, to test against.
#[cfg(test)]
pub(super) mod once {
    use std::time::Duration;

    use aws_sdk_sqs::config::{Credentials, Region};
    use domain::{
        retry::{CallOutcome, ErrorClass},
        time::Timestamp,
    };
    use http::HeaderMap;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        task::JoinHandle,
    };

    use crate::caller::{CallLabel, CallResult, Caller, OutboundCall};

    pub(crate) const REGION: Region = Region::from_static("us-east-1");
    pub(crate) const ACCOUNT: &str = "000000000000";

    /// The credentials with which the tests sign their calls.
    pub(crate) fn credentials() -> Credentials {
        Credentials::for_tests()
    }

    /// A server that answers one request with this status and body of JSON: its URL, and a handle whose
    /// result is the request.
    pub(crate) async fn answering(said: (u16, &str)) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let (status, text) = said;
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        let asked = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut seen = Vec::new();
            while !seen.ends_with(b"}") {
                let mut part = [0; 4096];
                let count = stream.read(&mut part).await.expect("read");
                seen.extend_from_slice(&part[..count]);
            }
            stream.write_all(answer.as_bytes()).await.expect("written");
            String::from_utf8(seen).expect("text")
        });
        (url, asked)
    }

    /// Calls with an ARN, and gives the answer and what the service was asked, which is nothing if nobody did.
    pub(crate) async fn post(
        caller: &Caller,
        arn: &str,
        (headers, body): (HeaderMap, &[u8]),
        asked: JoinHandle<String>,
    ) -> (CallResult, String) {
        let (timeout, now) = (Duration::from_secs(20), Timestamp::from_secs(0));
        let label = Some(CallLabel {
            id: "msg_1",
            endpoint: "ep_1",
            application: "app_1",
            event_type: "job.succeeded",
            once: "dlv_1",
            happened: Timestamp::from_secs(1_700_000_000),
        });
        let call = OutboundCall { url: arn, headers, body: body.to_vec(), timeout, now, label };
        let answer = caller.post(call).await;
        // What is unfit is told so by us, or by the service.
        let unfit = answer.outcome == CallOutcome::Failed(ErrorClass::Unfit);
        if unfit && !asked.is_finished() {
            asked.abort();
            return (answer, String::new());
        }
        (answer, asked.await.expect("asked"))
    }
}
