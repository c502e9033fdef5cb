//! Tests of the SQS actions that the relay uses.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::{
    primitives::Blob,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
        MessageAttributeValue, MessageSystemAttributeName, MessageSystemAttributeNameForSends,
        MessageSystemAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry,
    },
};

use local::{LocalAws, Options, QueueTimes};

use crate::{handle, in_memory, inbox, receive, receive_one, send, system};

fn entry(id: usize, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id.to_string())
        .message_body(body)
        .build()
        .expect("an entry")
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "SQS has a clock of its own")]
async fn a_message_arrives_as_it_was_sent() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let text = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("käse")
        .build()
        .expect("text");
    let binary = MessageAttributeValue::builder()
        .data_type("Binary.png")
        .binary_value(Blob::new([0, 159, 146, 150]))
        .build()
        .expect("binary");
    let trace = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-2-3")
        .build();
    let sent = sqs
        .send_message()
        .queue_url(&url)
        .message_body("{\"id\":1,\"name\":\"\u{1f980}\"}")
        .message_group_id("tenant-7")
        .message_attributes("text", text.clone())
        .message_attributes("binary", binary.clone())
        .message_system_attributes(
            MessageSystemAttributeNameForSends::AwsTraceHeader,
            trace.expect("a trace"),
        )
        .send()
        .await
        .expect("sent");

    let message = receive_one(&sqs, &url, 0).await;
    assert_eq!(message.body(), Some("{\"id\":1,\"name\":\"\u{1f980}\"}"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    let attributes = message.message_attributes().expect("attributes");
    assert_eq!((attributes.len(), &attributes["text"], &attributes["binary"]), (2, &text, &binary));
    assert_eq!(system(&message, MessageSystemAttributeName::MessageGroupId), "tenant-7");
    assert_eq!(system(&message, MessageSystemAttributeName::AwsTraceHeader), "Root=1-2-3");
    assert_eq!(system(&message, MessageSystemAttributeName::ApproximateReceiveCount), "1");
    let sent_at =
        system(&message, MessageSystemAttributeName::SentTimestamp).parse().expect("milliseconds");
    let age = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_millis(sent_at));
    assert!(age.expect("the past") < Duration::from_secs(60));
}

#[tokio::test]
async fn attributes_come_only_when_asked_for() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "x").await;
    let received = sqs.receive_message().queue_url(&url).send().await.expect("received");
    assert_eq!(received.messages()[0].attributes(), None);
    assert_eq!(received.messages()[0].md5_of_message_attributes(), None);
}

#[tokio::test]
async fn a_batch_is_sent_received_and_deleted() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let entries = (0..10).map(|n| entry(n, &format!("body {n}"))).collect();
    let sent = sqs
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(entries))
        .send()
        .await
        .expect("sent");
    assert_eq!((sent.successful.len(), sent.failed.len()), (10, 0));

    let messages = receive(&sqs, &url, 0).await;
    let bodies: Vec<_> = messages.iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, (0..10).map(|n| format!("body {n}")).collect::<Vec<_>>());
    let entries = messages.iter().enumerate().map(|(n, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
        entry.receipt_handle(handle(message)).build().expect("an entry")
    });
    let entries = Some(entries.collect());
    let deleted = sqs
        .delete_message_batch()
        .queue_url(&url)
        .set_entries(entries)
        .send()
        .await
        .expect("deleted");
    assert_eq!((deleted.successful.len(), deleted.failed.len()), (10, 0));
    aws.skip_queue_time(Duration::from_secs(3600));
    assert!(receive(&sqs, &url, 0).await.is_empty());
}

#[tokio::test]
async fn a_batch_fails_entry_by_entry() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let late =
        SendMessageBatchRequestEntry::builder().id("late").message_body("x").delay_seconds(901);
    let batch = sqs.send_message_batch().queue_url(&url).entries(entry(1, "fine"));
    let sent = batch.entries(late.build().expect("an entry")).send().await.expect("an answer");
    assert_eq!(sent.successful[0].id, "1");
    assert_eq!(
        (sent.failed[0].id.as_str(), sent.failed[0].code.as_str()),
        ("late", "InvalidParameterValue")
    );
    assert!(sent.failed[0].sender_fault);

    let message = receive_one(&sqs, &url, 0).await;
    let entry = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .expect("an entry")
    };
    let batch = sqs.delete_message_batch().queue_url(&url).entries(entry("bad", "nonsense"));
    let deleted = batch.entries(entry("good", &handle(&message))).send().await.expect("an answer");
    assert_eq!(deleted.successful[0].id, "good");
    assert_eq!(
        (deleted.failed[0].id.as_str(), deleted.failed[0].code.as_str()),
        ("bad", "ReceiptHandleIsInvalid")
    );
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_a_message_is_sent() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let waiting = tokio::spawn({
        let (sqs, url) = (sqs.clone(), url.clone());
        async move { receive_one(&sqs, &url, 20).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let started = Instant::now();
    send(&sqs, &url, "wake up").await;
    assert_eq!(waiting.await.expect("a message").body(), Some("wake up"));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_receive_waits_no_longer_than_asked() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let started = Instant::now();
    assert!(receive(&sqs, &url, 1).await.is_empty());
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_waiting_receive_answers_when_the_services_stop() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let waiting = tokio::spawn(async move { receive(&sqs, &url, 20).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    aws.stop().await;
    assert!(waiting.await.expect("an answer").is_empty());
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_delayed_message_arrives_at_its_time_and_not_before() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let started = Instant::now();
    let send = sqs.send_message().queue_url(&url).message_body("later").delay_seconds(1);
    send.send().await.expect("sent");
    assert!(receive(&sqs, &url, 0).await.is_empty());
    assert_eq!(receive_one(&sqs, &url, 20).await.body(), Some("later"));
    assert!(started.elapsed() >= Duration::from_secs(1));

    let send = sqs.send_message().queue_url(&url).message_body("much later").delay_seconds(900);
    send.send().await.expect("sent");
    aws.skip_queue_time(Duration::from_secs(899));
    let bodies = |messages: Vec<aws_sdk_sqs::types::Message>| -> Vec<_> {
        messages.into_iter().filter_map(|message| message.body).collect()
    };
    assert!(!bodies(receive(&sqs, &url, 0).await).contains(&"much later".to_owned()));
    aws.skip_queue_time(Duration::from_secs(1));
    assert!(bodies(receive(&sqs, &url, 0).await).contains(&"much later".to_owned()));
}

#[tokio::test]
async fn a_received_message_is_hidden_for_its_visibility_timeout() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "again").await;
    let first =
        sqs.receive_message().queue_url(&url).visibility_timeout(1).send().await.expect("received");
    assert!(receive(&sqs, &url, 0).await.is_empty());
    let second = receive_one(&sqs, &url, 20).await;
    assert_eq!(system(&second, MessageSystemAttributeName::ApproximateReceiveCount), "2");

    // The first handle is out of date: deleting with it succeeds and deletes nothing.
    let delete = sqs.delete_message().queue_url(&url).receipt_handle(handle(&first.messages()[0]));
    delete.send().await.expect("no error");
    aws.skip_queue_time(Duration::from_secs(180));
    let third = receive_one(&sqs, &url, 0).await;
    assert_eq!(system(&third, MessageSystemAttributeName::ApproximateReceiveCount), "3");
    for _ in 0..2 {
        sqs.delete_message()
            .queue_url(&url)
            .receipt_handle(handle(&third))
            .send()
            .await
            .expect("deleted");
    }
    aws.skip_queue_time(Duration::from_secs(180));
    assert!(receive(&sqs, &url, 0).await.is_empty());
}

#[tokio::test]
async fn a_message_can_be_given_back_or_held_longer() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "x").await;
    let change = |handle: String, seconds| {
        sqs.change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
    };
    let message = receive_one(&sqs, &url, 0).await;
    change(handle(&message), 0).await.expect("given back");
    let message = receive_one(&sqs, &url, 0).await;
    change(handle(&message), 1000).await.expect("held");
    aws.skip_queue_time(Duration::from_secs(999));
    assert!(receive(&sqs, &url, 0).await.is_empty());
    let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
        .id("a")
        .receipt_handle(handle(&message));
    let entry = entry.visibility_timeout(0).build().expect("an entry");
    let batch = sqs.change_message_visibility_batch().queue_url(&url).entries(entry);
    assert_eq!(batch.send().await.expect("changed").successful.len(), 1);
    receive_one(&sqs, &url, 0).await;
    aws.skip_queue_time(Duration::from_secs(180));
    let late = change(handle(&message), 10).await.expect_err("no longer in flight");
    assert!(late.into_service_error().is_message_not_inflight());
}

#[tokio::test]
async fn a_message_received_too_often_becomes_a_dead_letter() {
    let queues = QueueTimes { inbox_receives: 5, ..QueueTimes::default() };
    let aws = LocalAws::start(Options { queues, ..Options::default() }).await.expect("started");
    let (sqs, url) = inbox(&aws);
    let dead_letters = aws.queue_url(&aws.names().dead_letters);
    let id = send(&sqs, &url, "poison").await;
    for _ in 0..5 {
        receive_one(&sqs, &url, 0).await;
        aws.skip_queue_time(Duration::from_secs(180));
    }
    let waiting = tokio::spawn({
        let (sqs, url) = (sqs.clone(), dead_letters.clone());
        async move { receive_one(&sqs, &url, 20).await }
    });
    assert!(receive(&sqs, &url, 0).await.is_empty());
    let letter = waiting.await.expect("a dead letter");
    assert_eq!((letter.message_id(), letter.body()), (Some(id.as_str()), Some("poison")));
    let source = system(&letter, MessageSystemAttributeName::DeadLetterQueueSourceArn);
    assert_eq!(source, "arn:aws:sqs:us-east-1:000000000000:relay-inbox");
    sqs.delete_message()
        .queue_url(&dead_letters)
        .receipt_handle(handle(&letter))
        .send()
        .await
        .expect("deleted");
    aws.skip_queue_time(Duration::from_secs(360));
    assert!(receive(&sqs, &dead_letters, 0).await.is_empty());
}

#[tokio::test]
async fn queues_are_found_counted_and_purged() {
    let aws = in_memory().await;
    let (sqs, url) = inbox(&aws);
    let found = sqs.get_queue_url().queue_name("relay-inbox").send().await.expect("found");
    assert_eq!(found.queue_url(), Some(url.as_str()));
    assert!(url.starts_with(&aws.urls().sqs), "{url}");
    assert_eq!(
        sqs.list_queues()
            .queue_name_prefix("relay-")
            .send()
            .await
            .expect("a list")
            .queue_urls()
            .len(),
        5
    );

    for (body, delay) in [("ready", 0), ("in flight", 0), ("delayed", 900)] {
        let send = sqs.send_message().queue_url(&url).message_body(body).delay_seconds(delay);
        send.send().await.expect("sent");
    }
    sqs.receive_message().queue_url(&url).send().await.expect("received");
    let counts = async || {
        let asked =
            sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
        let attributes = asked.send().await.expect("attributes").attributes.expect("attributes");
        [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ]
        .map(|name| attributes[&name].clone())
    };
    assert_eq!(counts().await, ["1", "1", "1"]);
    sqs.purge_queue().queue_url(&url).send().await.expect("purged");
    assert_eq!(counts().await, ["0", "0", "0"]);
}
