//! Lists of an application with many endpoints, and of an event with many deliveries, are read page by page.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;
use tests::cloud::Cloud;

use super::{growth::create, publish};

/// Endpoints of the application.
const COUNT: usize = 330;

async fn get(cloud: &Cloud, path: &str) -> Value {
    let (status, answer) = cloud.call(Method::GET, path, None).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// The read units of a request, and its answer.
async fn read(cloud: &Cloud, path: &str) -> (f64, Value) {
    let before = cloud.aws.ledger();
    let answer = get(cloud, path).await;
    (cloud.aws.ledger().since(&before).capacity(|_| true).read, answer)
}

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().expect("entries").iter();
    data.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}

/// Every entry of a list, in its order, read by its iterators.
async fn walk(cloud: &Cloud, path: &str) -> Vec<String> {
    let (mut all, mut at) = (Vec::new(), String::new());
    loop {
        let (units, page) = read(cloud, &format!("{path}limit=100{at}")).await;
        assert!(units < 500.0, "{path}: {units} for a page");
        all.extend(ids(&page));
        if page["done"] == true {
            return all;
        }
        at = format!("&iterator={}", page["iterator"].as_str().expect("more"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_are_listed_once_each_in_both_directions() {
    let cloud = Cloud::counting().await;
    create(&cloud, COUNT).await;
    let list = "/api/v1/app/acme/endpoint?";
    let newest = walk(&cloud, list).await;
    assert_eq!(newest.len(), COUNT);
    let mut oldest = walk(&cloud, &format!("{list}order=ascending&")).await;
    oldest.reverse();
    assert_eq!(newest, oldest);
    // Svix's own iterators are ids, and `-` in front goes back.
    let page = get(&cloud, &format!("{list}limit=10&iterator={}", newest[49])).await;
    assert_eq!(ids(&page), newest[50..60]);
    let before = page["prevIterator"].as_str().expect("one");
    let page = get(&cloud, &format!("{list}limit=10&iterator={before}")).await;
    assert_eq!(ids(&page), newest[40..50]);
    // Our own list, by id.
    let ours = walk(&cloud, "/v1/endpoints?application=acme&").await;
    let sorted: BTreeSet<String> = newest.iter().cloned().collect();
    assert_eq!(ours, sorted.into_iter().collect::<Vec<_>>());
    assert_eq!(walk(&cloud, "/v1/endpoints?").await, ours);
    let found = walk(&cloud, "/v1/endpoints?q=nothing-like-it&").await;
    assert!(found.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_with_many_deliveries_is_shown_and_replayed() {
    let cloud = Cloud::counting().await;
    create(&cloud, COUNT).await;
    let event = publish(&cloud, serde_json::json!({})).await;
    let inbox = cloud.aws.names().inbox.clone();
    while cloud.step(&inbox).await {}
    let (units, shown) = read(&cloud, &format!("/v1/events/{}", event.event())).await;
    assert_eq!(shown["deliveries"].as_array().map(Vec::len), Some(250), "the first of them");
    assert_eq!(shown["progress"]["total"], COUNT);
    assert!(units < 250.0, "{units}");
    let (status, answer) = cloud
        .call(
            Method::POST,
            &format!("/v1/events/{}/replay", event.event()),
            Some(serde_json::json!({})),
        )
        .await;
    assert!(status.is_success(), "{answer}");
    assert_eq!(answer["deliveries"], COUNT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_with_many_endpoints_is_deleted() {
    let cloud = Cloud::counting().await;
    create(&cloud, COUNT).await;
    let (status, _) = cloud.call(Method::DELETE, "/v1/sources/modal", None).await;
    assert!(status.is_success());
    let (status, answer) = cloud.call(Method::DELETE, "/api/v1/app/acme", None).await;
    assert!(status.is_success(), "{answer}");
    let id = domain::id::ApplicationId::named("acme");
    assert!(cloud.sound_table().endpoints(&id).await.expect("read").is_empty());
}
