//! Tests of what the owner of an application, or of the whole relay, hears: tasks and refusals.

use domain::{
    id::TaskId,
    letter::LetterFilter,
    live::news::{RefusalNews, TaskNews},
    refusals::{RefusalReason, RefusalSample, RefusedRequest},
    task::Task,
};

use super::*;

fn task(name: &str) -> News {
    let id = TaskId::derive(&[name]);
    News::Task(TaskNews::of(&Task::redrive(id, LetterFilter::default(), 10, NOW), NOW))
}

fn refusal() -> News {
    let headers = Default::default();
    let request =
        RefusedRequest { at: NOW, source: "modal", caller: None, headers: &headers, bytes: 1 };
    let sample = RefusalSample::of(&request, RefusalReason::Mismatch, "No secret fits.");
    News::Refusal(RefusalNews::of("modal", &sample))
}

#[tokio::test]
async fn who_sees_all_applications_hears_every_task_and_others_those_of_their_own() {
    let world = World::start().await;
    world.known(&acme()).await;
    world.json("all=", World::grant("everything")).await;
    world.json("acme=", World::grant("acme")).await;
    let wanted = json!({ "action": "subscribe_tasks" });
    let answer = world.ask("all=", wanted.clone()).await;
    let subscribed =
        json!({ "event": "subscribed", "action": "subscribe_tasks", "status": "started" });
    assert_eq!(answer, subscribed, "of no single application");
    assert_eq!(world.ask("acme=", wanted).await["application"], json!(acme()));
    // The id of all applications opens nothing to those who do not see all.
    let every = json!({ "action": "subscribe_tasks", "application": ApplicationId::every() });
    assert_eq!(world.ask("all=", every.clone()).await["status"], "already_active");
    assert_eq!(world.ask("acme=", every).await["code"], "not_found");
    let everywhere = world.table().watched().await.expect("read");
    assert!(everywhere.contains_key(&ApplicationId::every()), "those who tell learn of it");
    world.tell(Topic::tasks(acme()), [task("a")]).await;
    world.tell(Topic::tasks(ApplicationId::every()), [task("a"), task("b")]).await;
    world.work().await;
    let ids = |id: &str| -> Vec<String> {
        let frames = world.gateway.take_json(id);
        let tasks = frames.iter().flat_map(|frame| frame["tasks"].as_array().expect("a list"));
        tasks.map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
    };
    let [a, b] = ["a", "b"].map(|name| TaskId::derive(&[name]).to_string());
    assert_eq!((ids("acme="), ids("all=")), (vec![a.clone()], vec![a, b]));
}

#[tokio::test]
async fn refusals_are_heard_with_events_unless_a_filter_or_the_right_leaves_them_out() {
    let world = World::start().await;
    world.known(&acme()).await;
    let only = Grant { only: Some(Topic::events(acme())), ..World::grant("acme") };
    let portal =
        Grant { portal: Some(domain::portal::PortalMark::default()), ..World::grant("acme") };
    let events = |filter: Value| json!({ "action": "subscribe_events", "filter": filter });
    let listeners = [
        ("plain=", World::grant("acme"), events(json!({})), true),
        ("source=", World::grant("acme"), events(json!({ "source": "modal" })), true),
        ("other=", World::grant("acme"), events(json!({ "source": "other" })), false),
        ("type=", World::grant("acme"), events(json!({ "type": "job.*" })), false),
        ("only=", only, events(json!({})), false),
        ("portal=", portal, events(json!({})), false),
        ("letters=", World::grant("acme"), json!({ "action": "subscribe_letters" }), false),
    ];
    for (id, grant, wanted, _) in &listeners {
        world.json(id, grant.clone()).await;
        assert_eq!(world.ask(id, wanted.clone()).await["event"], "subscribed", "{id}");
    }
    world.tell(Topic::events(acme()), [refusal()]).await;
    world.work().await;
    let entry = json!({ "source": "modal", "reason": "mismatch", "sentence": "No secret fits.",
        "at": NOW.rfc3339() });
    let frame = json!({ "event": "refusals", "refusals": [entry] });
    for (id, _, _, hears) in listeners {
        let wanted: Vec<Value> = hears.then(|| frame.clone()).into_iter().collect();
        assert_eq!(world.gateway.take_json(id), wanted, "{id}");
    }
}
