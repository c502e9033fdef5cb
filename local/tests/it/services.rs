//! Tests of DynamoDB, S3, Secrets Manager and of the start.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType, TimeToLiveStatus};
use aws_sdk_s3::primitives::ByteStream;
use local::{LocalAws, LocalAwsError, Options, Ports};

use crate::{Scratch, in_memory};

#[tokio::test]
async fn the_table_has_its_indexes_and_its_time_to_live() {
    let aws = in_memory().await;
    let dynamodb = aws.clients().dynamodb();
    let table =
        dynamodb.describe_table().table_name("relay").send().await.expect("described").table;
    let table = table.expect("a table");
    let mut indexes: Vec<_> =
        table.global_secondary_indexes().iter().filter_map(|index| index.index_name()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, ["due", "listing"]);
    let due_at = table.attribute_definitions().iter().find(|it| it.attribute_name == "due_at");
    assert_eq!(due_at.map(|it| &it.attribute_type), Some(&ScalarAttributeType::N));
    let ttl = dynamodb.describe_time_to_live().table_name("relay").send().await.expect("described");
    let ttl = ttl.time_to_live_description.expect("a description");
    assert_eq!(ttl.attribute_name(), Some("expires_at"));
    assert_eq!(ttl.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
}

#[tokio::test]
async fn due_items_come_in_order_of_time() {
    let aws = in_memory().await;
    let dynamodb = aws.clients().dynamodb();
    let text = |value: &str| AttributeValue::S(value.to_owned());
    for due_at in ["30", "4", "100"] {
        dynamodb
            .put_item()
            .table_name("relay")
            .item("pk", text(due_at))
            .item("sk", text("x"))
            .item("due_shard", text("0"))
            .item("due_at", AttributeValue::N(due_at.to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await
            .expect("put");
    }
    let due = dynamodb
        .query()
        .table_name("relay")
        .index_name("due")
        .key_condition_expression("due_shard = :shard AND due_at <= :now")
        .expression_attribute_values(":shard", text("0"))
        .expression_attribute_values(":now", AttributeValue::N("50".to_owned()))
        .send()
        .await
        .expect("queried");
    let order: Vec<_> = due.items().iter().filter_map(|item| item["pk"].as_s().ok()).collect();
    assert_eq!(order, ["4", "30"]);
}

#[tokio::test]
async fn an_object_of_six_megabytes_is_put_got_and_deleted() {
    let aws = in_memory().await;
    let s3 = aws.clients().s3();
    let body: Vec<u8> = (0..6_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    let put =
        s3.put_object().bucket("relay").key("payloads/2026/event").content_type("application/json");
    put.body(ByteStream::from(body.clone())).send().await.expect("put");
    let get = || s3.get_object().bucket("relay").key("payloads/2026/event").send();
    let got = get().await.expect("got");
    assert_eq!(got.content_type(), Some("application/json"));
    assert!(got.body.collect().await.expect("a body").into_bytes() == body);
    s3.delete_object().bucket("relay").key("payloads/2026/event").send().await.expect("deleted");
    assert!(get().await.expect_err("gone").into_service_error().is_no_such_key());
    s3.delete_object()
        .bucket("relay")
        .key("payloads/2026/event")
        .send()
        .await
        .expect("deleted again");
}

#[tokio::test]
async fn a_secret_is_read_by_name_or_by_arn() {
    let secret_values = vec![("relay/master-key".to_owned(), "s3cret".to_owned())];
    let aws =
        LocalAws::start(Options { secret_values, ..Options::default() }).await.expect("started");
    let secrets = aws.clients().secrets();
    let read = secrets.get_secret_value().secret_id("relay/master-key").send().await.expect("read");
    assert_eq!(read.secret_string(), Some("s3cret"));
    let by_arn = secrets.get_secret_value().set_secret_id(read.arn).send().await.expect("read");
    assert_eq!(by_arn.secret_string(), Some("s3cret"));
    let missing =
        secrets.get_secret_value().secret_id("other").send().await.expect_err("no secret");
    assert!(missing.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn the_environment_names_every_endpoint_and_resource() {
    let aws = in_memory().await;
    let environment = aws.environment();
    let value = |name| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
    assert_eq!(value("AWS_ENDPOINT_URL_SQS"), Some(aws.urls().sqs.clone()));
    assert_eq!(value("OUTBOX_URL"), Some(format!("{}/000000000000/relay-outbox", aws.urls().sqs)));
    assert_eq!(value("TABLE_NAME").as_deref(), Some("relay"));
    let live = format!("{}/000000000000/relay-live.fifo", aws.urls().sqs);
    assert_eq!(value("LIVE_QUEUE_URL"), Some(live));
    let websocket = value("WEBSOCKET_URL").expect("a URL");
    assert!(
        websocket.starts_with("http://127.0.0.1:") && websocket.ends_with("/live"),
        "{websocket}"
    );
}

#[tokio::test]
async fn a_data_directory_serves_one_process_at_a_time() {
    let scratch = Scratch::new("lock");
    let first = LocalAws::start(scratch.options()).await.expect("started");
    let second = LocalAws::start(scratch.options()).await.expect_err("in use");
    assert!(matches!(&second, LocalAwsError::InUse(path) if *path == scratch.0), "{second}");
    first.stop().await;
    LocalAws::start(scratch.options()).await.expect("free again").stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = taken.local_addr().expect("an address").port();
    let ports = Ports { s3: port, ..Ports::default() };
    let error = LocalAws::start(Options { ports, ..Options::default() }).await.expect_err("taken");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port} for S3")), "{error}");
}

#[tokio::test]
async fn starting_in_memory_is_quick_enough_for_every_test() {
    in_memory().await.stop().await;
    let started = Instant::now();
    let aws = in_memory().await;
    let elapsed = started.elapsed();
    aws.stop().await;
    assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
}
