//! Tests of the requests that SQS refuses, with the error codes of AWS.

use std::time::Duration;

use aws_sdk_sqs::{
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};

use crate::{fifo, handle, in_memory, inbox, receive_one, send};

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
        let name_of = QueueAttributeName::VisibilityTimeout;
        sqs.create_queue().queue_name(name).attributes(name_of, seconds).send()
    };
    assert_eq!(code(create("extra", "30").await), "");
    assert_eq!(code(create("extra", "30").await), "");
    assert_eq!(code(create("extra", "31").await), "QueueAlreadyExists");
    assert_eq!(code(create("extra.fifo", "30").await), "InvalidParameterValue");
    assert_eq!(code(create("a name", "30").await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_fifo_queue_is_named_like_one_and_stays_one() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let create = async |name: &str, attributes: &[&(QueueAttributeName, &str)]| {
        let mut create = sqs.create_queue().queue_name(name);
        for (attribute, value) in attributes {
            create = create.attributes(attribute.clone(), *value);
        }
        code(create.send().await)
    };
    let fifo = (QueueAttributeName::FifoQueue, "true");
    assert_eq!(create("orders", &[&fifo]).await, "InvalidParameterValue");
    assert_eq!(create("orders.fifo", &[]).await, "InvalidParameterValue");
    let no_fifo = (QueueAttributeName::FifoQueue, "false");
    assert_eq!(create("orders", &[&no_fifo]).await, "InvalidAttributeName");
    for (attribute, value) in [
        (QueueAttributeName::ContentBasedDeduplication, "yes"),
        (QueueAttributeName::DeduplicationScope, "account"),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
    ] {
        let pair = (attribute, value);
        assert_eq!(create("orders", &[&pair]).await, "InvalidAttributeName", "{pair:?}");
        let refused = create("orders.fifo", &[&fifo, &pair]).await;
        assert_eq!(refused, "InvalidAttributeValue", "{pair:?}");
    }
    let policy = |queue: &str| {
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{queue}");
        format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#)
    };
    let standard = policy(&aws.names().dead_letters);
    let redrive = (QueueAttributeName::RedrivePolicy, standard.as_str());
    assert_eq!(create("orders.fifo", &[&fifo, &redrive]).await, "InvalidParameterValue");
    assert_eq!(create("orders.fifo", &[&fifo]).await, "");
    assert_eq!(create("orders.fifo", &[&fifo]).await, "");
    let by_content = (QueueAttributeName::ContentBasedDeduplication, "true");
    assert_eq!(create("orders.fifo", &[&fifo, &by_content]).await, "QueueAlreadyExists");
    let redrive = policy("orders.fifo");
    let redrive = (QueueAttributeName::RedrivePolicy, redrive.as_str());
    assert_eq!(create("standard", &[&redrive]).await, "InvalidParameterValue");

    let set = sqs.set_queue_attributes().queue_url(aws.queue_url("orders.fifo"));
    let set = set.attributes(no_fifo.0, no_fifo.1);
    assert_eq!(code(set.send().await), "InvalidAttributeValue");
}

#[tokio::test]
async fn a_fifo_queue_wants_a_group_and_an_id_and_no_delay() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let url = fifo::create(&sqs, "orders.fifo", &[]).await;
    let send = async |group: Option<&str>, id: Option<&str>, delay: Option<i32>| {
        let send = sqs.send_message().queue_url(&url).message_body("x");
        let send = send.set_message_group_id(group.map(str::to_owned));
        let send = send.set_message_deduplication_id(id.map(str::to_owned));
        code(send.set_delay_seconds(delay).send().await)
    };
    assert_eq!(send(None, Some("1"), None).await, "MissingParameter");
    assert_eq!(send(Some("a"), None, None).await, "InvalidParameterValue");
    assert_eq!(send(Some("a b"), Some("1"), None).await, "InvalidParameterValue");
    assert_eq!(send(Some("a"), Some("1"), Some(1)).await, "InvalidParameterValue");
    assert_eq!(send(Some("a"), Some("1"), Some(0)).await, "");
    let (inbox, url) = inbox(&aws);
    let send = inbox.send_message().queue_url(&url).message_body("x").message_deduplication_id("1");
    assert_eq!(code(send.send().await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_handle_of_a_fifo_queue_ends_with_its_visibility_timeout() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let url = fifo::create(&sqs, "orders.fifo", &[]).await;
    fifo::send(&sqs, &url, "a", "1").await;
    let old = handle(&receive_one(&sqs, &url, 0).await);
    aws.skip_queue_time(Duration::from_secs(30));
    let delete = |handle: &str| sqs.delete_message().queue_url(&url).receipt_handle(handle).send();
    let change = |handle: &str| {
        let change = sqs.change_message_visibility().queue_url(&url).visibility_timeout(1);
        change.receipt_handle(handle).send()
    };
    assert_eq!(code(delete(&old).await), "InvalidParameterValue");
    assert_eq!(code(change(&old).await), "InvalidParameterValue");
    let new = handle(&receive_one(&sqs, &url, 0).await);
    assert_eq!(code(delete(&old).await), "InvalidParameterValue");
    assert_eq!(code(change(&new).await), "");
    for _ in 0..2 {
        assert_eq!(code(delete(&new).await), "");
    }
    assert_eq!(code(change(&new).await), "AWS.SimpleQueueService.MessageNotInflight");
}
