//! Crash everywhere: every AWS call of every handler fails once, before and after its effect, with
//! and without the process dying; the rest of the system settles; the invariants hold.

mod admitted;
mod batched;
mod broken;
mod counted;
mod expunged;
mod gated;
mod guarded;
mod journey;
mod lagging;
mod later;
mod listened;
mod logged;
mod matrix;
mod ordered;
mod paged;
mod purged;
mod replayed;
mod slow;
mod watched;
mod weather;

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use axum::http::Method;
use domain::{job::JobStatus, retry::Policy};
use futures::{StreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use tests::{
    cloud::{Cloud, Sabotage},
    faults::{AwsCall, FaultKind, Faults},
    invariants::World,
    platform::{Platform, Reply},
    receiver::Receiver,
    sender::completion,
    shown,
};

use journey::Journey;
use matrix::{Case, Selection};

/// Cases that run at the same time.
const AT_ONCE: usize = 4;

/// Makes a journey under a fault; the violations at its end, and the calls that were made.
async fn make(journey: Journey, faults: Faults, sabotage: Sabotage) -> (Vec<String>, Faults) {
    make_over(journey, faults, sabotage, None).await
}

/// The same over reads that lag, if they do, and processes that remember endpoints.
async fn make_over(
    journey: Journey,
    faults: Faults,
    sabotage: Sabotage,
    lag: Option<RangeInclusive<Duration>>,
) -> (Vec<String>, Faults) {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(faults.clone()).await;
    cloud.sabotage = sabotage;
    let endpoints = match journey {
        Journey::Delivered => 2,
        Journey::Paged => paged::ENDPOINTS,
        _ => 1,
    };
    if journey == Journey::Paged {
        cloud.fan_out_sizes = paged::SIZES;
    }
    for number in 0..endpoints {
        let endpoint = cloud.endpoint(&receiver.url(&format!("/{number}")), policy()).await;
        assert!(endpoint.secrets.len() == 1);
    }
    let lags = lag.is_some();
    if let Some(lag) = lag {
        cloud.aws.lag_indexes(lag).expect("lags");
        // Its listener is made at the moment of an event that it hears.
        if journey != Journey::Listened {
            cloud.remember_endpoints();
        }
    }
    walk(journey, &mut cloud, &receiver).await;
    let mut found = Vec::new();
    if !Box::pin(cloud.settle(40)).await {
        found.push("I5: the system does not come to rest".to_owned());
    }
    let world = World::read(&cloud).await;
    // A call that is broken off was heard, and is no attempt.
    let unrecorded = faults.hits() + usize::from(journey == Journey::Slow);
    found.extend(world.violations(&cloud.accepted, &receiver.received(), unrecorded));
    if journey == Journey::Slow {
        found.extend(slow::left(&cloud, faults.hits() == 0 && !lags).await);
    }
    if journey == Journey::Purged {
        // Somebody did not want to see it any more.
        found.retain(|violation| !violation.ends_with("is dead and nobody can see it"));
    }
    if sabotage == Sabotage::None {
        found.extend(arrived(journey, &world));
        let parked = world.letters.iter().filter(|letter| letter.goes_back_by_itself());
        found.extend(parked.map(|letter| format!("a readable message was parked: {}", letter.id)));
    }
    (found, faults)
}

fn policy() -> Policy {
    Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid")
}

/// The steps of a journey. On the heap: together they are larger than the stack of a test.
fn walk<'a>(journey: Journey, cloud: &'a mut Cloud, receiver: &'a Receiver) -> BoxFuture<'a, ()> {
    match journey {
        Journey::Delivered => Box::pin(delivered(cloud)),
        Journey::Recovered => Box::pin(recovered(cloud, receiver)),
        Journey::ByHand => Box::pin(by_hand(cloud, receiver)),
        Journey::Later => Box::pin(later::walk(cloud, receiver)),
        Journey::Gone => Box::pin(gone(cloud, receiver)),
        Journey::Missed => Box::pin(missed(cloud)),
        Journey::Cancelled => Box::pin(cancelled(cloud, receiver)),
        Journey::Batched => Box::pin(batched::walk(cloud, receiver)),
        Journey::Broken => Box::pin(broken::walk(cloud, receiver)),
        Journey::Gated => Box::pin(gated::walk(cloud, receiver)),
        Journey::Ordered => Box::pin(ordered::walk(cloud, receiver)),
        Journey::Paged => Box::pin(paged::walk(cloud, receiver)),
        Journey::Expunged => Box::pin(expunged::walk(cloud)),
        Journey::Replayed => Box::pin(replayed::walk(cloud, receiver)),
        Journey::Purged => Box::pin(purged::walk(cloud, receiver)),
        Journey::Guarded => Box::pin(guarded::walk(cloud)),
        Journey::Slow => Box::pin(slow::walk(cloud, receiver)),
        Journey::Logged => Box::pin(logged::walk(cloud)),
        Journey::Watched => Box::pin(watched::walk(cloud)),
        Journey::Counted => Box::pin(counted::walk(cloud, receiver)),
        Journey::Listened => Box::pin(listened::walk(cloud)),
        Journey::Admitted => Box::pin(admitted::walk(cloud)),
    }
}

/// The completion of the job that most journeys are about.
fn success() -> Vec<u8> {
    completion("c1", "success", "{\"n\":1}")
}

async fn delivered(cloud: &mut Cloud) {
    let success = success();
    cloud.send(&success).await;
    cloud.send(&success).await;
    cloud.work().await;
    // The same key, other bytes; another end of the same job; a large body.
    cloud.send(&completion("c1", "success", "{\"n\":2}")).await;
    cloud.send(&completion("c1", "failure", "null")).await;
    let large = format!("\"{}\"", "x".repeat(70_000));
    cloud.send(&completion("c2", "success", &large)).await;
    cloud.work().await;
    let message = json!({ "eventType": "invoice.paid", "eventId": "once", "payload": { "a": 1 } });
    cloud.publish(message).await;
}

async fn recovered(cloud: &mut Cloud, receiver: &Receiver) {
    let success = success();
    receiver.answer(503);
    cloud.send(&success).await;
    cloud.settle_for(8).await;
    receiver.answer(200);
}

async fn by_hand(cloud: &mut Cloud, receiver: &Receiver) {
    let success = success();
    receiver.answer(500);
    cloud.send(&success).await;
    cloud.inject(&cloud.aws.names().inbox.clone(), "garbage").await;
    cloud.settle_for(9).await;
    receiver.answer(200);
    for number in 1..=3 {
        let path = format!("/v1/webhooks/dead-letter/{number}/retry");
        while cloud.call(Method::POST, &path, None).await.0.is_server_error()
            && cloud.waits_for_better_weather()
        {}
    }
}

async fn gone(cloud: &mut Cloud, receiver: &Receiver) {
    let success = success();
    receiver.answer(410);
    cloud.send(&success).await;
    cloud.settle_for(4).await;
    cloud.send(&completion("c3", "success", "1")).await;
}

async fn missed(cloud: &mut Cloud) {
    let success = success();
    let platform = Platform::start(cloud.clock.clone(), |_| {
        Reply::new(200, r#"{"status":"completed","result":{"n":1}}"#)
    });
    let platform = platform.await;
    let url = platform.url("/calls/{call_id}");
    let asked = json!({ "kind": "http", "status_url": url });
    cloud.options(json!({ "platform": asked, "deadline_seconds": 60 })).await;
    cloud.expect("modal", "job-c1", "c1").await;
    cloud.settle_for(12).await;
    cloud.send(&success).await;
    cloud.work().await;
}

async fn cancelled(cloud: &mut Cloud, receiver: &Receiver) {
    let success = success();
    let url = receiver.url("/cancel/{call_id}");
    cloud.options(json!({ "cancel": { "url": url, "method": "DELETE" } })).await;
    cloud.send(&completion("c1", "started", "null")).await;
    // Nobody can cancel what is not known yet.
    cloud.settle_for(8).await;
    until_it_works(cloud, Method::POST, "/v1/jobs/c1/cancel", Value::Null).await;
    cloud.send(&success).await;
}

/// Calls until an answer of success arrives, three times at most, and once a minute while AWS fails.
async fn until_it_works(cloud: &Cloud, method: Method, path: &str, body: Value) {
    let mut tries = 0..3;
    while cloud.waits_for_better_weather() || tries.next().is_some() {
        let (status, _) = cloud.call(method.clone(), path, Some(body.clone())).await;
        if status.is_success() && !cloud.faults.died() {
            return;
        }
    }
    panic!("{path} does not work");
}

/// The end state that a journey must have, with a fault or without.
fn arrived(journey: Journey, world: &World) -> Option<String> {
    use domain::delivery::DeliveryState::{Dead, Delivered};
    let count = |state| world.deliveries.iter().filter(|d| d.state == state).count();
    let (delivered, dead) = (count(Delivered), count(Dead));
    let right = match journey {
        // Its failure may be processed first; then its success is told as well, as late.
        Journey::Delivered => {
            let late = world.jobs.iter().filter(|job| job.late).count();
            delivered == 6 + 2 * late && dead == 0
        }
        Journey::Ordered => ordered::arrived(world),
        Journey::Paged => paged::arrived(world) && dead == 0,
        Journey::Recovered | Journey::ByHand => delivered == 1 && dead == 0,
        // The completion, and the challenge.
        Journey::Guarded => delivered == 2 && dead == 0,
        Journey::Slow => delivered == 3 && dead == 0,
        Journey::Later => later::arrived(world),
        Journey::Gone => delivered == 0 && dead == 2,
        Journey::Missed => {
            let kinds = |kind: &str| world.events.iter().filter(|e| e.event_type == kind).count();
            let job = &world.jobs[0];
            let told = (kinds("job.succeeded"), kinds("completion.missed")) == (1, 1);
            told && job.watch.missed && job.poll_at.is_none() && delivered == 1 && dead == 0
        }
        // Its start and its end, and the platform.
        Journey::Cancelled => {
            let job = &world.jobs[0];
            let ended = job.status == JobStatus::Cancelled && job.conflicts == 1;
            ended && delivered == 3 && dead == 0
        }
        Journey::Logged => logged::arrived(world) && dead == 0,
        Journey::Watched => watched::arrived(world) && dead == 0,
        Journey::Counted => counted::arrived(world) && dead == 0,
        Journey::Listened => listened::arrived(world) && dead == 0,
        Journey::Admitted => admitted::arrived(world) && dead == 0,
        Journey::Broken => broken::arrived(world) && dead == 0,
        Journey::Gated => gated::arrived(world),
        Journey::Expunged => expunged::arrived(world),
        Journey::Replayed => replayed::arrived(world),
        Journey::Purged => purged::arrived(world),
        // Two ends, two steps and the batch's end to the application, an end to each job's webhook,
        // two steps and an end to the batch's.
        Journey::Batched => delivered == 5 + 2 + 3 && dead == 0,
    };
    (!right).then(|| format!("{journey:?}: {delivered} delivered, {dead} dead"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_call_of_every_handler_may_fail_in_every_way() {
    let selection = Selection::from_env();
    let sound = |journey| async move {
        (journey, tokio::spawn(make(journey, Faults::default(), Sabotage::None)).await)
    };
    let sound = stream::iter(selection.journeys()).map(sound).buffered(AT_ONCE);
    let mut cases = Vec::new();
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for (journey, made) in sound.collect::<Vec<_>>().await {
        let (found, faults) = made.expect("no panic");
        assert!(found.is_empty(), "{journey:?} without faults: {found:#?}");
        let unmet = if journey == Journey::Slow { slow::unmet(&faults.calls()) } else { vec![] };
        assert!(unmet.is_empty(), "{journey:?}: {unmet:?}");
        for call in faults.calls() {
            *calls.entry(call.by).or_default() += 1;
        }
        cases.extend(Case::all(journey, &faults.calls()));
    }
    let of = cases.len();
    let chosen = selection.choose(cases);
    let (planned, described) = (chosen.len(), selection.describe(chosen.len(), of));
    shown!("{described}");
    let run = |Case { journey, call, how, .. }: Case| async move {
        let run = tokio::spawn(make(journey, Faults::at(call, how), Sabotage::None));
        let (found, faults) = run.await.expect("no panic");
        let called = faults.calls().get(call).cloned();
        let said = format!("{journey:?} call {call} {called:?} {how:?}: {found:?}");
        (faults.hits() == 1, (!found.is_empty()).then_some(said))
    };
    let results: Vec<_> = stream::iter(chosen).map(run).buffer_unordered(AT_ONCE).collect().await;
    // Handlers work through a batch at once, so the last calls of a journey are not always made.
    let total = results.iter().filter(|(reached, _)| *reached).count();
    // About one call in thirty; a small sample may have drawn more of them.
    assert!(planned * 9 / 10 <= total, "only {total} of {planned} calls were reached");
    let failed: Vec<_> = results.into_iter().filter_map(|(_, failed)| failed).collect();
    let held = total - failed.len();
    shown!("crash matrix: {held} of {total} held; calls met: {calls:?}");
    let list = failed.join("\n");
    assert!(failed.is_empty(), "{} of {total} failed; {described}\n{list}", failed.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_a_message_that_is_acknowledged_too_early() {
    // Its process dies at its first call, and the message is deleted all the same.
    let (_, faults) = make(Journey::Recovered, Faults::default(), Sabotage::None).await;
    let k = faults.calls().iter().position(|call| call.by == "process").expect("it calls");
    let faults = Faults::at(k, FaultKind::DiesBefore);
    let (found, _) = make(Journey::Recovered, faults, Sabotage::AcksTheUnfinished).await;
    assert!(found.iter().any(|violation| violation.starts_with("I1")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_that_nobody_sweeps() {
    let (_, faults) = make(Journey::ByHand, Faults::default(), Sabotage::None).await;
    // The bell of a retry: that of a first attempt makes its message come again.
    let rings = |call: &AwsCall| call.by == "deliver" && call.operation.starts_with("SendMessage");
    let k = faults.calls().iter().position(rings).expect("it rings");
    let faults = Faults::at(k, FaultKind::FailsOnce);
    let (found, _) = make(Journey::ByHand, faults, Sabotage::NeverSweeps).await;
    assert!(found.iter().any(|violation| violation.starts_with("I5")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_that_the_dead_are_dropped() {
    let (found, _) = make(Journey::Gone, Faults::default(), Sabotage::DropsTheDead).await;
    assert!(found.iter().any(|violation| violation.starts_with("I5")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harness_notices_an_effect_that_happened_twice() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/"), policy()).await;
    cloud.send(&completion("c1", "success", "1")).await;
    assert!(cloud.settle(10).await);
    let world = World::read(&cloud).await;
    let received = receiver.received();
    assert!(world.violations(&cloud.accepted, &received, 0).is_empty());
    // A second delivery of the same event to the same endpoint, one more change of the job, an
    // attempt behind the one that succeeded.
    let mut broken = World::read(&cloud).await;
    broken.deliveries.push(broken.deliveries[0].clone());
    broken.jobs[0].version += 1;
    let again = broken.deliveries[0].attempts[0].clone();
    broken.deliveries[0].attempts.push(again);
    let found = broken.violations(&cloud.accepted, &received, 0);
    for invariant in ["I2", "I4", "I6", "I7"] {
        assert!(found.iter().any(|v| v.starts_with(invariant)), "{invariant}: {found:?}");
    }
    // Requests that nobody recorded.
    let twice = [&received[..], &received[..]].concat();
    assert!(!world.violations(&cloud.accepted, &twice, 0).is_empty());
}
