//! Tests of FIFO queues: groups, deduplication, sequence numbers, dead letters.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    types::{
        DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
        SendMessageBatchRequestEntry,
    },
};
use local::LocalAws;

use crate::{Scratch, bodies, handle, in_memory, receive, receive_one, system};

/// The visibility timeout of a queue that does not say otherwise, in seconds.
const VISIBILITY: u64 = 30;

/// Creates a FIFO queue with these attributes and returns its URL.
pub(crate) async fn create(
    sqs: &Client,
    name: &str,
    attributes: &[(QueueAttributeName, &str)],
) -> String {
    let mut create = sqs.create_queue().queue_name(name);
    create = create.attributes(QueueAttributeName::FifoQueue, "true");
    for (attribute, value) in attributes {
        create = create.attributes(attribute.clone(), *value);
    }
    create.send().await.expect("created").queue_url.expect("a URL")
}

/// The answer to a send: the message's id and its sequence number.
pub(crate) type Sent = (String, String);

/// Sends a message whose deduplication id is its body.
pub(crate) async fn send(sqs: &Client, url: &str, group: &str, body: &str) -> Sent {
    let send = sqs.send_message().queue_url(url).message_body(body).message_group_id(group);
    let sent = send.message_deduplication_id(body).send().await.expect("sent");
    (sent.message_id.expect("an id"), sent.sequence_number.expect("a number"))
}

async fn delete(sqs: &Client, url: &str, message: &Message) {
    let delete = sqs.delete_message().queue_url(url).receipt_handle(handle(message));
    delete.send().await.expect("deleted");
}

async fn queue(aws: &LocalAws) -> (Client, String) {
    let sqs = aws.clients().sqs();
    let url = create(&sqs, "orders.fifo", &[]).await;
    (sqs, url)
}

#[tokio::test]
async fn the_queue_of_pushes_is_a_fast_fifo_queue_whose_dead_letters_stay_in_order() {
    let aws = in_memory().await;
    let (sqs, names) = (aws.clients().sqs(), aws.names());
    let url = aws.queue_url(&names.live);
    let get = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let found = get.send().await.expect("read").attributes.expect("attributes");
    for (name, value) in [
        (QueueAttributeName::FifoQueue, "true"),
        (QueueAttributeName::ContentBasedDeduplication, "false"),
        (QueueAttributeName::DeduplicationScope, "messageGroup"),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
        (QueueAttributeName::VisibilityTimeout, "60"),
        (QueueAttributeName::MessageRetentionPeriod, "300"),
    ] {
        assert_eq!(found[&name], value, "{name}");
    }
    // One deduplication id in two groups is two messages.
    send(&sqs, &url, "a", "1").await;
    send(&sqs, &url, "b", "1").await;
    assert_eq!(aws.queue_depth(&names.live), (2, 2));
    for _ in 0..3 {
        assert_eq!(receive(&sqs, &url, 0).await.len(), 2);
        aws.skip_queue_time(Duration::from_secs(60));
    }
    assert!(receive(&sqs, &url, 0).await.is_empty());
    let dead = receive(&sqs, &aws.queue_url(&names.live_dead_letters), 0).await;
    let groups =
        dead.iter().map(|message| system(message, MessageSystemAttributeName::MessageGroupId));
    assert_eq!(groups.collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(aws.queue_depth(&names.live), (0, 0));
}

#[tokio::test]
async fn a_group_comes_in_order_and_waits_while_one_of_it_is_in_flight() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    for (group, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3"), ("b", "b2")] {
        send(&sqs, &url, group, body).await;
    }
    let take = |count| sqs.receive_message().queue_url(&url).max_number_of_messages(count).send();
    let first = take(2).await.expect("received");
    assert_eq!(bodies(first.messages()), ["a1", "a2"]);
    // The rest of group a waits for both of them, and group b does not.
    let second = take(1).await.expect("received");
    assert_eq!(bodies(second.messages()), ["b1"]);
    assert!(receive(&sqs, &url, 0).await.is_empty());
    delete(&sqs, &url, &first.messages()[0]).await;
    assert!(receive(&sqs, &url, 0).await.is_empty());
    delete(&sqs, &url, &first.messages()[1]).await;
    assert_eq!(bodies(&receive(&sqs, &url, 0).await), ["a3"]);

    aws.skip_queue_time(Duration::from_secs(VISIBILITY));
    assert_eq!(bodies(&receive(&sqs, &url, 0).await), ["b1", "b2", "a3"]);
}

#[tokio::test]
async fn a_message_that_is_given_back_comes_before_those_behind_it() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    for body in ["1", "2", "3"] {
        send(&sqs, &url, "a", body).await;
    }
    let free = async |message: &Message| {
        let change = sqs.change_message_visibility().queue_url(&url).visibility_timeout(0);
        change.receipt_handle(handle(message)).send().await.expect("given back");
    };
    let messages = receive(&sqs, &url, 0).await;
    free(&messages[1]).await;
    delete(&sqs, &url, &messages[0]).await;
    // The third is still in flight.
    assert!(receive(&sqs, &url, 0).await.is_empty());
    free(&messages[2]).await;
    let messages = receive(&sqs, &url, 0).await;
    assert_eq!(bodies(&messages), ["2", "3"]);
    assert_eq!(system(&messages[0], MessageSystemAttributeName::ApproximateReceiveCount), "2");
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_its_group_is_free() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    send(&sqs, &url, "a", "1").await;
    let first = receive_one(&sqs, &url, 0).await;
    send(&sqs, &url, "a", "2").await;
    let waiting = tokio::spawn({
        let (sqs, url) = (sqs.clone(), url.clone());
        async move { receive_one(&sqs, &url, 20).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let started = std::time::Instant::now();
    let entry = DeleteMessageBatchRequestEntry::builder().id("1").receipt_handle(handle(&first));
    let batch = sqs.delete_message_batch().queue_url(&url);
    batch.entries(entry.build().expect("an entry")).send().await.expect("deleted");
    assert_eq!(waiting.await.expect("a message").body(), Some("2"));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_message_says_its_group_its_deduplication_id_and_its_place() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    let (_, first) = send(&sqs, &url, "a", "1").await;
    let (id, second) = send(&sqs, &url, "b", "2").await;
    assert_eq!((first.len(), second.len()), (20, 20));
    assert!(first < second, "{first} {second}");
    let message = receive(&sqs, &url, 0).await.remove(1);
    assert_eq!(message.message_id, Some(id));
    for (name, value) in [
        (MessageSystemAttributeName::MessageGroupId, "b"),
        (MessageSystemAttributeName::MessageDeduplicationId, "2"),
        (MessageSystemAttributeName::SequenceNumber, &second),
    ] {
        assert_eq!(system(&message, name), value);
    }
}

#[tokio::test]
async fn a_repetition_within_five_minutes_is_accepted_and_not_delivered() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    let sent = send(&sqs, &url, "a", "1").await;
    assert_eq!(send(&sqs, &url, "a", "1").await, sent);
    assert_eq!(send(&sqs, &url, "b", "1").await, sent, "the id counts in the whole queue");
    let message = receive_one(&sqs, &url, 0).await;
    delete(&sqs, &url, &message).await;
    aws.skip_queue_time(Duration::from_secs(290));
    assert_eq!(send(&sqs, &url, "a", "1").await, sent, "the queue remembers what was deleted");
    assert!(receive(&sqs, &url, 0).await.is_empty());
    aws.skip_queue_time(Duration::from_secs(10));
    let (id, number) = send(&sqs, &url, "a", "1").await;
    assert!(id != sent.0 && number > sent.1);
    assert_eq!(receive_one(&sqs, &url, 0).await.message_id, Some(id));
}

#[tokio::test]
async fn ids_may_be_of_the_body_and_may_count_in_their_group() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let attributes = [
        (QueueAttributeName::ContentBasedDeduplication, "true"),
        (QueueAttributeName::DeduplicationScope, "messageGroup"),
        (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
    ];
    let url = create(&sqs, "content.fifo", &attributes).await;
    let send = async |group: &str, id: Option<&str>| {
        let send = sqs.send_message().queue_url(&url).message_body("hello").message_group_id(group);
        let sent = send.set_message_deduplication_id(id.map(str::to_owned)).send().await;
        sent.expect("sent").message_id.expect("an id")
    };
    let first = send("a", None).await;
    assert_eq!(send("a", None).await, first);
    assert_ne!(send("b", None).await, first);
    assert_ne!(send("a", Some("other")).await, first);
    let messages = receive(&sqs, &url, 0).await;
    let ids: Vec<_> = messages
        .iter()
        .map(|message| system(message, MessageSystemAttributeName::MessageDeduplicationId))
        .collect();
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(ids, [hash, "other", hash]);
}

#[tokio::test]
async fn a_batch_is_sent_in_its_order_and_once() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    let entry = |id: usize, body: &str| {
        let entry = SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
        entry.message_group_id("a").message_deduplication_id(body)
    };
    let late = entry(9, "late").delay_seconds(1);
    let entries = ["1", "2", "1", "3"].iter().enumerate().map(|(id, body)| entry(id, body));
    let entries = entries.chain([late]).map(|entry| entry.build().expect("an entry")).collect();
    let batch = sqs.send_message_batch().queue_url(&url).set_entries(Some(entries));
    let sent = batch.send().await.expect("sent");
    assert_eq!(sent.failed.len(), 1);
    assert_eq!((&*sent.failed[0].id, &*sent.failed[0].code), ("9", "InvalidParameterValue"));
    let of = |index: usize| {
        (&sent.successful[index].message_id, sent.successful[index].sequence_number())
    };
    assert_eq!(of(2), of(0));
    assert!(of(0).1 < of(1).1 && of(1).1 < of(3).1);
    assert_eq!(bodies(&receive(&sqs, &url, 0).await), ["1", "2", "3"]);
}

#[tokio::test]
async fn the_delay_is_the_queues_and_holds_for_what_lies_in_it() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let url = create(&sqs, "slow.fifo", &[(QueueAttributeName::DelaySeconds, "900")]).await;
    send(&sqs, &url, "a", "1").await;
    aws.skip_queue_time(Duration::from_secs(30));
    assert!(receive(&sqs, &url, 0).await.is_empty());
    let waiting = tokio::spawn({
        let (sqs, url) = (sqs.clone(), url.clone());
        async move { receive_one(&sqs, &url, 20).await }
    });
    let set = sqs.set_queue_attributes().queue_url(&url);
    set.attributes(QueueAttributeName::DelaySeconds, "20").send().await.expect("set");
    assert_eq!(waiting.await.expect("a message").body(), Some("1"));
}

#[tokio::test]
async fn a_dead_letter_frees_its_group_and_is_sent_anew_to_a_fifo_queue() {
    let aws = in_memory().await;
    let sqs = aws.clients().sqs();
    let dead_letters = create(&sqs, "orders-dlq.fifo", &[]).await;
    let arn = "arn:aws:sqs:us-east-1:000000000000:orders-dlq.fifo";
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#);
    let url = create(&sqs, "orders.fifo", &[(QueueAttributeName::RedrivePolicy, &policy)]).await;
    let (_, number) = send(&sqs, &url, "a", "1").await;
    receive_one(&sqs, &url, 0).await;
    aws.skip_queue_time(Duration::from_secs(VISIBILITY));
    send(&sqs, &url, "a", "2").await;
    assert_eq!(receive_one(&sqs, &url, 0).await.body(), Some("2"));
    let letter = receive_one(&sqs, &dead_letters, 0).await;
    assert_eq!(letter.body(), Some("1"));
    assert_eq!(system(&letter, MessageSystemAttributeName::MessageGroupId), "a");
    assert_eq!(system(&letter, MessageSystemAttributeName::MessageDeduplicationId), "1");
    assert!(*system(&letter, MessageSystemAttributeName::SequenceNumber) > *number);
}

#[tokio::test]
async fn a_purged_queue_has_no_messages_and_remembers_none() {
    let aws = in_memory().await;
    let (sqs, url) = queue(&aws).await;
    send(&sqs, &url, "a", "1").await;
    let asked = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::All);
    let attributes = asked.send().await.expect("attributes").attributes.expect("attributes");
    for (name, value) in [
        (QueueAttributeName::ApproximateNumberOfMessages, "1"),
        (QueueAttributeName::FifoQueue, "true"),
        (QueueAttributeName::ContentBasedDeduplication, "false"),
        (QueueAttributeName::DeduplicationScope, "queue"),
        (QueueAttributeName::FifoThroughputLimit, "perQueue"),
    ] {
        assert_eq!(attributes[&name], value);
    }
    sqs.purge_queue().queue_url(&url).send().await.expect("purged");
    assert!(receive(&sqs, &url, 0).await.is_empty());
    send(&sqs, &url, "a", "1").await;
    assert_eq!(bodies(&receive(&sqs, &url, 0).await), ["1"]);
}

#[tokio::test]
async fn order_deduplication_and_numbers_outlive_a_restart() {
    let scratch = Scratch::new("fifo");
    let aws = LocalAws::start(scratch.options()).await.expect("started");
    let (sqs, url) = queue(&aws).await;
    let first = send(&sqs, &url, "a", "1").await;
    receive_one(&sqs, &url, 0).await;
    aws.stop().await;

    let aws = LocalAws::start(scratch.options()).await.expect("started again");
    let (sqs, url) = queue(&aws).await;
    assert_eq!(send(&sqs, &url, "a", "1").await, first);
    let (_, second) = send(&sqs, &url, "a", "2").await;
    assert!(second > first.1);
    assert!(receive(&sqs, &url, 0).await.is_empty());
    aws.skip_queue_time(Duration::from_secs(VISIBILITY));
    assert_eq!(bodies(&receive(&sqs, &url, 0).await), ["1", "2"]);
    aws.stop().await;
}
