//! Tests of the requests that SQS refuses, with the error codes of AWS.

use aws_sdk_sqs::{
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};

use crate::{in_memory, inbox, receive_one, send};

const MEBIBYTE: usize = 1_048_576;

/// The error code of a call; empty if the call succeeded.
fn code<T, E: ProvideErrorMetadata>(outcome: Result<T, SdkError<E>>) -> String {
    match outcome {
        Ok(_) => String::new(),
        Err(SdkError::ServiceError(refusal)) => refusal.err().code().unwrap_or("none").to_owned(),
        Err(_) => "no answer".to_owned(),
    }
}

fn entry(id: &str, bytes: usize) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body("x".repeat(bytes))
        .build()
        .expect("an entry")
}

#[tokio::test]
async fn a_message_may_be_a_mebibyte_long_with_its_attributes() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let send = |bytes: usize| sqs.send_message().queue_url(&url).message_body("x".repeat(bytes));
    assert_eq!(code(send(MEBIBYTE).send().await), "");
    assert_eq!(code(send(MEBIBYTE + 1).send().await), "InvalidParameterValue");
    let value = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("x")
        .build()
        .expect("a value");
    let with_attribute = send(MEBIBYTE - 7).message_attributes("n", value);
    assert_eq!(code(with_attribute.send().await), "InvalidParameterValue");
    assert_eq!(receive_one(&sqs, &url, 0).await.body().map(str::len), Some(MEBIBYTE));
}

#[tokio::test]
async fn a_batch_may_be_ten_distinct_messages_of_a_mebibyte_together() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let send = async |entries: Vec<_>| {
        code(sqs.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await)
    };
    let numbered = |count: usize| (0..count).map(|n| entry(&n.to_string(), 1)).collect();
    let prefixed = |name: &str| format!("AWS.SimpleQueueService.{name}");
    assert_eq!(send(vec![entry("a", MEBIBYTE / 2), entry("b", MEBIBYTE / 2)]).await, "");
    let too_long = vec![entry("a", MEBIBYTE / 2), entry("b", MEBIBYTE / 2 + 1)];
    assert_eq!(send(too_long).await, prefixed("BatchRequestTooLong"));
    assert_eq!(send(numbered(10)).await, "");
    assert_eq!(send(numbered(11)).await, prefixed("TooManyEntriesInBatchRequest"));
    assert_eq!(send(vec![]).await, prefixed("EmptyBatchRequest"));
    assert_eq!(
        send(vec![entry("a", 1), entry("a", 1)]).await,
        prefixed("BatchEntryIdsNotDistinct")
    );
    assert_eq!(send(vec![entry("a b", 1)]).await, prefixed("InvalidBatchEntryId"));
}

#[tokio::test]
async fn times_and_counts_have_limits() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    for (delay, expected) in
        [(900, ""), (901, "InvalidParameterValue"), (-1, "InvalidParameterValue")]
    {
        let send = sqs.send_message().queue_url(&url).message_body("x").delay_seconds(delay);
        assert_eq!(code(send.send().await), expected, "a delay of {delay}");
    }
    send(&sqs, &url, "x").await;
    let message = receive_one(&sqs, &url, 0).await;
    for (seconds, expected) in [(43_200, ""), (43_201, "InvalidParameterValue")] {
        let change = sqs.change_message_visibility().queue_url(&url).visibility_timeout(seconds);
        let change = change.set_receipt_handle(message.receipt_handle.clone());
        assert_eq!(code(change.send().await), expected, "{seconds}");
        let receive = sqs.receive_message().queue_url(&url).visibility_timeout(seconds);
        assert_eq!(code(receive.send().await), expected, "{seconds}");
    }
    for count in [0, 11] {
        let receive = sqs.receive_message().queue_url(&url).max_number_of_messages(count);
        assert_eq!(code(receive.send().await), "InvalidParameterValue", "{count} messages");
    }
    let receive = sqs.receive_message().queue_url(&url).wait_time_seconds(21);
    assert_eq!(code(receive.send().await), "InvalidParameterValue");
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let nowhere = format!("{url}-nowhere");
    let missing = sqs
        .send_message()
        .queue_url(&nowhere)
        .message_body("x")
        .send()
        .await
        .expect_err("no queue");
    assert!(missing.into_service_error().is_queue_does_not_exist());
    let missing = sqs.get_queue_url().queue_name("nowhere").send().await;
    assert_eq!(code(missing), "AWS.SimpleQueueService.NonExistentQueue");
    let delete = sqs.delete_message().queue_url(&url).receipt_handle("nonsense");
    assert!(
        delete
            .send()
            .await
            .expect_err("no handle")
            .into_service_error()
            .is_receipt_handle_is_invalid()
    );

    send(&sqs, &url, "x").await;
    let message = receive_one(&sqs, &url, 0).await;
    let elsewhere = aws.queue_url(&aws.names().outbox);
    let delete =
        sqs.delete_message().queue_url(elsewhere).set_receipt_handle(message.receipt_handle);
    assert_eq!(code(delete.send().await), "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn a_queue_is_created_once_and_only_as_it_is() {
    let aws = in_memory().await;
    let (sqs, _) = inbox(&aws);
    let create = |name: &str, seconds: &str| {
        let name_of = aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout;
        sqs.create_queue().queue_name(name).attributes(name_of, seconds).send()
    };
    assert_eq!(code(create("extra", "30").await), "");
    assert_eq!(code(create("extra", "30").await), "");
    assert_eq!(code(create("extra", "31").await), "QueueAlreadyExists");
    assert_eq!(
        code(create("extra.fifo", "30").await),
        "AWS.SimpleQueueService.UnsupportedOperation"
    );
    assert_eq!(code(create("a name", "30").await), "InvalidParameterValue");
}
