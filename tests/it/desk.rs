//! An operator's tasks over many letters and events: redrive, replay, deletion. Each step of a task is
//! done twice.

use std::{collections::HashMap, io::Write, time::Duration};

use adapters::table::WriteOutcome;
use axum::http::Method;
use domain::{
    delivery::DeliveryState,
    endpoint::{CircuitBreaker, Endpoint},
    retry::Policy,
};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion,
    sizes::size,
};

/// Number of letters: `DESK_LETTERS`, or 300, which take half a minute.
fn many() -> usize {
    size("DESK_LETTERS", 300)
}

fn report(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn subscribed() -> (Cloud, Receiver, Endpoint) {
    let receiver = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    let once = Policy::of(Some(1), Some(5), Some(vec![0])).expect("valid");
    let endpoint = subscribe(&cloud, &receiver.url("/hook"), once).await;
    (cloud, receiver, endpoint)
}

/// The breaker is somebody else's business.
async fn subscribe(cloud: &Cloud, url: &str, policy: Policy) -> Endpoint {
    let old = cloud.endpoint(url, policy).await;
    let breaker = CircuitBreaker { threshold: 10_000, recovery_seconds: 60 };
    let new = Endpoint { breaker, ..old.clone() };
    let updated = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(updated, WriteOutcome::Done);
    new
}

async fn begin(cloud: &Cloud, path: &str, body: Value) -> Value {
    let (status, answer) = cloud.call(Method::POST, path, Some(body)).await;
    assert_eq!(status.as_u16(), 202, "{answer}");
    answer
}

/// Has a task's bell ring twice, as a crash between its work and its end would. Other tasks come when they
/// are due: a recovery that probes at once would bring letters back that are being thrown away.
async fn ring(cloud: &Cloud, id: &str) {
    for _ in 0..2 {
        let bell = json!({ "task": id }).to_string();
        cloud.inject(&cloud.aws.names().dead_letters.clone(), &bell).await;
    }
}

async fn until_done(cloud: &Cloud, id: &str) -> Value {
    for _ in 0..2000 {
        ring(cloud, id).await;
        cloud.work().await;
        let (_, task) = cloud.call(Method::GET, &format!("/v1/tasks/{id}"), None).await;
        if task["state"] != "running" {
            return task;
        }
        cloud.pass(Duration::from_secs(61));
        cloud.sweep().await;
    }
    panic!("task {id} does not end");
}

fn per_message(receiver: &Receiver) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for request in receiver.received().iter().filter(|request| request.answered == 200) {
        *counts.entry(request.header("webhook-id").to_owned()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_letters_go_back_by_a_filter_each_once_though_steps_are_done_twice() {
    let (cloud, receiver, _) = subscribed().await;
    receiver.answer(500);
    let count = many();
    cloud.accept_all((0..count).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    cloud.work().await;
    let letters = World::read(&cloud).await.letters;
    assert_eq!(letters.len(), count);
    assert!(letters.iter().all(|letter| letter.expires_at.is_some()), "each says when it goes");
    receiver.answer(200);
    let body = json!({ "filter": { "event_type": "job.succeeded" }, "rate": 500 });
    let begun = begin(&cloud, "/v1/webhooks/dead-letter/redrive", body).await;
    let task = until_done(&cloud, begun["task_id"].as_str().expect("an id")).await;
    assert!(cloud.settle(40).await);
    let arrived = per_message(&receiver);
    assert_eq!(arrived.len(), count);
    assert!(arrived.values().all(|times| *times == 1), "each once");
    report(&format!("{count} letters put back, each once: {task}"));
}

#[tokio::test]
async fn many_letters_are_thrown_away_and_what_comes_meanwhile_stays() {
    let (cloud, receiver, _) = subscribed().await;
    receiver.answer(500);
    cloud.accept_all((0..60).map(|n| completion(&format!("c{n}"), "success", "1"))).await;
    cloud.work().await;
    let begun = begin(&cloud, "/v1/webhooks/dead-letter/delete", json!({ "all": true })).await;
    cloud.pass(Duration::from_secs(1));
    cloud.accept_all([completion("later", "success", "1")]).await;
    let task = until_done(&cloud, begun["task_id"].as_str().expect("an id")).await;
    assert_eq!(task["state"], "finished");
    let left = World::read(&cloud).await.letters;
    assert_eq!(left.len(), 1, "what died after somebody asked is not what they meant");
}

#[tokio::test]
async fn what_failed_is_sent_again_and_what_was_missed_for_the_first_time() {
    let (cloud, receiver, endpoint) = subscribed().await;
    let since = cloud.clock.now().rfc3339();
    receiver.answer(500);
    cloud.accept_all((0..20).map(|n| completion(&format!("bad{n}"), "success", "1"))).await;
    cloud.work().await;
    receiver.answer(200);
    cloud.accept_all((0..20).map(|n| completion(&format!("good{n}"), "success", "1"))).await;
    cloud.work().await;
    cloud.pass(Duration::from_secs(5));
    // It comes later, and asks for what it missed.
    let late = subscribe(&cloud, &receiver.url("/late"), Policy::default()).await;
    let id = |task: &Value| task["id"].as_str().expect("an id")[1..].to_owned();
    let base = |endpoint: &Endpoint| format!("/api/v1/app/acme/endpoint/{}", endpoint.id);
    let dry = json!({ "since": since, "dryRun": true });
    let begun = begin(&cloud, &format!("{}/replay-missing", base(&late)), dry).await;
    let counted = until_done(&cloud, &id(&begun)).await;
    assert_eq!((&counted["matched"], &counted["redriven"]), (&json!(40), &json!(0)));
    // Letters come back by themselves meanwhile: what they do is not done again.
    for (endpoint, call, sent) in
        [(&endpoint, "recover", 0..=20), (&late, "replay-missing", 40..=40)]
    {
        let body = json!({ "since": since });
        let begun = begin(&cloud, &format!("{}/{call}", base(endpoint)), body).await;
        let task = until_done(&cloud, &id(&begun)).await;
        assert!(sent.contains(&task["redriven"].as_u64().expect("a number")), "{call}: {task}");
    }
    assert!(cloud.settle(30).await);
    let at = |path: &str| {
        let here = |it: &&tests::receiver::ReceivedRequest| it.path == path && it.answered == 200;
        receiver.received().iter().filter(here).count()
    };
    assert_eq!((at("/hook"), at("/late")), (40, 40), "nothing twice");
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    cloud.pass(Duration::from_secs(5));
    // Chosen by hand, what has arrived is sent once more, with the same id.
    let body = json!({ "since": since, "status": 0, "statusCodeClass": 200 });
    let begun = begin(&cloud, &format!("{}/bulk-replay", base(&late)), body).await;
    let task = until_done(&cloud, &id(&begun)).await;
    assert_eq!(task["redriven"], 40, "{task}");
    assert!(cloud.settle(30).await);
    assert_eq!((at("/hook"), at("/late")), (40, 80));
    assert_eq!(per_message(&receiver).len(), 40, "no new ids");
}

#[tokio::test]
async fn what_all_messages_said_is_removed_for_good() {
    let (cloud, receiver, _) = subscribed().await;
    let large = format!("\"{}\"", "planted".repeat(5_000));
    let body = |n: usize| completion(&format!("c{n}"), "success", &large);
    cloud.accept_all((0..12).map(body)).await;
    cloud.work().await;
    assert_eq!(per_message(&receiver).len(), 12);
    cloud.pass(Duration::from_secs(1));
    let begun = begin(&cloud, "/api/v1/app/acme/msg/expunge-all-contents", json!({})).await;
    assert_eq!(begun["task"], "application.purge_content");
    let task = until_done(&cloud, &begun["id"].as_str().expect("an id")[1..]).await;
    assert_eq!(task["redriven"], 12, "{task}");
    let world = World::read(&cloud).await;
    assert!(world.events.iter().all(|event| event.is_expunged(cloud.clock.now())));
    assert!(world.events.iter().all(|event| event.claims().is_empty()));
}
