//! Tasks keep the rate that was asked for: every letter and every message gets a time of its own, as far
//! apart as the rate says, though each step is done by two workers at once and each bell is heard twice.
//!
//! The cadence over many minutes, at every rate, is tested beside its code in `domain::task`.

use std::time::Duration;

use adapters::table::WriteOutcome;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    id::TaskId,
    letter::LetterFilter,
    replay::{Replay, ReplaySelection},
    retry::Policy,
    task::{Task, TaskKind},
    time::Timestamp,
};
use tests::{
    cloud::{Cloud, QueueFaults},
    faults::Faults,
    invariants::World,
    shown,
};

/// Most letters of a case. `RATE_LETTERS=40000` plays a minute at 500 per second too.
fn most() -> u64 {
    std::env::var("RATE_LETTERS").ok().and_then(|count| count.parse().ok()).unwrap_or(1200)
}

/// The kinds of tasks that send at a rate.
#[derive(Clone, Copy, Debug)]
enum Sends {
    Redrive,
    Replay,
    Recovery,
}

impl Sends {
    fn task(self, endpoint: &Endpoint, rate: u32, now: Timestamp) -> Task {
        let id = TaskId::random([7; 16]);
        match self {
            Self::Redrive => Task::redrive(id, LetterFilter::default(), rate, now),
            Self::Recovery => {
                let endpoint = endpoint.id.clone();
                let recovery = Task::recover(&endpoint, now);
                let kind = TaskKind::Recover { endpoint, answering: true, probes: 1 };
                Task { kind, rate, ..recovery }
            }
            Self::Replay => {
                let replay = Replay {
                    application: endpoint.application.clone(),
                    endpoint: endpoint.id.clone(),
                    which: ReplaySelection::Missing,
                    since: Timestamp(0),
                    until: None,
                    event_types: Vec::new(),
                    channel: None,
                    tag: None,
                    dry_run: false,
                };
                Task::replay(id, replay, rate, now)
            }
        }
    }
}

/// The times at which a task sends as many letters as a minute and a half have, as far as they are at most
/// [`most`], counted from its beginning; and how many it had.
async fn times(sends: Sends, rate: u32) -> (Vec<u64>, u64) {
    let mut cloud = Cloud::start(Faults::default()).await;
    let endpoint = cloud.endpoint("http://127.0.0.1:9/hook", Policy::default()).await;
    let count = (u64::from(rate) * 90).min(most());
    match sends {
        Sends::Replay => cloud.record(&endpoint, count).await,
        Sends::Redrive | Sends::Recovery => cloud.park(&endpoint, count).await,
    }
    cloud.queues = QueueFaults::of(1, 1.0, 0.0);
    // What is as young as the asking is not meant by a replay.
    cloud.pass(Duration::from_secs(5));
    let (table, began) = (cloud.sound_table(), cloud.clock.now());
    let task = sends.task(&endpoint, rate, began);
    assert_eq!(table.create_task(&task, began).await.expect("asked"), WriteOutcome::Done);
    // Nobody attempts anything here. Only the queue of the tasks is worked on.
    let queue = cloud.aws.names().dead_letters.clone();
    for second in 0..150 {
        if second % 60 == 0 {
            cloud.sweep().await;
        }
        while cloud.step(&queue).await {}
        cloud.pass(Duration::from_secs(1));
    }
    let world = World::read(&cloud).await;
    let pending = |delivery: &&Delivery| delivery.state == DeliveryState::Pending;
    let sent = world.deliveries.iter().filter(pending);
    let mut times: Vec<_> = sent.map(|delivery| delivery.next_at.0 - began.0).collect();
    times.sort_unstable();
    (times, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_task_keeps_its_rate_though_two_workers_do_each_step() {
    for sends in [Sends::Redrive, Sends::Replay, Sends::Recovery] {
        for rate in [1, 50, 500] {
            let (times, count) = times(sends, rate).await;
            assert_eq!(times.len() as u64, count, "{sends:?} at {rate}/s: each once");
            // Of the first minute, or of as much of it as there are letters for.
            let span = (count * 1000 / u64::from(rate)).min(60_000);
            let within = times.iter().filter(|at| **at < span).count() as f64;
            let wanted = (u64::from(rate) * span) as f64 / 1000.0;
            let last = times.last().copied().unwrap_or(0);
            shown!("{sends:?} at {rate}/s: {within} of {wanted} in {span} ms, the last at {last}");
            assert!((within - wanted).abs() <= wanted / 20.0, "{sends:?} at {rate}/s: {within}");
        }
    }
}
