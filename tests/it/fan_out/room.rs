//! An application has ten thousand endpoints at most, however many requests there are at once.

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use domain::{endpoint::MAX_ENDPOINTS, id::ApplicationId};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::{cloud::Cloud, faults::Faults};

use super::publish;

const PATH: &str = "/api/v1/app/acme/endpoint";

/// Has the application count so many endpoints, whatever there are.
async fn count_endpoints(cloud: &Cloud, count: usize) {
    let text = |text: String| AttributeValue::S(text);
    let update = cloud.sound.dynamodb().update_item().table_name(&cloud.aws.names().table);
    let update = update
        .key("pk", text(format!("APP#{}", ApplicationId::named("acme"))))
        .key("sk", text("ENDPOINTS".to_owned()))
        .update_expression("SET endpoints = :count")
        .expression_attribute_values(":count", AttributeValue::N(count.to_string()));
    update.send().await.expect("counted");
}

/// Calls at once; the number of answers with each of two statuses, the only ones there may be.
async fn at_once(
    cloud: &Cloud,
    calls: Vec<(Method, String, Option<Value>)>,
    statuses: [u16; 2],
) -> [usize; 2] {
    let calls = calls
        .into_iter()
        .map(|(method, path, body)| async move { cloud.call(method, &path, body).await });
    let answers: Vec<u16> = join_all(calls).await.into_iter().map(|it| it.0.as_u16()).collect();
    assert!(answers.iter().all(|status| statuses.contains(status)), "{answers:?}");
    statuses.map(|status| answers.iter().filter(|answer| **answer == status).count())
}

fn create(number: usize) -> (Method, String, Option<Value>) {
    let url = format!("https://subscriber.example/{number}");
    (Method::POST, PATH.to_owned(), Some(json!({ "url": url })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_ten_creations_at_once_make_ninety_endpoints_where_there_is_room_for_ninety()
{
    let cloud = Cloud::start(Faults::default()).await;
    count_endpoints(&cloud, MAX_ENDPOINTS - 90).await;
    let made = at_once(&cloud, (0..110).map(create).collect(), [201, 409]).await;
    assert_eq!(made, [90, 20]);
    let acme = ApplicationId::named("acme");
    let there = cloud.sound_table().endpoints(&acme).await.expect("read");
    assert_eq!(there.len(), 90);
    publish(&cloud, json!({})).await;
    let (status, refused) = cloud.call(Method::POST, PATH, create(0).2).await;
    assert_eq!(status, 409);
    assert!(refused["detail"].to_string().contains("at most 10000"), "{refused}");

    // Two that are removed, twice each and at once, leave room for two.
    let paths = there.iter().take(2).map(|endpoint| format!("{PATH}/{}", endpoint.id));
    let paths: Vec<String> = paths.collect();
    let removals = paths.iter().chain(&paths).map(|path| (Method::DELETE, path.clone(), None));
    assert_eq!(at_once(&cloud, removals.collect(), [204, 404]).await, [2, 2]);
    let made = at_once(&cloud, (200..210).map(create).collect(), [201, 409]).await;
    assert_eq!(made, [2, 8]);
    publish(&cloud, json!({})).await;
}
