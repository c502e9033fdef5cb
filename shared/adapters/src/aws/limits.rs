//! Time limits and retries of calls to AWS, and the answers of DynamoDB for which a call is repeated.
//!
//! The SDK repeats a call that was throttled or had no answer, with pauses that double and are spread by
//! chance. Its budget is the time of the call and a number of repetitions for all calls of the process,
//! so that a service which is in trouble is not asked more and more often. After that the call fails as
//! [`Unavailable`](crate::Unavailable), and the message that led to it goes back to its queue.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::operation::{
    delete_item::DeleteItemError, put_item::PutItemError,
    transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
};
use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, InterceptorContext},
    retries::classifiers::{ClassifyRetry, RetryAction},
};

/// The most attempts of one call to AWS, the first included.
const ATTEMPTS: u32 = 6;
/// The longest pause before the second attempt; each further one is twice as long, up to
/// [`MAX_PAUSE`]. DynamoDB's own SDKs begin with 50 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The retry settings that the client of every AWS service gets.
pub(super) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(MAX_PAUSE)
}

/// Time limits of calls to DynamoDB, SQS, EventBridge and Secrets Manager, which answer within 0.1 s as
/// a rule. A call ends before `ingest` does, whose function has 10 s, so that the sender is answered.
pub(super) fn timeouts() -> TimeoutConfig {
    limits(Duration::from_secs(3), Duration::from_secs(8))
}

/// Time limits of calls to S3, which carry up to 6 MB.
pub(super) fn timeouts_of_bodies() -> TimeoutConfig {
    limits(Duration::from_secs(9), Duration::from_secs(20))
}

fn limits(attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(call).build()
}

/// The client of DynamoDB, which repeats what [`RefusedForNow`] names.
pub(super) fn dynamodb(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config);
    aws_sdk_dynamodb::Client::from_conf(config.retry_classifier(RefusedForNow).build())
}

/// Repeats a write that DynamoDB refused because of its load or of a collision with a transaction. The
/// SDK knows the exceptions for throttling, but not these two: a transaction that was cancelled for such
/// a reason, and a single write that met a transaction.
#[derive(Debug)]
pub(super) struct RefusedForNow;

impl ClassifyRetry for RefusedForNow {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        match error.as_operation_error() {
            Some(error) if is_transaction_refused_for_now(error) => RetryAction::throttling_error(),
            Some(error) if has_met_a_transaction(error) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "writes that DynamoDB refuses for now"
    }
}

fn is_transaction_refused_for_now(error: &Error) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.downcast_ref()
    else {
        return false;
    };
    is_for_now(cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()))
}

/// Whether the reasons for which a transaction was cancelled may be gone a moment later. A condition
/// that does not hold is an answer, whatever the reasons of the other writes are.
fn is_for_now<'c>(codes: impl Iterator<Item = &'c str>) -> bool {
    let mut some = false;
    for code in codes {
        match code {
            "None" => (),
            "ThrottlingError"
            | "ProvisionedThroughputExceeded"
            | "RequestLimitExceeded"
            | "TransactionConflict" => some = true,
            _ => return false,
        }
    }
    some
}

fn has_met_a_transaction(error: &Error) -> bool {
    let put = error.downcast_ref().is_some_and(PutItemError::is_transaction_conflict_exception);
    let update =
        error.downcast_ref().is_some_and(UpdateItemError::is_transaction_conflict_exception);
    let delete =
        error.downcast_ref().is_some_and(DeleteItemError::is_transaction_conflict_exception);
    put || update || delete
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
    use local::{Clients, LocalAws};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}"#;
    const SPENT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"m"}"#;
    const LIMIT: &str =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#RequestLimitExceeded","message":"m"}"#;
    const MET: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"m"}"#;
    const CONDITION: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"m"}"#;

    fn cancelled(code: &str) -> String {
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        format!(
            r#"{{"__type":"{kind}","message":"m","CancellationReasons":[{{"Code":"None"}},{{"Code":"{code}"}}]}}"#
        )
    }

    /// A DynamoDB that refuses the first calls with this error, and the number of calls it got.
    async fn refusing(times: usize, error: String) -> (aws_sdk_dynamodb::Client, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !is_whole(&request) {
                    let read = stream.read(&mut part).await.unwrap_or(0);
                    if read == 0 {
                        break;
                    }
                    request.extend_from_slice(&part[..read]);
                }
                let refused = counted.fetch_add(1, Ordering::SeqCst) < times;
                let (status, body) = if refused { (400, error.as_str()) } else { (200, "{}") };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + body).as_bytes()).await;
            }
        });
        let aws = LocalAws::start(local::Options::default()).await.expect("starts");
        let clients: Clients = aws.clients();
        let config = clients.sdk_config(&url).into_builder().retry_config(retries()).build();
        (dynamodb(&config), calls)
    }

    /// Whether a request has as many bytes behind its head as its head says.
    fn is_whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        length.unwrap_or(0) <= body.len()
    }

    #[tokio::test]
    async fn a_write_that_is_refused_for_load_or_a_collision_is_repeated_within_its_call() {
        let key = || AttributeValue::S("k".to_owned());
        for (error, repeated) in [
            (THROTTLED.to_owned(), true),
            (SPENT.to_owned(), true),
            (LIMIT.to_owned(), true),
            (MET.to_owned(), true),
            (CONDITION.to_owned(), false),
        ] {
            let (client, calls) = refusing(3, error.clone()).await;
            let put = client.put_item().table_name("t").item("pk", key()).send().await;
            assert_eq!(put.is_ok(), repeated, "{error}");
            assert_eq!(calls.load(Ordering::SeqCst), if repeated { 4 } else { 1 }, "{error}");
        }
        for (code, repeated) in [
            ("ThrottlingError", true),
            ("ProvisionedThroughputExceeded", true),
            ("TransactionConflict", true),
            ("ConditionalCheckFailed", false),
        ] {
            let (client, calls) = refusing(3, cancelled(code)).await;
            let delete = Delete::builder().table_name("t").key("pk", key()).build().expect("whole");
            let item = TransactWriteItem::builder().delete(delete).build();
            let written = client.transact_write_items().transact_items(item).send().await;
            assert_eq!(written.is_ok(), repeated, "{code}");
            assert_eq!(calls.load(Ordering::SeqCst), if repeated { 4 } else { 1 }, "{code}");
        }
    }

    #[tokio::test]
    async fn a_write_that_stays_refused_fails_after_the_attempts_of_one_call() {
        let (client, calls) = refusing(usize::MAX, cancelled("ThrottlingError")).await;
        let delete = Delete::builder().table_name("t").key("pk", AttributeValue::S("k".to_owned()));
        let item = TransactWriteItem::builder().delete(delete.build().expect("whole")).build();
        let written = client.transact_write_items().transact_items(item).send().await;
        assert!(written.is_err());
        assert_eq!(calls.load(Ordering::SeqCst), ATTEMPTS as usize);
    }

    #[test]
    fn a_transaction_is_repeated_if_nothing_but_load_or_a_collision_cancelled_it() {
        for (codes, again) in [
            (&["None", "ThrottlingError"][..], true),
            (&["ProvisionedThroughputExceeded"], true),
            (&["RequestLimitExceeded", "None"], true),
            (&["TransactionConflict", "ThrottlingError"], true),
            (&["ConditionalCheckFailed", "TransactionConflict"], false),
            (&["ThrottlingError", "ConditionalCheckFailed"], false),
            (&["ValidationError"], false),
            (&["ItemCollectionSizeLimitExceeded"], false),
            (&["None"], false),
            (&[], false),
        ] {
            assert_eq!(is_for_now(codes.iter().copied()), again, "{codes:?}");
        }
    }

    #[test]
    fn a_call_ends_before_the_function_that_makes_it() {
        let call = |limits: TimeoutConfig| limits.operation_timeout().expect("set");
        assert!(call(timeouts()) < Duration::from_secs(10), "`ingest` has 10 s");
        assert!(call(timeouts_of_bodies()) < Duration::from_secs(29), "`api` has 29 s");
        assert!(call(timeouts()) < call(timeouts_of_bodies()));
    }
}
