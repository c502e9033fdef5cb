//! Completions that never came: the platform is asked, within bounds, and its answer counts once,
//! whatever comes later.

use std::time::{Duration, Instant};

use domain::{event::EventOutcome, job::JobStatus, retry::Policy};
use futures::future::join;
use serde_json::{Value, json};
use sweep::Limits;
use tests::{
    cloud::Cloud,
    faults::Faults,
    invariants::World,
    platform::{Platform, Reply},
    receiver::Receiver,
    sender::completion,
};

/// The platform's answer about a job that has ended.
fn done(path: &str) -> Reply {
    Reply::new(200, &json!({ "status": "completed", "result": { "path": path } }).to_string())
}

fn running(_: &str) -> Reply {
    Reply::new(200, r#"{"status":"running"}"#)
}

/// A source `modal` whose platform is asked ten minutes after a job was registered.
async fn cloud(answer: fn(&str) -> Reply, more: Value) -> (Cloud, Platform) {
    let cloud = Cloud::start(Faults::default()).await;
    let platform = Platform::start(cloud.clock.clone(), answer).await;
    cloud.options(options(&platform, more)).await;
    (cloud, platform)
}

fn options(platform: &Platform, more: Value) -> Value {
    let asked = json!({ "kind": "http", "status_url": platform.url("/calls/{call_id}") });
    let mut options = json!({ "platform": asked, "deadline_seconds": 600 });
    options.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    options
}

fn policy() -> Policy {
    Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid")
}

async fn holds(cloud: &Cloud, receiver: &Receiver) -> World {
    let world = World::read(cloud).await;
    let found = world.violations(&cloud.accepted, &receiver.received(), 0);
    assert!(found.is_empty(), "{found:#?}");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_of_two_hundred_dropped_completions_are_recovered_by_asking() {
    let (cloud, platform) = cloud(done, json!({})).await;
    let receiver = Receiver::start().await;
    cloud.endpoint(&receiver.url("/all"), policy()).await;
    let watcher = cloud.endpoint_for(&receiver.url("/missed"), &["completion.missed"]).await;
    let mut jobs = Vec::new();
    for number in 0..200 {
        jobs.push(cloud.expect("modal", &format!("job-{number}"), &format!("c{number}")).await);
    }
    cloud.minutes(9).await;
    assert_eq!(platform.asked().len(), 0, "nobody is asked before the deadline");
    let began = Instant::now();
    cloud.minutes(2).await;
    let took = began.elapsed();
    assert!(cloud.settle(10).await, "everything comes to rest");
    let world = holds(&cloud, &receiver).await;
    let recovered = world.jobs.iter().filter(|job| {
        let due = job.deadline_at.expect("set");
        job.status == JobStatus::Succeeded
            && job.watch.missed
            && job.finished_at.expect("ended").since(due) <= Duration::from_secs(60)
    });
    assert_eq!(recovered.count(), 200, "within a minute of their deadline");
    assert_eq!(platform.asked().len(), 200, "one question each");
    assert!(platform.most_at_once() <= 4);
    assert!(platform.asked().iter().all(|asked| asked.authorization == "Bearer platform-key"));
    let received = receiver.received();
    let count = |path: &str| received.iter().filter(|request| request.path == path).count();
    assert_eq!((count("/all"), count("/missed")), (200, 200));
    let notice: Value = serde_json::from_slice(
        &received.iter().find(|request| request.path == "/missed").expect("one").body,
    )
    .expect("JSON");
    assert_eq!(notice["type"], "completion.missed");
    assert_eq!((&notice["data"]["source"], &notice["data"]["polls"]), (&json!("modal"), &json!(1)));
    assert_eq!(notice["data"]["job"]["status"], "succeeded");
    assert_eq!(watcher.event_types, ["completion.missed"]);
    use std::io::Write;
    writeln!(std::io::stderr(), "200 of 200 recovered; two rounds and all they brought: {took:?}")
        .expect("written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_every_completion_comes_nobody_is_ever_asked() {
    let (mut cloud, platform) = cloud(done, json!({})).await;
    let receiver = Receiver::start().await;
    for number in 0..200 {
        cloud.expect("modal", &format!("job-c{number}"), &format!("c{number}")).await;
    }
    cloud.minutes(5).await;
    for number in 0..200 {
        cloud.send(&completion(&format!("c{number}"), "success", "1")).await;
    }
    cloud.minutes(30).await;
    assert_eq!(platform.asked().len(), 0);
    let world = holds(&cloud, &receiver).await;
    assert!(world.jobs.iter().all(|job| job.status == JobStatus::Succeeded && !job.watch.missed));
    assert_eq!(world.jobs.len(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_comes_after_asking_is_a_duplicate() {
    let (mut cloud, _platform) = cloud(done, json!({})).await;
    let receiver = Receiver::start().await;
    cloud.endpoint(&receiver.url("/all"), policy()).await;
    let id = cloud.expect("modal", "job-c1", "c1").await;
    cloud.minutes(10).await;
    let job = cloud.job(&id).await;
    assert_eq!(job.status, JobStatus::Succeeded);
    let late = completion("c1", "success", r#"{"other":"bytes"}"#);
    cloud.send(&late).await;
    cloud.send(&completion("c1", "failure", "null")).await;
    cloud.minutes(2).await;
    let event = cloud.sound_table().event(&job.result_event.expect("one")).await;
    let event = event.expect("read").expect("there");
    assert_eq!((event.duplicates, event.webhooks, event.conflicts), (1, 1, 0));
    let world = holds(&cloud, &receiver).await;
    let conflicts = world.events.iter().filter(|event| event.outcome == EventOutcome::Conflict);
    assert_eq!(conflicts.count(), 1, "the other end is kept and not believed");
    assert_eq!(receiver.received().len(), 1, "one notification");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_had_enough_is_left_alone_for_as_long_as_it_says() {
    fn enough(_: &str) -> Reply {
        Reply { retry_after: Some(290), ..Reply::new(429, "{}") }
    }
    let (cloud, platform) = cloud(enough, json!({ "poll": { "concurrency": 1 } })).await;
    for number in 0..20 {
        cloud.expect("modal", &format!("job-{number}"), &format!("c{number}")).await;
    }
    cloud.minutes(40).await;
    let asked = platform.asked();
    assert!(5 < asked.len(), "it is asked again: {}", asked.len());
    let shortest = asked.windows(2).map(|pair| pair[1].at.since(pair[0].at)).min();
    assert!(Some(Duration::from_secs(290)) <= shortest, "{shortest:?}");
    platform.answer(done);
    cloud.minutes(20).await;
    let world = World::read(&cloud).await;
    assert!(world.jobs.iter().all(|job| job.status == JobStatus::Succeeded), "and none is lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_questions_are_under_way_than_the_source_allows() {
    fn slow(path: &str) -> Reply {
        Reply { after: Duration::from_millis(30), ..done(path) }
    }
    let (cloud, platform) = cloud(slow, json!({ "poll": { "concurrency": 3 } })).await;
    for number in 0..40 {
        cloud.expect("modal", &format!("job-{number}"), &format!("c{number}")).await;
    }
    cloud.pass(Duration::from_secs(600));
    let sweep = cloud.sweeper();
    assert_eq!(sweep.run().await.expect("swept").told, 40);
    assert_eq!(platform.most_at_once(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rounds_at_once_ask_once() {
    let (cloud, platform) = cloud(done, json!({})).await;
    for number in 0..30 {
        cloud.expect("modal", &format!("job-{number}"), &format!("c{number}")).await;
    }
    cloud.pass(Duration::from_secs(600));
    let (one, other) = (cloud.sweeper(), cloud.sweeper());
    let (one, other) = join(one.run(), other.run()).await;
    assert_eq!(one.expect("swept").asked + other.expect("swept").asked, 30);
    let mut paths: Vec<String> = platform.asked().into_iter().map(|asked| asked.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!((paths.len(), platform.asked().len()), (30, 30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_hangs_holds_up_neither_the_others_nor_the_round() {
    fn hangs(_: &str) -> Reply {
        Reply { after: Duration::from_secs(60), ..Reply::new(200, "{}") }
    }
    let (cloud, hung) = cloud(hangs, json!({})).await;
    let well = Platform::start(cloud.clock.clone(), done).await;
    cloud.source("well", "modal-mesh", options(&well, json!({}))).await;
    for number in 0..40 {
        cloud.expect("modal", &format!("job-{number}"), &format!("c{number}")).await;
    }
    for number in 0..20 {
        cloud.expect("well", &format!("job-{number}"), &format!("c{number}")).await;
    }
    cloud.pass(Duration::from_secs(600));
    let mut sweep = cloud.sweeper();
    let (asking, answer) = (Duration::from_secs(2), Duration::from_millis(500));
    sweep.limits = Limits { asking, answer, ..Limits::default() };
    let began = Instant::now();
    let swept = sweep.run().await.expect("swept");
    let took = began.elapsed();
    assert_eq!((swept.told, well.asked().len()), (20, 20), "all of the other's");
    let asked = hung.asked().len();
    assert!((4..40).contains(&asked), "{asked} before time was up");
    assert!(took < Duration::from_secs(8), "the round ends: {took:?}");
    cloud.work().await;
    cloud.pass(Duration::from_secs(80));
    hung.answer(done);
    let swept = cloud.sweeper().run().await.expect("swept");
    assert_eq!(swept.told, 40, "who had to wait and who was not answered are next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_nobody_knows_times_out_and_may_still_be_completed() {
    let (mut cloud, platform) = cloud(|_| Reply::new(404, "{}"), json!({})).await;
    let receiver = Receiver::start().await;
    cloud.endpoint(&receiver.url("/all"), policy()).await;
    let id = cloud.expect("modal", "job-c1", "c1").await;
    cloud.minutes(19).await;
    assert_eq!(cloud.job(&id).await.status, JobStatus::Pending, "it may not have begun");
    cloud.minutes(15).await;
    let job = cloud.job(&id).await;
    assert_eq!((job.status, job.watch.missed, job.poll_at), (JobStatus::TimedOut, true, None));
    let asked = platform.asked().len();
    assert!((3..8).contains(&asked), "{asked}");
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.minutes(30).await;
    let job = cloud.job(&id).await;
    assert_eq!((job.status, job.late), (JobStatus::Succeeded, true));
    assert_eq!(platform.asked().len(), asked, "and is asked for no more");
    let world = holds(&cloud, &receiver).await;
    let kinds = |kind: &str| world.events.iter().filter(|e| e.event_type == kind).count();
    assert_eq!((kinds("job.timed_out"), kinds("completion.missed")), (1, 1));
    assert_eq!(receiver.received().len(), 2, "timed out, then succeeded; how we fare is not told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_webhooks_only_nobody_is_asked_and_a_job_times_out() {
    let (cloud, platform) = cloud(done, json!({ "mode": "only" })).await;
    let id = cloud.expect("modal", "job-c1", "c1").await;
    cloud.minutes(14).await;
    assert_eq!(cloud.job(&id).await.status, JobStatus::Pending, "five minutes of grace");
    cloud.minutes(4).await;
    let job = cloud.job(&id).await;
    assert_eq!((job.status, job.watch.missed, job.polls), (JobStatus::TimedOut, true, 0));
    assert_eq!(platform.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_dual_mode_both_are_heard_and_the_difference_is_counted() {
    let (mut cloud, platform) = cloud(running, json!({ "mode": "dual" })).await;
    let told = cloud.expect("modal", "job-c1", "c1").await;
    let silent = cloud.expect("modal", "job-c2", "c2").await;
    cloud.minutes(3).await;
    assert!(4 <= platform.asked().len(), "from the start");
    platform.answer(done);
    cloud.minutes(2).await;
    assert_eq!(cloud.job(&told).await.status, JobStatus::Succeeded, "before any webhook");
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.minutes(4).await;
    assert!(!cloud.job(&silent).await.watch.missed, "its webhook has until the deadline");
    cloud.minutes(4).await;
    let missed = |job: domain::job::Job| (job.watch.missed, job.poll_at);
    assert_eq!(missed(cloud.job(&told).await), (false, None));
    assert_eq!(missed(cloud.job(&silent).await), (true, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_forged_hints_cost_a_question_a_minute_and_change_nothing() {
    let cloud = Cloud::start(Faults::default()).await;
    let receiver = Receiver::start().await;
    cloud.endpoint(&receiver.url("/all"), policy()).await;
    let platform =
        Platform::start(cloud.clock.clone(), |_| Reply::new(200, r#"{"status":"IN_PROGRESS"}"#))
            .await;
    let asked = json!({ "kind": "runpod", "endpoint_id": "ep", "base_url": platform.url("") });
    cloud.source("runpod", "runpod", json!({ "platform": asked })).await;
    let forged =
        |number: usize| json!({ "id": "j1", "status": "COMPLETED", "output": number }).to_string();
    for minute in 0..10 {
        for number in 0..100 {
            cloud.hint("runpod", &forged(minute * 100 + number)).await;
        }
        cloud.work().await;
        cloud.minutes(1).await;
    }
    let asked = platform.asked();
    assert!((5..=10).contains(&asked.len()), "{} questions", asked.len());
    assert_eq!(asked[0].path, "/v2/ep/status/j1");
    let world = holds(&cloud, &receiver).await;
    assert_eq!((world.jobs.len(), world.jobs[0].status), (1, JobStatus::Pending));
    assert_eq!(world.jobs[0].watch.claimed, Some(JobStatus::Succeeded), "visible as a claim");
    assert!(receiver.received().is_empty(), "nobody hears of it");
    platform.answer(|_| Reply::new(200, r#"{"id":"j1","status":"COMPLETED","output":{"a":1}}"#));
    cloud.hint("runpod", &forged(0)).await;
    cloud.hint("runpod", &forged(5000)).await;
    cloud.work().await;
    cloud.minutes(3).await;
    let world = holds(&cloud, &receiver).await;
    assert_eq!(world.jobs[0].status, JobStatus::Succeeded);
    assert!(!world.jobs[0].watch.missed, "it was told, if by nobody in particular");
    assert_eq!(receiver.received().len(), 1);
    let notice: Value = serde_json::from_slice(&receiver.received()[0].body).expect("JSON");
    assert_eq!(notice["data"]["result"], json!({ "a": 1 }), "what the platform said, not the hint");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_platform_answers_for_its_own_kind_of_source() {
    let cloud = Cloud::start(Faults::default()).await;
    let platform = Platform::start(cloud.clock.clone(), |path| match path {
        "/v1/predictions/p1" => {
            Reply::new(200, r#"{"id":"p1","status":"succeeded","output":["x"],"logs":"…"}"#)
        }
        "/v2/ep/status/r1" => Reply::new(200, r#"{"id":"r1","status":"FAILED","error":"oom"}"#),
        "/own/app/requests/f1/status" => Reply::new(200, r#"{"status":"COMPLETED"}"#),
        "/own/app/requests/f1" => Reply::new(200, r#"{"images":[1]}"#),
        "/own/app/requests/f2/status" => Reply::new(200, r#"{"status":"COMPLETED"}"#),
        "/own/app/requests/f2" => Reply::new(422, r#"{"detail":[{"msg":"field required"}]}"#),
        _ => Reply::new(404, "{}"),
    })
    .await;
    let base = platform.url("");
    for (name, asked) in [
        ("replicate", json!({ "kind": "replicate", "base_url": base })),
        ("runpod", json!({ "kind": "runpod", "endpoint_id": "ep", "base_url": base })),
        ("fal", json!({ "kind": "fal", "app": "own/app/sub/path", "base_url": base })),
    ] {
        let options = json!({ "platform": asked, "deadline_seconds": 60 });
        cloud.source(name, name, options).await;
    }
    let mut jobs = Vec::new();
    for (source, id) in [("replicate", "p1"), ("runpod", "r1"), ("fal", "f1"), ("fal", "f2")] {
        jobs.push(cloud.expect(source, id, id).await);
    }
    cloud.minutes(3).await;
    let mut ends = Vec::new();
    for id in &jobs {
        let job = cloud.job(id).await;
        let event = cloud.sound_table().event(&job.result_event.expect("ended")).await;
        let event = event.expect("read").expect("there");
        let domain::envelope::StoredBody::Text(payload) = event.payload else { panic!("small") };
        let payload: Value = serde_json::from_str(&payload).expect("JSON");
        ends.push((job.status, payload["data"]["result"].clone()));
    }
    let detail = json!({ "detail": [{ "msg": "field required" }] });
    assert_eq!(
        ends,
        [
            (JobStatus::Succeeded, json!(["x"])),
            (JobStatus::Failed, Value::Null),
            (JobStatus::Succeeded, json!({ "images": [1] })),
            (JobStatus::Failed, detail),
        ]
    );
    let keys: Vec<String> = platform.asked().into_iter().map(|asked| asked.authorization).collect();
    assert!(keys.contains(&"Key platform-key".to_owned()), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_megabytes_goes_by_the_bucket() {
    fn large(_: &str) -> Reply {
        let result = "x".repeat(2_000_000);
        Reply::new(200, &json!({ "status": "completed", "result": result }).to_string())
    }
    let (cloud, _platform) = cloud(large, json!({})).await;
    let id = cloud.expect("modal", "job-c1", "c1").await;
    cloud.minutes(11).await;
    assert_eq!(cloud.job(&id).await.status, JobStatus::Succeeded);
    let path = format!("/v1/jobs/{id}/result");
    let (status, result) = cloud.call(axum::http::Method::GET, &path, None).await;
    assert_eq!((status.as_u16(), result.as_str().map(str::len)), (200, Some(2_000_000)));
}
