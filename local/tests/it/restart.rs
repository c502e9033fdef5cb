//! Tests of a stop and a start on the same data directory.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use local::{LocalAws, Options, QueueTimes};

use crate::{Scratch, handle, inbox, receive, receive_one, send, system};

#[tokio::test]
async fn items_objects_and_messages_are_found_again() {
    let scratch = Scratch::new("restart");
    let aws = LocalAws::start(scratch.options()).await.expect("started");
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "kept").await;
    let delayed = sqs.send_message().queue_url(&url).message_body("delayed").delay_seconds(900);
    delayed.send().await.expect("sent");
    let put = aws.clients().dynamodb().put_item().table_name("relay");
    let text = |value: &str| AttributeValue::S(value.to_owned());
    put.item("pk", text("a")).item("sk", text("b")).send().await.expect("put");
    let object = aws.clients().s3().put_object().bucket("relay").key("k");
    object.body(ByteStream::from_static(b"kept")).send().await.expect("put");
    aws.stop().await;

    let aws = LocalAws::start(scratch.options()).await.expect("started again");
    let (sqs, url) = inbox(&aws);
    assert_eq!(receive_one(&sqs, &url, 0).await.body(), Some("kept"));
    let get = aws.clients().dynamodb().get_item().table_name("relay");
    let got = get.key("pk", text("a")).key("sk", text("b")).send().await.expect("got");
    assert!(got.item.is_some());
    let object =
        aws.clients().s3().get_object().bucket("relay").key("k").send().await.expect("got");
    assert_eq!(object.body.collect().await.expect("a body").into_bytes(), "kept");

    // A delay continues across the restart.
    aws.skip_queue_time(Duration::from_secs(890));
    assert!(receive(&sqs, &url, 0).await.iter().all(|message| message.body() != Some("delayed")));
    aws.skip_queue_time(Duration::from_secs(10));
    assert!(receive(&sqs, &url, 0).await.iter().any(|message| message.body() == Some("delayed")));
    aws.stop().await;
}

#[tokio::test]
async fn what_was_in_flight_comes_back_counted_and_old_handles_work() {
    let scratch = Scratch::new("in-flight");
    let aws = LocalAws::start(scratch.options()).await.expect("started");
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "done").await;
    let done = receive_one(&sqs, &url, 0).await;
    send(&sqs, &url, "unfinished").await;
    receive_one(&sqs, &url, 0).await;
    aws.stop().await;

    let aws = LocalAws::start(scratch.options()).await.expect("started again");
    let (sqs, url) = inbox(&aws);
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(handle(&done))
        .send()
        .await
        .expect("deleted");
    assert!(receive(&sqs, &url, 0).await.is_empty());
    aws.skip_queue_time(Duration::from_secs(180));
    let message = receive_one(&sqs, &url, 0).await;
    assert_eq!(message.body(), Some("unfinished"));
    assert_eq!(system(&message, MessageSystemAttributeName::ApproximateReceiveCount), "2");
    aws.stop().await;
}

#[tokio::test]
async fn queue_settings_follow_the_last_start() {
    let scratch = Scratch::new("settings");
    LocalAws::start(scratch.options()).await.expect("started").stop().await;
    let queues = QueueTimes { inbox_visibility: 1, inbox_receives: 1, ..QueueTimes::default() };
    let aws =
        LocalAws::start(Options { queues, ..scratch.options() }).await.expect("started again");
    let (sqs, url) = inbox(&aws);
    send(&sqs, &url, "x").await;
    receive_one(&sqs, &url, 0).await;
    aws.skip_queue_time(Duration::from_secs(1));
    assert!(receive(&sqs, &url, 0).await.is_empty());
    receive_one(&sqs, &aws.queue_url(&aws.names().dead_letters), 0).await;
    aws.stop().await;
}

#[test]
fn sqlite_waits_for_no_disk_and_has_its_file_for_itself() {
    let scratch = Scratch::new("sqlite");
    std::fs::create_dir_all(&scratch.0).expect("made");
    let connection = rusqlite::Connection::open(scratch.0.join("any.sqlite")).expect("opened");
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .expect("a write-ahead log");
    connection.execute_batch("CREATE TABLE any (thing)").expect("written");
    let synchronous: i64 =
        connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).expect("asked");
    let locking: String =
        connection.query_row("PRAGMA locking_mode", [], |row| row.get(0)).expect("asked");
    // 1 is NORMAL. Other values mean that `.cargo/config.toml` was not read when SQLite was compiled.
    assert_eq!((mode.as_str(), synchronous, locking.as_str()), ("wal", 1, "exclusive"));
}
