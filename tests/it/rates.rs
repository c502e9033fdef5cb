//! Tasks keep the rate that was asked for: every letter and every message gets a time of its own, as far
//! apart as the rate says, though each step is done by two workers at once and each bell is heard twice.
//!
//! The cadence over many minutes, at every rate, is tested beside its code in `domain::task`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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
use futures::{StreamExt, stream};
use tests::{
    cloud::{Cloud, QueueFaults},
    faults::{FaultKind, Faults},
    invariants::World,
    shown,
    sizes::size,
};

/// Most letters of a case: `RATE_LETTERS`, or 500, which are ten seconds at 50 per second. 45000 play every
/// case for a minute, and 3200 all but the fastest.
fn most() -> u64 {
    size("RATE_LETTERS", 500)
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

/// Letters of a case of the crash: a step at one per second reaches 20 of them.
const LETTERS: u64 = 24;

/// Redrives letters at one per second while call number `k` of all functions fails. What is wrong at the
/// end, and the calls that were made.
async fn redriven(fault: Option<(usize, FaultKind)>) -> (Vec<String>, Faults) {
    let faults = fault.map_or_else(Faults::default, |(k, how)| Faults::at(k, how));
    let mut cloud = Cloud::start(faults.clone()).await;
    let endpoint = cloud.endpoint("http://127.0.0.1:9/hook", Policy::default()).await;
    cloud.park(&endpoint, LETTERS).await;
    cloud.queues = QueueFaults::of(1, 0.5, 0.2);
    let (table, began) = (cloud.sound_table(), cloud.clock.now());
    let task = Sends::Redrive.task(&endpoint, 1, began);
    assert_eq!(table.create_task(&task, began).await.expect("asked"), WriteOutcome::Done);
    let queue = cloud.aws.names().dead_letters.clone();
    let mut ended = false;
    for tick in 0..60 {
        if tick % 6 == 0 {
            cloud.sweep().await;
        }
        while cloud.step(&queue).await {}
        let task = table.task(&task.id).await.expect("read").expect("there");
        ended = task.finished_at.is_some();
        if ended {
            break;
        }
        cloud.pass(Duration::from_secs(10));
    }
    let world = World::read(&cloud).await;
    let mut found: Vec<_> = world.violations(&[], &[], 1);
    found.retain(|it| it.starts_with("letters") || it.starts_with("the table"));
    let mut times: Vec<_> = world.deliveries.iter().map(|it| (it.state, it.next_at)).collect();
    times.sort_by_key(|(_, at)| *at);
    let apart = |pair: &[(DeliveryState, Timestamp)]| 1000 <= pair[1].1.0 - pair[0].1.0;
    let pending = times.iter().filter(|(state, _)| *state == DeliveryState::Pending).count();
    if !ended || pending as u64 != LETTERS || !times.windows(2).all(apart) {
        found.push(format!("ended: {ended}, {times:?}"));
    }
    (found, faults)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_task_that_is_killed_between_any_two_calls_puts_each_letter_back_once_at_its_rate() {
    let (found, faults) = redriven(None).await;
    assert!(found.is_empty(), "without faults: {found:#?}");
    // The first, the middle and the last of each kind of call.
    let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (number, call) in faults.calls().iter().enumerate() {
        kinds.entry(format!("{} {}", call.by, call.operation)).or_default().push(number);
    }
    let calls = faults.calls();
    let mut cases = Vec::new();
    for numbers in kinds.values() {
        let chosen: BTreeSet<_> =
            [0, numbers.len() / 2, numbers.len() - 1].into_iter().map(|at| numbers[at]).collect();
        for k in chosen {
            let ways = calls[k].ways();
            let kills = [FaultKind::DiesBefore, FaultKind::DiesAfter, FaultKind::AnswerLost];
            cases.extend(ways.into_iter().filter(|how| kills.contains(how)).map(|how| (k, how)));
        }
    }
    let count = cases.len();
    let run = |case: (usize, FaultKind)| async move {
        let (found, faults) = tokio::spawn(redriven(Some(case))).await.expect("no panic");
        let call = faults.calls().get(case.0).cloned();
        (!found.is_empty()).then(|| format!("{case:?} {call:?}: {found:?}"))
    };
    let failed: Vec<_> = stream::iter(cases).map(run).buffer_unordered(4).collect().await;
    let failed: Vec<_> = failed.into_iter().flatten().collect();
    shown!("rates: {} of {count} kills held; {} kinds of calls", count - failed.len(), kinds.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
