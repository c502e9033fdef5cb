//! Jobs through the whole cloud: registered before, after and while they speak for themselves.

use std::collections::BTreeMap;

use axum::http::Method;
use domain::{id::ApplicationId, retry::Policy};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud, faults::Faults, invariants::World, receiver::Receiver, sender::completion,
};

fn policy() -> Policy {
    Policy::of(Some(2), Some(5), Some(vec![1, 1])).expect("valid")
}

/// Every order of these letters.
fn orders(letters: &str) -> Vec<String> {
    if letters.is_empty() {
        return vec![String::new()];
    }
    let first = |at: usize| {
        let mut rest = letters.to_owned();
        let first = rest.remove(at);
        orders(&rest).into_iter().map(move |rest| format!("{first}{rest}"))
    };
    (0..letters.len()).flat_map(first).collect()
}

/// The event types that came to a path, sorted.
fn heard(receiver: &Receiver, path: &str, external: &str) -> Vec<String> {
    let received = receiver.received();
    let notices = received.iter().filter(|request| request.path == path);
    let notices =
        notices.map(|request| serde_json::from_slice::<Value>(&request.body).expect("JSON"));
    let about = notices.filter(|notice| notice["data"]["job"]["external_id"] == external);
    let mut types: Vec<String> =
        about.map(|notice| notice["type"].as_str().expect("a type").to_owned()).collect();
    types.sort();
    types
}

async fn register(cloud: &Cloud, external: &str, url: &str) -> Value {
    let path = format!("/v1/jobs/{external}");
    let body = json!({ "source": "modal", "webhook": { "url": url } });
    let (status, answer) = cloud.call(Method::PUT, &path, Some(body)).await;
    assert!(status.is_success(), "{status} {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_120_orders_of_what_happens_to_a_job_tell_everybody_the_same() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&receiver.url("/application"), policy()).await;
    let inbox = cloud.aws.names().inbox.clone();
    let orders = orders("RSPCD");
    assert_eq!(orders.len(), 120);
    for order in &orders {
        let success = completion(order, "success", "1");
        for happening in order.chars() {
            match happening {
                'R' => {
                    let url = receiver.url(&format!("/{order}"));
                    register(&cloud, &format!("job-{order}"), &url).await;
                }
                'S' => cloud.send(&completion(order, "started", "null")).await,
                'P' => cloud.send(&completion(order, "progress", "null")).await,
                _ => cloud.send(&success).await,
            }
            while cloud.step(&inbox).await {}
        }
    }
    assert!(cloud.settle(10).await);
    let world = World::read(&cloud).await;
    let violations = world.violations(&cloud.accepted, &receiver.received(), 0);
    assert!(violations.is_empty(), "{violations:#?}");
    let all = ["job.progress", "job.started", "job.succeeded"];
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for order in &orders {
        let external = format!("job-{order}");
        for path in ["/application", &format!("/{order}")] {
            assert_eq!(heard(&receiver, path, &external), all, "{order} at {path}");
        }
        let job = world.jobs.iter().find(|job| job.external_id == external).expect("there");
        let end = format!(
            "{:?} {:?} {} {} {} {}",
            job.status,
            job.call_id.as_ref().map(|id| id == order),
            job.started,
            job.late,
            job.conflicts,
            job.announced.len()
        );
        *ends.entry(end).or_default() += 1;
    }
    assert_eq!(ends.len(), 1, "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_registration_and_a_completion_at_the_same_moment_make_one_delivery() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let inbox = cloud.aws.names().inbox.clone();
    for round in 0..60 {
        let call = format!("race-{round}");
        cloud.send(&completion(&call, "success", "1")).await;
        let (external, url) = (format!("job-{call}"), receiver.url(&format!("/{call}")));
        // Every other round a second registrar wants to be told as well.
        let other = receiver.url(&format!("/{call}-other"));
        let second = async {
            if round % 2 == 0 {
                register(&cloud, &external, &other).await;
            }
        };
        tokio::join!(cloud.step(&inbox), register(&cloud, &external, &url), second);
    }
    assert!(cloud.settle(10).await);
    let world = World::read(&cloud).await;
    let violations = world.violations(&cloud.accepted, &receiver.received(), 0);
    assert!(violations.is_empty(), "{violations:#?}");
    for round in 0..60 {
        let external = format!("job-race-{round}");
        assert_eq!(heard(&receiver, &format!("/race-{round}"), &external), ["job.succeeded"]);
        let other = heard(&receiver, &format!("/race-{round}-other"), &external);
        assert_eq!(other.len(), usize::from(round % 2 == 0), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_hears_of_its_job_alone_and_of_what_it_asked_for() {
    let receiver = Receiver::start().await;
    let mut cloud = Cloud::start(Faults::default()).await;
    let webhook = json!({
        "url": receiver.url("/hook"),
        "events": ["completed", "job.stopped"],
        "filter": { "data": { "result": { "score": { "$gte": 0.5 } } } },
    });
    for call in ["good", "poor"] {
        let body = json!({ "source": "modal", "webhook": webhook });
        let path = format!("/v1/jobs/job-{call}");
        let (status, answer) = cloud.call(Method::PUT, &path, Some(body)).await;
        assert_eq!(status.as_u16(), 201, "{answer}");
        cloud.send(&completion(call, "started", "null")).await;
    }
    cloud.send(&completion("good", "success", r#"{"score":0.9}"#)).await;
    cloud.send(&completion("poor", "success", r#"{"score":0.1}"#)).await;
    cloud.send(&completion("other", "success", r#"{"score":0.9}"#)).await;
    assert!(cloud.settle(10).await);
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(heard(&receiver, "/hook", "job-good"), ["job.succeeded"]);
    let table = cloud.sound_table();
    let known = table.endpoints(&ApplicationId::named("acme")).await.expect("read");
    assert!(known.is_empty(), "a job's webhook is no endpoint of the application");
}
