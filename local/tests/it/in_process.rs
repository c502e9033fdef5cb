//! The services through SDK clients that use no socket: as over the ports.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::Client;
use aws_smithy_types::retry::RetryConfig;
use futures::future::join_all;

use crate::{in_memory, receive};

#[tokio::test]
async fn every_service_answers_without_a_socket_as_over_its_port() {
    let aws = in_memory().await;
    let (inner, outer) = (aws.inner_clients(), aws.clients());
    let names = aws.names();

    let key = || AttributeValue::S("k".to_owned());
    let put = inner.dynamodb().put_item().table_name(&names.table);
    let put =
        put.item("pk", key()).item("sk", key()).item("text", AttributeValue::S("käse".to_owned()));
    put.send().await.expect("written");
    for dynamodb in [inner.dynamodb(), outer.dynamodb()] {
        let get = dynamodb.get_item().table_name(&names.table).key("pk", key()).key("sk", key());
        let item = get.send().await.expect("read").item.expect("an item");
        assert_eq!(item["text"], AttributeValue::S("käse".to_owned()));
    }
    let again =
        inner.dynamodb().put_item().table_name(&names.table).item("pk", key()).item("sk", key());
    let refused = again.condition_expression("attribute_not_exists(pk)").send().await;
    let refused = refused.expect_err("refused").into_service_error();
    assert!(refused.is_conditional_check_failed_exception(), "{refused:?}");

    // A body that the SDK sends in signed chunks.
    let body = vec![7; 1_500_000];
    let put = inner.s3().put_object().bucket(&names.bucket).key("a/b c").body(body.clone().into());
    put.send().await.expect("kept");
    for s3 in [inner.s3(), outer.s3()] {
        let object =
            s3.get_object().bucket(&names.bucket).key("a/b c").send().await.expect("found");
        assert!(object.body.collect().await.expect("whole").into_bytes() == body);
    }

    let secrets = inner.secrets().get_secret_value().secret_id("no such secret").send().await;
    let refused = secrets.expect_err("refused").into_service_error();
    assert!(refused.is_resource_not_found_exception(), "{refused:?}");

    let gone = inner.websocket().delete_connection().connection_id("AAAAAAAAAAAAAAA=").send().await;
    assert!(gone.expect_err("gone").into_service_error().is_gone_exception());
}

async fn send(sqs: &Client, url: &str, body: &str, delay: i32) {
    let send = sqs.send_message().queue_url(url).message_body(body).delay_seconds(delay);
    send.send().await.expect("sent");
}

#[tokio::test]
async fn each_waiting_receive_gets_one_of_the_messages_that_come() {
    let aws = in_memory().await;
    let (sqs, url) = (aws.inner_clients().sqs(), aws.queue_url(&aws.names().outbox));
    let one = || async {
        let receive = sqs.receive_message().queue_url(&url).wait_time_seconds(20);
        receive.send().await.expect("a receive").messages.unwrap_or_default().len()
    };
    let waiting = join_all((0..30).map(|_| one()));
    let sending = async {
        for n in 0..30 {
            send(&sqs, &url, &n.to_string(), 0).await;
        }
    };
    let began = Instant::now();
    let (received, ()) = tokio::join!(waiting, sending);
    assert_eq!(received, [1; 30]);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_receive_that_is_broken_off_hands_its_message_and_its_alarm_on() {
    let aws = in_memory().await;
    let (sqs, url) = (aws.inner_clients().sqs(), aws.queue_url(&aws.names().outbox));
    // The first receive learns when the delayed message becomes visible, and is gone before that.
    let first = tokio::spawn({
        let (sqs, url) = (sqs.clone(), url.clone());
        async move { receive(&sqs, &url, 20).await }
    });
    tokio::task::yield_now().await;
    send(&sqs, &url, "later", 2).await;
    let second = tokio::spawn({
        let (sqs, url) = (sqs.clone(), url.clone());
        async move { receive(&sqs, &url, 20).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    let _ = first.await;
    let received = tokio::time::timeout(Duration::from_secs(15), second).await;
    let received = received.expect("in time").expect("received");
    assert_eq!(received.len(), 1);
}

#[tokio::test]
async fn a_receive_may_wait_longer_than_a_body_may_stand_still() {
    let aws = in_memory().await;
    let inner = aws.inner_clients().with_retries(RetryConfig::disabled());
    let (sqs, url) = (inner.sqs(), aws.queue_url(&aws.names().outbox));
    // The SDK breaks a call off whose body has not moved for five seconds.
    assert_eq!(receive(&sqs, &url, 8).await, []);
}
