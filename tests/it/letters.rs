//! What it costs to list, count, probe with and put back the waiting letters of one endpoint, while other
//! endpoints have letters, too: calls to DynamoDB, and bytes that it answered with.

use std::time::Duration;

use adapters::table::{LetterList, WriteOutcome};
use axum::http::Method;
use domain::{
    application::Application,
    endpoint::Endpoint,
    id::{ApplicationId, EndpointId, TaskId},
    retry::Policy,
    task::Task,
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, faults::Faults, invariants::World, shown, sizes::size};

/// Letters of the endpoint that is looked at.
const OURS: u64 = 60;
/// Letters of others, before and after they become ten times as many: `LETTERS_OTHERS`, or 200.
fn others() -> u64 {
    size("LETTERS_OTHERS", 200)
}

/// The cost of one step.
#[derive(Clone, Copy, Debug)]
struct Cost {
    what: &'static str,
    calls: usize,
    bytes: u64,
}

async fn measured<T>(
    cloud: &Cloud,
    what: &'static str,
    step: impl Future<Output = T>,
) -> (Cost, T) {
    let (calls, bytes) = (cloud.faults.calls().len(), cloud.faults.received());
    let done = step.await;
    let cost = Cost {
        what,
        calls: cloud.faults.calls().len() - calls,
        bytes: cloud.faults.received() - bytes,
    };
    (cost, done)
}

async fn asked(cloud: &Cloud, path: &str) -> Value {
    let (status, answer) = cloud.call(Method::GET, path, None).await;
    assert_eq!(status.as_u16(), 200, "{path}: {answer}");
    answer
}

/// Lists, counts, probes with and puts back the letters of an endpoint.
async fn costs(cloud: &Cloud, ours: &Endpoint, waiting: u64) -> Vec<Cost> {
    let base = "/v1/webhooks/dead-letter";
    let path = format!("{base}?endpoint={}&state=waiting&limit=20", ours.id);
    let (list, answer) = measured(cloud, "list a page", asked(cloud, &path)).await;
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(20));
    assert_eq!((&answer["total"], &answer["has_more"]), (&json!(waiting), &json!(true)));
    let path = format!("{base}?application={}&limit=20", ours.application);
    let (application, answer) =
        measured(cloud, "a page of the application", asked(cloud, &path)).await;
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(20));
    let path = format!("{base}?application={}&state=waiting&limit=20", ours.application);
    let (of_waiting, answer) = measured(cloud, "what waits of it", asked(cloud, &path)).await;
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(20));
    let body = json!({ "filter": { "endpoint": ours.id }, "dry_run": true });
    let counted = cloud.call(Method::POST, "/v1/webhooks/dead-letter/redrive", Some(body));
    let (count, (_, answer)) = measured(cloud, "count", counted).await;
    assert_eq!(answer["matched"], waiting, "{answer}");
    let queue = cloud.aws.names().dead_letters.clone();
    // One probe.
    let (table, now) = (cloud.sound_table(), cloud.clock.now());
    let recovery = Task::recover(&ours.id, now);
    table.create_task(&recovery, now).await.expect("asked").either_way();
    cloud.inject(&queue, &json!({ "task": recovery.id }).to_string()).await;
    let (probe, _) = measured(cloud, "probe", cloud.step(&queue)).await;
    // The rest goes back.
    let filter =
        domain::letter::LetterFilter { endpoint: Some(ours.id.clone()), ..Default::default() };
    let redrive = Task::redrive(TaskId::random(adapters::random::bytes()), filter, 500, now);
    assert_eq!(table.create_task(&redrive, now).await.expect("asked"), WriteOutcome::Done);
    cloud.inject(&queue, &json!({ "task": redrive.id }).to_string()).await;
    let (redriven, _) = measured(cloud, "redrive", cloud.step(&queue)).await;
    let done = table.task(&redrive.id).await.expect("read").expect("there");
    assert_eq!(done.redriven, waiting - 1, "{done:?}");
    vec![list, application, of_waiting, count, probe, redriven]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_letters_of_an_endpoint_cost_the_same_however_many_others_have() {
    let cloud = Cloud::start(Faults::default()).await;
    let other = cloud.endpoint("http://127.0.0.1:9/other", Policy::default()).await;
    let (mut known, mut seen) = (0, Vec::new());
    for (round, all) in [others(), 10 * others()].into_iter().enumerate() {
        cloud.pass(Duration::from_secs(60));
        // An application of its own each time, whose letters all wait.
        let application = Application::new(
            ApplicationId::named(&format!("ours{round}")),
            None,
            "ours",
            cloud.clock.now(),
        );
        cloud.sound_table().create_application(&application).await.expect("kept").either_way();
        let id = EndpointId::derive(&["ours", &round.to_string()]);
        let ours = Endpoint { id, application: application.id, ..other.clone() };
        let created = cloud.sound_table().create_endpoint(&ours).await.expect("kept");
        assert_eq!(created, WriteOutcome::Done);
        cloud.park(&ours, OURS).await;
        cloud.park_more(&other, known, all).await;
        known = all;
        seen.push(costs(&cloud, &ours, OURS).await);
        let world = World::read(&cloud).await;
        let strange = world.violations(&[], &[], 0);
        assert!(!strange.iter().any(|it| it.starts_with("letters")), "{strange:?}");
    }
    let table = cloud.sound_table();
    let counted = table.count_waiting_at(&other.application, &other.id).await.expect("read");
    assert_eq!(counted, known);
    let oldest = table.letters_in(LetterList::WaitingAt(&other.id), None, 1, true).await;
    assert_eq!(oldest.expect("read").items.len(), 1);
    for (few, many) in seen[0].iter().zip(&seen[1]) {
        shown!("letters: {few:?} with {}, {many:?} with {} of others", others(), known);
        assert_eq!(few.calls, many.calls, "{}", few.what);
        let apart = few.bytes.abs_diff(many.bytes) as f64;
        assert!(apart <= few.bytes as f64 / 10.0, "{}: {} and {}", few.what, few.bytes, many.bytes);
    }
}
