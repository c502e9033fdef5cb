//! Batches through the whole cloud.

use std::{io::Write, sync::Arc, time::Instant};

use axum::http::Method;
use domain::{batch::BatchEnd, id::ApplicationId};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion,
    sizes::size,
};

async fn post(cloud: &Cloud, path: &str, body: Value) -> Value {
    let (status, answer) = cloud.call(Method::POST, path, Some(body)).await;
    assert!(status.is_success(), "{path}: {status} {answer}");
    answer
}

/// The notices that came to a path, sorted by type and counts.
fn heard(receiver: &Receiver, path: &str) -> Vec<(String, u64, u64, Option<u64>)> {
    let received = receiver.received();
    let notices = received.iter().filter(|request| request.path == path);
    let facts = notices.map(|request| {
        let notice: Value = serde_json::from_slice(&request.body).expect("JSON");
        let batch = &notice["data"]["batch"];
        (
            notice["type"].as_str().expect("a type").to_owned(),
            batch["completed"].as_u64().expect("a count"),
            batch["failed"].as_u64().expect("a count"),
            notice["data"]["step"].as_u64(),
        )
    });
    let mut facts: Vec<_> = facts.collect();
    facts.sort();
    facts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_says_how_far_it_is_and_that_it_is_done() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let webhook =
        json!({ "url": receiver.url("/b"), "events": ["completed", "failed", "progress"] });
    let batch = json!({ "id": "b1", "application": "acme", "size": 4, "progress_percent": 50, "webhook": webhook });
    post(&cloud, "/v1/batches", batch).await;
    for (number, word) in ["success", "failure", "success", "success"].into_iter().enumerate() {
        cloud.send(&completion(&format!("c{number}"), word, "1")).await;
        assert!(cloud.settle(4).await);
    }
    let progress = |completed, failed, step| ("batch.progress".to_owned(), completed, failed, step);
    let expected = [
        ("batch.completed".to_owned(), 3, 1, None),
        progress(1, 1, Some(2)),
        progress(3, 1, Some(4)),
    ];
    assert_eq!(heard(&receiver, "/b"), expected);
    let world = World::read(&cloud).await;
    let violations = world.violations(&cloud.accepted, &receiver.received(), 0);
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_may_come_after_its_jobs_and_be_closed_when_all_are_known() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    for number in 0..3 {
        cloud.send(&completion(&format!("c{number}"), "failure", "1")).await;
    }
    cloud.work().await;
    let batch = json!({ "id": "b1", "source": "modal", "progress_every": 2, "webhook_url": receiver.url("/b") });
    post(&cloud, "/v1/batches", batch).await;
    assert!(cloud.settle(4).await);
    let progress = ("batch.progress".to_owned(), 0, 3, Some(2));
    assert_eq!(heard(&receiver, "/b"), std::slice::from_ref(&progress), "its size is unknown");
    // A job that is only registered belongs to it as well.
    let job = json!({ "source": "modal", "batch_id": "b1" });
    let (status, _) = cloud.call(Method::PUT, "/v1/jobs/job-c3", Some(job)).await;
    assert_eq!(status.as_u16(), 201);
    let closed = post(&cloud, "/v1/batches/b1/close", json!({})).await;
    assert_eq!((&closed["size"], &closed["status"]), (&json!(4), &json!("in_progress")));
    cloud.send(&completion("c3", "timeout", "1")).await;
    assert!(cloud.settle(6).await);
    let expected = [
        ("batch.failed".to_owned(), 0, 4, None),
        progress,
        ("batch.progress".to_owned(), 0, 4, Some(4)),
    ];
    assert_eq!(heard(&receiver, "/b"), expected);
    let shown = cloud.call(Method::GET, "/v1/batches/b1", None).await.1;
    assert_eq!(shown["request_counts"], json!({ "total": 4, "completed": 0, "failed": 4 }));
    assert_eq!((&shown["timed_out"], &shown["status"]), (&json!(1), &json!("failed")));
}

/// Number of jobs that end at the same moment; `BATCH_JOBS` sets another.
fn jobs() -> usize {
    size("BATCH_JOBS", 1000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_end_at_the_same_moment_are_counted_once_each() {
    let receiver = Receiver::start().await;
    let jobs = jobs();
    let cloud = Arc::new(Cloud::start(Faults::default()).await);
    let webhook = json!({ "url": receiver.url("/b") });
    let batch = json!({ "id": "b1", "application": "acme", "size": jobs, "progress_percent": 10, "webhook": webhook });
    post(&cloud, "/v1/batches", batch).await;
    cloud
        .accept_all((0..jobs).map(|number| {
            let word = if number % 10 == 0 { "failure" } else { "success" };
            completion(&format!("c{number}"), word, "1")
        }))
        .await;
    let before = cloud.faults.calls().len();
    let began = Instant::now();
    let inbox = cloud.aws.names().inbox.clone();
    // As many at once as the event source mapping would begin with, and then as many as it takes.
    let worker = |cloud: Arc<Cloud>| {
        let inbox = inbox.clone();
        tokio::spawn(async move { while cloud.step(&inbox).await {} })
    };
    let workers: Vec<_> = (0..8).map(|_| worker(Arc::clone(&cloud))).collect();
    for worker in workers {
        worker.await.expect("no panic");
    }
    assert!(cloud.settle(10).await);
    let took = began.elapsed();
    let world = World::read(&cloud).await;
    assert_eq!((world.jobs.len(), world.markers, world.batches.len()), (jobs, 0, 1));
    let batch = &world.batches[0];
    let failed = jobs.div_ceil(10) as u64;
    assert_eq!((batch.counts.succeeded, batch.counts.failed), (jobs as u64 - failed, failed));
    assert_eq!((batch.end, batch.announced_steps), (Some(BatchEnd::Completed), 10));
    let mut types: Vec<String> = heard(&receiver, "/b").into_iter().map(|fact| fact.0).collect();
    types.sort();
    let mut expected = vec!["batch.completed".to_owned()];
    expected.extend(vec!["batch.progress".to_owned(); 10]);
    assert_eq!(types, expected, "each once");
    let violations = world.violations(&[], &receiver.received(), 0);
    assert!(violations.is_empty(), "{violations:#?}");
    let calls = cloud.faults.calls();
    let count = |name: &str| calls[before..].iter().filter(|call| call.operation == name).count();
    let transactions = count("TransactWriteItems");
    // One for the job; the batch's share of the others is small. Its bells and looks are bounded too.
    let (per_job, rest) = (transactions as f64 / jobs as f64, transactions - jobs);
    writeln!(
        std::io::stderr(),
        "batch of {jobs}: {took:.1?}, {per_job:.3} transactions per job ({rest} beyond one each), \
         batch changed {} times, {} queries, {} sends",
        batch.version,
        count("Query"),
        count("SendMessage") + count("SendMessageBatch"),
    )
    .expect("written");
    assert!(per_job < 1.5, "{per_job} transactions per job");
    let seen = cloud.sound_table().endpoints(&ApplicationId::named("acme")).await.expect("read");
    assert!(seen.is_empty());
}
