//! Doorbells, fed by the sample events. What an attempt does is tested with the whole bundle in
//! `tests/`, and `dispatch`.

use std::time::Duration;

use adapters::{
    bucket::Bucket, caller::Caller, clock::Clock, queue::Queue, table::Table, vault::Vault,
};
use dispatch::context::Context;
use domain::{address::Rule, secret::Secret};
use local::LocalAws;

use super::*;

const DOORBELL: &str = include_str!("../../../events/deliver/outbox-doorbell.json");

async fn world() -> (LocalAws, Deliver) {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), Duration::from_secs(86_400)),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::system(),
    );
    let vault = Vault::new(&Secret::new(*b"0123456789abcdef0123456789abcdef"));
    let caller = Caller::new(Rule::default());
    let calls = CallContext::new(context, queue(&names.dead_letters), vault, caller);
    (aws, Deliver { calls })
}

#[tokio::test]
async fn a_bell_for_a_delivery_that_is_gone_is_done() {
    let (_aws, deliver) = world().await;
    let batch: SqsEvent = serde_json::from_str(DOORBELL).expect("a batch");
    assert!(deliver.handle(&batch).await.batch_item_failures.is_empty());
}

#[tokio::test]
async fn what_is_no_doorbell_goes_back_alone() {
    let (_aws, deliver) = world().await;
    let mut batch: SqsEvent = serde_json::from_str(DOORBELL).expect("a batch");
    for (index, body) in
        ["garbage", "", "{}", r#"{"task":"task_1"}"#, r#"{"event":"a"}"#].iter().enumerate()
    {
        let mut record = batch.records[0].clone();
        record.message_id = Some(format!("bad-{index}"));
        record.body = Some((*body).to_owned());
        batch.records.push(record);
    }
    let failures = deliver.handle(&batch).await.batch_item_failures;
    let ids: Vec<_> = failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(ids, ["bad-0", "bad-1", "bad-2", "bad-3", "bad-4"]);
}
