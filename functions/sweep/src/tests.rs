//! The sweep over a real table and queues.

use std::time::Duration;

use adapters::{
    bucket::Bucket, caller::Caller, clock::Clock, queue::Queue, table::Table, vault::Vault,
};
use domain::{address::Rule, id::EndpointId, secret::Secret, task::Task};
use local::LocalAws;

use super::*;

#[tokio::test]
async fn what_is_due_is_rung_for_once_and_again_only_after_a_while() {
    let aws = LocalAws::start(local::Options::default()).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), Duration::ZERO),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::manual(Timestamp::from_secs(1_700_000_000)),
    );
    let vault = Vault::new(&Secret::new(*b"master-key-of-the-tests-0123456789"));
    let caller = Caller::new(Rule::default());
    let calls = CallContext::new(context.clone(), queue(&names.dead_letters), vault, caller);
    let inbox = Inbox(queue(&names.inbox));
    let sweep = Sweep { calls, inbox, limits: Limits::default() };
    let now = context.clock.now();
    for number in 0..25 {
        let endpoint = EndpointId::derive(&[&number.to_string()]);
        let task = Task::recover(&endpoint, now);
        context.table.create_task(&task, now.plus(Duration::from_secs(30))).await.expect("kept");
    }
    let rung = async || sweep.run().await.expect("swept").rung;
    assert_eq!(rung().await, 0, "nothing is due yet");
    context.clock.advance(Duration::from_secs(30));
    assert_eq!((rung().await, rung().await), (25, 0));
    context.clock.advance(Duration::from_secs(60));
    assert_eq!(rung().await, 25, "nobody came");
    context.clock.advance(Duration::from_secs(60));
    assert_eq!(rung().await, 0, "each further bell takes longer");
    context.clock.advance(Duration::from_secs(60));
    assert_eq!(rung().await, 25);
}

#[test]
fn the_schedule_says_nothing_that_matters() {
    let tick = include_str!("../../../events/sweep/schedule-tick.json");
    assert!(serde_json::from_str::<serde_json::Value>(tick).expect("JSON").is_object());
}
