//! The cost of an event, a delivery and a retry in write units of DynamoDB: the size of each item that is
//! written in kilobytes begun, and a unit for each index entry that is put, removed or moved away from. None of
//! this is a transaction, which would cost twice as much.

use std::time::Duration;

use axum::http::Method;
use domain::retry::Policy;
use serde_json::json;
use tests::{
    cloud::Cloud,
    faults::Faults,
    items::{self, Item, size, text},
    receiver::Receiver,
    shown,
};

/// A claim's token and the end of its lease in an item.
const CLAIM: usize = 80;

/// A report of about a kilobyte on a job whose call has an id of its own.
fn report(job: &str) -> Vec<u8> {
    let pose = |n: u32| {
        let id = domain::profile::fingerprint(format!("{job}{n}").as_bytes());
        json!({ "id": &id[..16], "score": -7.5 + f64::from(n) / 7.0, "file": format!("poses/{n}.pdb") })
    };
    let result = json!({ "affinity": -7.2, "poses": (0..12).map(pose).collect::<Vec<_>>() });
    let metadata = json!({ "job_id": job });
    let body = json!({ "call_id": format!("fc-{job}"), "status": "success", "metadata": metadata, "result": result });
    body.to_string().into_bytes()
}

/// Units of a write of this size outside of a transaction.
fn units(size: usize) -> usize {
    size.div_ceil(1024)
}

/// Units of an item that is put, with its entries on the indexes.
fn put_units(item: &Item) -> usize {
    let entries = ["due_shard", "list"].iter().filter(|name| item.contains_key(**name)).count();
    units(size(item)) + entries
}

/// What recording put into the table, by its sort key.
async fn recorded(cloud: &Cloud) -> Vec<Item> {
    let all = items::stored(cloud).await.into_iter();
    let of = ["EVT#", "JOB#", "CALL#"];
    all.filter(|item| of.iter().any(|of| text(item, "pk").starts_with(of))).collect()
}

async fn delivery(cloud: &Cloud) -> Item {
    let all = recorded(cloud).await.into_iter();
    let mut deliveries = all.filter(|item| text(item, "sk").starts_with("DLV#"));
    deliveries.next().expect("a delivery")
}

fn named(items: &[Item]) -> String {
    let name =
        |item: &Item| format!("{} {} B", items::kind(item).expect("a kind").name, size(item));
    items.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Writes of the table since a call, those of figures left out.
fn writes(cloud: &Cloud, since: usize) -> Vec<String> {
    let written = |call: &tests::faults::AwsCall| {
        let verbs = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];
        let counts = verbs.iter().any(|verb| call.operation.starts_with(verb));
        (counts && !call.operation.ends_with("of figures")).then(|| call.operation.clone())
    };
    cloud.faults.calls()[since..].iter().filter_map(written).collect()
}

#[tokio::test]
async fn an_event_with_a_job_and_one_endpoint_costs_little() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let (inbox, outbox) = (cloud.aws.names().inbox.clone(), cloud.aws.names().outbox.clone());
    cloud.accept_all([report("j1")]).await;
    assert!(cloud.step(&inbox).await);
    let alone = recorded(&cloud).await;
    let without: usize = alone.iter().map(put_units).sum();
    shown!("event with a job, no endpoint: {without} write units ({})", named(&alone));

    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/"), Policy::default()).await;
    let since = cloud.faults.calls().len();
    cloud.accept_all([report("j1")]).await;
    assert!(cloud.step(&inbox).await);
    let written = writes(&cloud, since);
    assert!(written.iter().all(|write| write.starts_with("PutItem")), "{written:?}");
    assert_eq!(written.len(), 3, "job, event and delivery");
    let whole: usize = recorded(&cloud).await.iter().map(put_units).sum();
    let (new, since) = (delivery(&cloud).await, cloud.faults.calls().len());
    assert!(cloud.step(&outbox).await);
    assert_eq!(writes(&cloud, since).len(), 2, "a claim and a conclusion");
    let done = delivery(&cloud).await;
    assert_eq!(text(&done, "list_at"), text(&new, "list_at"), "its place stays");
    // Neither claim nor conclusion touches an index: the delivery was not due.
    assert!(!new.contains_key("due_at") && !done.contains_key("due_at"));
    let attempt = units(size(&new) + CLAIM) + units(size(&done));
    shown!(
        "event with a job, one endpoint: {} write units, {} of them for the delivery",
        whole + attempt,
        put_units(&new) + attempt
    );
    assert!(without <= 5, "{without}");
    assert!(put_units(&new) + attempt <= 4, "{} {attempt}", put_units(&new));
    assert!(whole + attempt <= 9, "{whole} {attempt}");
}

#[tokio::test]
async fn a_message_a_retry_and_a_duplicate_cost_little() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let (inbox, outbox) = (cloud.aws.names().inbox.clone(), cloud.aws.names().outbox.clone());
    let body: serde_json::Value = serde_json::from_slice(&report("j0")).expect("JSON");
    let message = json!({ "eventType": "order.paid", "payload": body });
    let (status, answer) =
        cloud.call_with(Method::POST, "/api/v1/app/acme/msg", &[], Some(message)).await;
    assert!(status.is_success(), "{answer}");
    let published: usize = recorded(&cloud).await.iter().map(put_units).sum();
    shown!("published message of a kilobyte, no endpoint: {published} write units");
    assert!(published <= 3, "{published}");

    receiver.answer(500);
    cloud.endpoint(&receiver.url("/"), Policy::default()).await;
    cloud.accept_all([report("j1")]).await;
    assert!(cloud.step(&inbox).await);
    let mut told = Vec::new();
    for _ in 0..2 {
        let (before, since) = (delivery(&cloud).await, cloud.faults.calls().len());
        assert!(cloud.step(&outbox).await);
        let after = delivery(&cloud).await;
        let written = writes(&cloud, since);
        assert!(written.len() <= 3, "{written:?}");
        // Put off, the entry on the index of what is due moves: a removal and a put.
        told.push(units(size(&before) + CLAIM) + units(size(&after)) + 2);
        cloud.pass(Duration::from_secs(900));
    }
    shown!(
        "attempts that fail and are repeated: {told:?} write units each, besides the endpoint's health"
    );
    assert!(told.iter().all(|units| *units <= 6), "{told:?}");

    let since = cloud.faults.calls().len();
    cloud.accept_all([report("j1")]).await;
    assert!(cloud.step(&inbox).await);
    assert_eq!(writes(&cloud, since).len(), 1, "its event counts it");
    let event = recorded(&cloud)
        .await
        .into_iter()
        .find(|item| text(item, "sk") == "EVT" && item.contains_key("duplicates"));
    let duplicate = units(size(&event.expect("counted")));
    shown!("a duplicate: {duplicate} write units");
    assert!(duplicate <= 2, "{duplicate}");
}
