//! The sweep over a real table and queues. Rounds in which platforms answer stand in `tests/`.

mod bells;
mod figures;
mod gauges;
mod jobs;
mod later;
mod live;
mod troubles;

use std::time::Duration;

use adapters::{
    bucket::Bucket, caller::Caller, clock::Clock, queue::Queue, table::Table, vault::Vault,
};
use domain::{
    address::{Network, Rule},
    delivery::Delivery,
    id::{EndpointId, JobId, digest},
    secret::Secret,
    task::Task,
};
use local::LocalAws;

use super::*;

async fn world() -> (LocalAws, Sweep) {
    let options = local::Options { queue_clock_stands_still: true, ..Default::default() };
    let aws = LocalAws::start(options).await.expect("starts");
    let (clients, names) = (aws.clients(), aws.names());
    let queue = |name: &str| Queue::new(clients.sqs(), aws.queue_url(name));
    let context = Context::new(
        Table::new(clients.dynamodb(), names.table.clone(), Duration::ZERO),
        Bucket::new(clients.s3(), names.bucket.clone()),
        queue(&names.outbox),
        Clock::manual(Timestamp::from_secs(1_700_000_000)),
    );
    let vault = Vault::new(&Secret::new(*b"master-key-of-the-tests-0123456789"));
    let allowed = Network::parse_list("127.0.0.0/8").expect("a network");
    let caller = Caller::new(Rule { allowed, ..Rule::default() });
    let calls = CallContext::new(context, queue(&names.dead_letters), vault, caller);
    let inbox = Inbox(queue(&names.inbox));
    (aws, Sweep { calls, inbox, limits: Limits::default(), watched: None })
}

/// A queue that does not exist.
fn nowhere(aws: &LocalAws) -> Queue {
    Queue::new(aws.clients().sqs(), aws.queue_url("nowhere"))
}

/// The bodies of the messages that a queue holds now, in alphabetical order.
async fn on(aws: &LocalAws, queue: &str) -> Vec<String> {
    let mut bodies = aws.receive_all(queue).await;
    bodies.sort_unstable();
    bodies
}

/// Names of jobs that are due in the same shard.
fn names_of_one_shard(tenure: &Tenure) -> impl Iterator<Item = String> {
    let shard = |name: &String| {
        let id = JobId::of(tenure, name);
        u32::from_str_radix(&digest(&[id.as_str()])[..2], 16).expect("hex") % SHARDS
    };
    (0u32..).map(|number| number.to_string()).filter(move |name| shard(name) == 0)
}

/// Everything that is due, as a round reads it.
async fn due(sweep: &Sweep) -> Vec<DueItem> {
    let Context { table, clock, .. } = sweep.context();
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        let page = table.due(shard, clock.now(), 100, None).await.expect("read");
        assert!(page.next.is_none(), "more than a page");
        found.extend(page.due);
    }
    found
}

#[tokio::test]
async fn what_is_due_is_rung_for_once_and_again_only_after_a_while() {
    let (_aws, sweep) = world().await;
    let context = sweep.context();
    let now = context.clock.now();
    for number in 0..25 {
        let endpoint = EndpointId::derive(&[&number.to_string()]);
        let task = Task::recover(&endpoint, now);
        context
            .table
            .create_task(&task, now.plus(Duration::from_secs(30)))
            .await
            .expect("kept")
            .either_way();
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

#[tokio::test]
async fn of_two_rounds_at_once_one_runs() {
    let (_aws, sweep) = world().await;
    let context = sweep.context();
    let now = context.clock.now();
    let task = Task::recover(&EndpointId::derive(&["e"]), now);
    context.table.create_task(&task, now).await.expect("kept").either_way();
    let rung = async || sweep.run_alone().await.expect("swept").rung;
    // A round that died holds the lease until its function would have ended, which is before the next.
    let leased = context.table.lease_sweep("died", now, now.plus(LEASE)).await.expect("leased");
    assert_eq!(leased, WriteOutcome::Done);
    let again = context.table.lease_sweep("died", now, now.plus(LEASE)).await.expect("leased");
    assert_eq!(again, WriteOutcome::Done, "the client repeats a write whose answer was lost");
    assert_eq!(rung().await, 0, "another round is under way");
    assert!(LEASE < Duration::from_secs(60));
    context.clock.advance(Duration::from_secs(60));
    assert_eq!(rung().await, 1);
    // It gave the lease back, so the next round does not wait.
    context.clock.advance(Duration::from_secs(60));
    assert_eq!(rung().await, 1);
    let round = context.table.last_sweep().await.expect("read").expect("a round ended");
    assert_eq!(round.at, context.clock.now(), "the time of the last round that ended is kept");
    assert_eq!(
        context.table.release_sweep("died", round, None).await.expect("answered"),
        WriteOutcome::Refused,
        "the lease of a round that died is not given back by it later"
    );
}

#[tokio::test]
async fn the_schedule_says_nothing_that_matters_and_hears_what_was_done() {
    let (_aws, sweep) = world().await;
    let tick = include_str!("../../../events/sweep/schedule-tick.json");
    assert!(serde_json::from_str::<Value>(tick).expect("JSON").is_object());
    let now = sweep.context().clock.now();
    let task = Task::recover(&EndpointId::derive(&["e"]), now);
    sweep.context().table.create_task(&task, now).await.expect("kept").either_way();
    assert_eq!(sweep.handle().await.expect("swept"), json!({ "rung": 1, "asked": 0 }));
}
