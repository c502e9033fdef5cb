//! One attempt at a delivery, step by step. The clock is moved by the test.

use std::time::Duration;

use adapters::table::{ClaimOutcome, ConcludeOutcome, WriteOutcome};
use axum::http::Method;
use dispatch::outcome::AttemptOutcome;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::DisabledReason,
    id::ApplicationId,
    retry::{ErrorClass, Policy},
    task::TaskKind,
};
use serde_json::json;
use tests::{
    cloud::Cloud,
    faults::{FaultKind, Faults},
    invariants::World,
    receiver::Receiver,
    sender::completion,
};

fn ladder(delays: &[i64]) -> Policy {
    Policy::of(None, Some(5), Some(delays.to_vec())).expect("valid")
}

/// A cloud with one completion on its way to a subscriber that answers `status`.
async fn on_its_way(policy: Policy, status: u16) -> (Cloud, Receiver) {
    let receiver = Receiver::start().await;
    receiver.answer(status);
    let mut cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/hook"), policy).await;
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.step(&cloud.aws.names().inbox.clone()).await;
    (cloud, receiver)
}

async fn delivery(cloud: &Cloud) -> Delivery {
    World::read(cloud).await.deliveries.remove(0)
}

#[tokio::test]
async fn retries_keep_to_their_ladder_and_stay_within_their_jitter() {
    let (cloud, receiver) = on_its_way(ladder(&[5, 300, 1_800]), 500).await;
    let outbox = cloud.aws.names().outbox.clone();
    cloud.step(&outbox).await;
    let mut tried = 1;
    for delay in [5_u64, 300, 1_800] {
        let waiting = delivery(&cloud).await;
        let wait = waiting.next_at.since(cloud.clock.now()).as_secs_f64();
        let ratio = wait / delay as f64;
        assert!((0.79..=1.21).contains(&ratio), "{delay} s became {wait} s");
        cloud.pass(Duration::from_secs_f64(wait.ceil() - 3.0));
        cloud.sweep().await;
        cloud.work().await;
        assert_eq!(receiver.received().len(), tried, "not before its time");
        cloud.pass(Duration::from_secs(4));
        cloud.sweep().await;
        cloud.work().await;
        tried += 1;
        assert_eq!(receiver.received().len(), tried, "after {delay} s");
    }
    assert_eq!(delivery(&cloud).await.state, DeliveryState::Dead);
    assert_eq!(World::read(&cloud).await.letters.len(), 1);
}

#[tokio::test]
async fn a_worker_that_wakes_up_late_changes_nothing() {
    let (cloud, receiver) = on_its_way(ladder(&[1]), 200).await;
    let table = cloud.sound_table();
    let waiting = delivery(&cloud).await;
    let claim = |token: &'static str| {
        let (table, cloud, waiting) = (&table, &cloud, &waiting);
        async move {
            table.claim(&waiting.event, &waiting.id, token, cloud.clock.now()).await.expect("asked")
        }
    };
    let ClaimOutcome::Taken(mut zombie) = claim("zombie").await else { panic!("it is free") };
    assert!(matches!(claim("other").await, ClaimOutcome::Busy));
    cloud.pass(Duration::from_secs(36));
    let outcome = cloud.calls().attempt(&waiting.event, &waiting.id, false).await.expect("done");
    assert!(matches!(outcome, AttemptOutcome::Called(_)), "{outcome:?}");
    zombie.delivery.state = DeliveryState::Dead;
    let late = table.conclude(&zombie, &ladder(&[1]), None).await.expect("asked");
    assert_eq!(late, ConcludeOutcome::Stale);
    assert_eq!(delivery(&cloud).await.state, DeliveryState::Delivered);
    assert!(matches!(claim("third").await, ClaimOutcome::Finished(_)));
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn of_many_workers_one_attempts() {
    let (cloud, receiver) = on_its_way(ladder(&[1]), 200).await;
    let waiting = delivery(&cloud).await;
    let calls = cloud.calls();
    let all = (0..20).map(|_| calls.attempt(&waiting.event, &waiting.id, false));
    let results = futures::future::join_all(all).await;
    let called = results.iter().filter(|r| matches!(r, Ok(AttemptOutcome::Called(_)))).count();
    assert_eq!((called, receiver.received().len()), (1, 1));
}

#[tokio::test]
async fn gone_disables_the_endpoint_and_enabling_it_brings_the_letters_back() {
    let (mut cloud, receiver) = on_its_way(ladder(&[1]), 410).await;
    cloud.work().await;
    let world = World::read(&cloud).await;
    assert_eq!(world.endpoints[0].disabled, Some(DisabledReason::Gone));
    assert_eq!(world.deliveries[0].state, DeliveryState::Dead);
    cloud.send(&completion("c2", "success", "2")).await;
    cloud.work().await;
    assert_eq!(receiver.received().len(), 1, "nothing is sent to a disabled endpoint");
    let letters = World::read(&cloud).await.letters;
    assert_eq!(letters.len(), 2);
    assert!(letters.iter().any(|letter| letter.error_class == ErrorClass::EndpointDisabled));
    receiver.answer(200);
    let path = format!("/api/v1/app/acme/endpoint/{}", world.endpoints[0].id);
    let enabled = json!({ "url": receiver.url("/hook"), "disabled": false });
    let (status, answer) = cloud.call(Method::PUT, &path, Some(enabled)).await;
    assert!(status.is_success(), "{answer}");
    assert!(cloud.settle(10).await);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    assert!(world.letters.iter().all(|letter| letter.retry_success == Some(true)));
}

#[tokio::test]
async fn the_deliveries_of_an_endpoint_that_is_deleted_are_cancelled() {
    let (cloud, receiver) = on_its_way(ladder(&[60]), 500).await;
    cloud.work().await;
    let endpoint = World::read(&cloud).await.endpoints.remove(0);
    assert_eq!(
        cloud.sound_table().delete_endpoint(&endpoint).await.expect("asked"),
        WriteOutcome::Done
    );
    assert!(cloud.settle(10).await);
    assert_eq!(delivery(&cloud).await.state, DeliveryState::Cancelled);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_lost_doorbell_is_rung_by_the_sweep() {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/hook"), ladder(&[1])).await;
    // No message of the inbox stands for what is published.
    cloud.publish(json!({ "eventType": "a.b", "eventId": "one", "payload": {} })).await;
    purge_outbox(&cloud).await;
    cloud.work().await;
    assert!(receiver.received().is_empty());
    assert!(cloud.settle(5).await);
    assert_eq!(receiver.received().len(), 1);
}

async fn purge_outbox(cloud: &Cloud) {
    let outbox = cloud.aws.queue_url(&cloud.aws.names().outbox);
    cloud.sound.sqs().purge_queue().queue_url(outbox).send().await.expect("purged");
}

#[tokio::test]
async fn a_bell_that_aws_fails_comes_again_within_a_minute() {
    let receiver = Receiver::start().await;
    let faults = Faults::default();
    let mut cloud = Cloud::start(faults.clone()).await;
    cloud.endpoint(&receiver.url("/hook"), ladder(&[1])).await;
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.step(&cloud.aws.names().inbox.clone()).await;
    faults.plan(faults.calls().len(), FaultKind::Throttled);
    cloud.work().await;
    assert_eq!((faults.hits(), receiver.received().len()), (1, 0), "its claim failed");
    cloud.pass(Duration::from_secs(61));
    cloud.work().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn ten_doorbells_are_one_attempt() {
    let (cloud, receiver) = on_its_way(ladder(&[1]), 200).await;
    let waiting = delivery(&cloud).await;
    let bell = json!({ "event": waiting.event, "delivery": waiting.id }).to_string();
    for _ in 0..10 {
        cloud.inject(&cloud.aws.names().outbox.clone(), &bell).await;
    }
    assert!(cloud.settle(10).await);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_stays_down_is_asked_ever_more_seldom_by_one_letter() {
    let (cloud, receiver) = on_its_way(ladder(&[0]), 500).await;
    cloud.work().await;
    for _ in 0..60 {
        cloud.pass(Duration::from_secs(61));
        cloud.sweep().await;
        cloud.work().await;
    }
    let probes = receiver.received().len() - 2;
    assert!((4..=9).contains(&probes), "{probes} probes in an hour");
    let world = World::read(&cloud).await;
    assert_eq!(world.letters.len(), 1, "always the same letter");
    let task = cloud.sound_table().tasks().await.expect("read").remove(0);
    assert!(matches!(task.kind, TaskKind::Recover { answering: false, .. }));
}

#[tokio::test]
async fn letters_that_match_a_filter_go_back_at_a_rate() {
    let receiver = Receiver::start().await;
    receiver.answer(500);
    let mut cloud = Cloud::start(Faults::default()).await;
    let endpoint = cloud.endpoint(&receiver.url("/hook"), ladder(&[0])).await;
    // All of them are to die at once.
    let mut stubborn = endpoint.clone();
    stubborn.breaker.threshold = 100;
    cloud.sound_table().update_endpoint(&endpoint, &stubborn).await.expect("kept").either_way();
    for number in 0..40 {
        cloud.send(&completion(&format!("c{number}"), "success", "1")).await;
    }
    cloud.work().await;
    assert_eq!(World::read(&cloud).await.letters.len(), 40);
    receiver.answer(200);
    let filter = json!({ "filter": { "application": ApplicationId::named("acme") }, "rate": 2 });
    let dry = json!({ "filter": filter["filter"], "dry_run": true });
    let path = "/v1/webhooks/dead-letter/redrive";
    let (_, counted) = cloud.call(Method::POST, path, Some(dry)).await;
    assert_eq!(counted["matched"], 40);
    let (status, answer) = cloud.call(Method::POST, path, Some(filter)).await;
    assert_eq!(status.as_u16(), 202, "{answer}");
    let before = receiver.received().len();
    cloud.work().await;
    cloud.pass(Duration::from_secs(10));
    cloud.work().await;
    let came = receiver.received().len() - before;
    assert!((15..=25).contains(&came), "{came} in ten seconds at two a second");
    assert!(cloud.settle(20).await);
    assert_eq!(receiver.received().len() - before, 40, "each once");
    assert!(World::read(&cloud).await.letters.iter().all(|l| l.retry_success == Some(true)));
}
