//! Listeners: deliveries wait while nobody listens, come when somebody does, and are concluded once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    envelope::Doorbell,
    id::ApplicationId,
    listener::{LOOK_AGAIN, UNSEEN},
    retry::ErrorClass,
};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud, faults::Faults, gateway::Gateway, invariants::World, program::Program, shown,
};

const PATH: &str = "/v1/listeners/ann";

/// A cloud with a listener `ann` of `acme`, and its gateway.
async fn start(faults: Faults, wanted: Value) -> (Cloud, Gateway) {
    let mut cloud = Cloud::start(faults).await;
    let gateway = cloud.let_watch().await;
    let mut body = json!({ "application": "acme" });
    for (name, value) in wanted.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let (status, answer) = cloud.call(Method::PUT, PATH, Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    assert!(answer["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    (cloud, gateway)
}

async fn publish(cloud: &Cloud, number: usize) {
    let payload = json!({ "n": number, "key": format!("k{}", number % 3) });
    let id = format!("n{number}");
    let message = json!({ "eventType": "order.changed", "eventId": id, "payload": payload });
    cloud.publish(message).await;
}

async fn endpoint(cloud: &Cloud) -> Endpoint {
    let all = cloud.sound_table().endpoints(&ApplicationId::named("acme")).await.expect("read");
    all.into_iter().find(|endpoint| endpoint.listener().is_some()).expect("a listener")
}

async fn deliveries(cloud: &Cloud) -> Vec<Delivery> {
    World::read(cloud).await.deliveries
}

async fn shown_listener(cloud: &Cloud) -> Value {
    let (status, list) = cloud.call(Method::GET, "/v1/listeners", None).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    list["data"].get(0).cloned().unwrap_or_default()
}

/// The next delivery that a connection was handed.
fn handed(gateway: &Gateway, id: &str) -> Value {
    let heard = gateway.take_json(id);
    let delivery = heard.iter().find(|message| message["event"] == "delivery");
    delivery.unwrap_or_else(|| panic!("no delivery: {heard:?}")).clone()
}

/// Each delivery has arrived with one attempt on record, which is the one success.
fn concluded_once(deliveries: &[Delivery]) {
    for delivery in deliveries {
        assert_eq!(delivery.state, DeliveryState::Delivered, "{delivery:?}");
        assert_eq!((delivery.made, delivery.attempts.len()), (1, 1), "{delivery:?}");
        assert!(!delivery.waits);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_deliveries_survive_twenty_kills_and_none_is_concluded_twice() {
    let (mut cloud, gateway) = start(Faults::default(), json!({})).await;
    let mut program = Program::new(&gateway, "ann", "a");
    for kill in 0..20 {
        program.connect(&mut cloud).await;
        for number in 0..25 {
            publish(&cloud, kill * 25 + number).await;
        }
        cloud.work().await;
        // Every other kill is noticed by nobody; calls are made and not answered each time.
        program.die(&cloud, 7 + kill, kill % 7, kill % 2 == 0).await;
        cloud.work().await;
        if kill % 5 == 4 {
            cloud.pass(Duration::from_secs(61));
            cloud.sweep().await;
        }
    }
    for _ in 0..20 {
        program.connect(&mut cloud).await;
        program.work(&cloud).await;
        if deliveries(&cloud).await.iter().all(|it| it.state == DeliveryState::Delivered) {
            break;
        }
        cloud.pass(Duration::from_secs(61));
        cloud.sweep().await;
    }
    let all = deliveries(&cloud).await;
    assert_eq!(all.len(), 500);
    concluded_once(&all);
    let events: BTreeSet<_> = program.calls.iter().map(|call| &call.event).collect();
    assert_eq!(events.len(), 500, "each was called");
    let again = program.calls.len() - 500;
    let unanswered: usize = (0..20).map(|kill| 7 + kill - kill % 7).sum();
    shown!("listener: 500 deliveries, 20 kills: 0 lost, 0 concluded twice, {again} called again");
    assert!(again <= unanswered, "{again} calls were made again, {unanswered} were not answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_nobody_listens_for_an_hour_arrives_in_order() {
    let faults = Faults::default();
    let (mut cloud, gateway) = start(faults.clone(), json!({ "ordering": "$.key" })).await;
    for number in 0..120 {
        publish(&cloud, number).await;
        cloud.work().await;
        cloud.pass(Duration::from_secs(30));
        if number % 2 == 1 {
            cloud.sweep().await;
        }
    }
    // Each was claimed once, and waits without anybody asking again.
    let is_claim =
        |it: &tests::faults::AwsCall| it.by == "deliver" && it.operation.starts_with("UpdateItem");
    let claims = faults.calls().iter().filter(|call| is_claim(call)).count();
    assert_eq!(claims, 120, "claims in an hour");
    assert_eq!(shown_listener(&cloud).await["waiting"], 120);
    let waiting = deliveries(&cloud).await;
    assert!(waiting.iter().all(|it| it.waits && it.made == 0 && it.attempts.is_empty()));

    let mut program = Program::new(&gateway, "ann", "a");
    program.connect(&mut cloud).await;
    for _ in 0..20 {
        program.work(&cloud).await;
        if deliveries(&cloud).await.iter().all(|it| it.state == DeliveryState::Delivered) {
            break;
        }
        cloud.pass(Duration::from_secs(301));
        cloud.sweep().await;
    }
    let all = deliveries(&cloud).await;
    assert_eq!(all.len(), 120);
    concluded_once(&all);
    assert_eq!(program.calls.len(), 120, "each was called once");
    let mut by_key: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for call in &program.calls {
        let key = call.body["key"].as_str().expect("a key");
        by_key.entry(key).or_default().push(call.body["n"].as_u64().expect("a number"));
    }
    assert_eq!(by_key.len(), 3);
    for (key, numbers) in by_key {
        assert!(numbers.is_sorted() && numbers.len() == 40, "{key}: {numbers:?}");
    }
    assert_eq!(shown_listener(&cloud).await["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_programs_of_one_name_the_newer_gets_what_comes_and_the_older_is_told() {
    let (mut cloud, gateway) = start(Faults::default(), json!({})).await;
    let mut old = Program::new(&gateway, "ann", "old");
    let mut new = Program::new(&gateway, "ann", "new");
    old.connect(&mut cloud).await;
    publish(&cloud, 1).await;
    cloud.work().await;
    new.connect(&mut cloud).await;
    // What the older had taken it may still answer.
    old.work(&cloud).await;
    assert!(old.taken_over && !new.taken_over);
    assert_eq!(old.calls.len(), 1);
    concluded_once(&deliveries(&cloud).await);
    publish(&cloud, 2).await;
    new.work(&cloud).await;
    old.work(&cloud).await;
    assert_eq!((old.calls.len(), new.calls.len()), (1, 1));
    // The end of the older ends nothing of the newer.
    cloud.leave(&old.id()).await;
    publish(&cloud, 3).await;
    new.work(&cloud).await;
    assert_eq!(new.calls.len(), 2);
    concluded_once(&deliveries(&cloud).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_after_the_claim_has_ended_changes_nothing() {
    let (mut cloud, gateway) = start(Faults::default(), json!({})).await;
    let mut slow = Program::new(&gateway, "ann", "slow");
    slow.connect(&mut cloud).await;
    publish(&cloud, 1).await;
    cloud.work().await;
    let first = handed(&gateway, &slow.id());
    cloud.pass(Duration::from_secs(61));
    cloud.sweep().await;
    cloud.work().await;
    let again = handed(&gateway, &slow.id());
    assert_eq!(again["delivery"], first["delivery"]);
    assert_ne!(again["token"], first["token"]);
    let answer = |handed: &Value, status: u16| {
        json!({ "action": "concluded", "delivery": handed["delivery"],
        "token": handed["token"], "status": status, "ms": 61_000 })
    };
    cloud.say(&slow.id(), &answer(&first, 500)).await;
    cloud.work().await;
    assert_eq!(deliveries(&cloud).await[0].made, 0, "the first claim has ended");
    for _ in 0..2 {
        cloud.say(&slow.id(), &answer(&again, 200)).await;
        cloud.work().await;
    }
    concluded_once(&deliveries(&cloud).await);
    let guessed = json!({ "action": "concluded", "delivery": first["delivery"],
        "token": format!("{}x", first["token"].as_str().expect("text")), "status": 200 });
    cloud.say(&slow.id(), &guessed).await;
    cloud.work().await;
    concluded_once(&deliveries(&cloud).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_is_called_again_and_then_leaves_a_letter() {
    let (mut cloud, gateway) = start(Faults::default(), json!({})).await;
    let mut program = Program::new(&gateway, "ann", "a");
    program.connect(&mut cloud).await;
    // No answer of a listener disables it, 410 neither.
    program.status = 410;
    publish(&cloud, 1).await;
    program.work(&cloud).await;
    program.status = 500;
    publish(&cloud, 2).await;
    for _ in 0..8 {
        program.work(&cloud).await;
        cloud.pass(Duration::from_secs(301));
        cloud.sweep().await;
    }
    let world = World::read(&cloud).await;
    assert_eq!(world.letters.len(), 2, "{world:?}");
    for delivery in &world.deliveries {
        for attempt in &delivery.attempts {
            assert_eq!(attempt.error, Some(ErrorClass::Status));
            assert_eq!((attempt.url.as_str(), attempt.response.as_str()), ("listener:ann", "ok"));
        }
    }
    let most = world.deliveries.iter().map(|it| it.made).max();
    assert!(Some(5) <= most, "the ladder has five steps: {most:?}");
    let endpoint = endpoint(&cloud).await;
    assert!(endpoint.disabled.is_none());
    assert!(cloud.sound_table().health(&endpoint.id).await.expect("read").is_none());
    // As of any endpoint, its letters come back by themselves once it answers.
    program.status = 200;
    for _ in 0..12 {
        program.work(&cloud).await;
        cloud.pass(Duration::from_secs(301));
        cloud.sweep().await;
    }
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|it| it.state == DeliveryState::Delivered), "{world:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_gets_what_it_wants_and_what_is_skipped_stays() {
    let wanted = json!({ "events": ["order.*"], "filter": { "n": { "$lt": 10 } } });
    let (cloud, gateway) = start(Faults::default(), wanted).await;
    for number in [1, 2, 20] {
        publish(&cloud, number).await;
    }
    cloud.publish(json!({ "eventType": "job.done", "payload": { "n": 1 } })).await;
    cloud.work().await;
    cloud.pass(Duration::from_secs(1));
    let wanted = json!({ "application": "acme", "skip_waiting": true });
    let (_, taken) = cloud.call(Method::PUT, PATH, Some(wanted)).await;
    assert_eq!((&taken["created"], &taken["waiting"]), (&json!(false), &json!(2)));
    let after = taken["skipped_before_ms"].as_u64().expect("a time");
    let (_, ticket) = cloud.call(Method::POST, "/v1/live/tickets", None).await;
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    assert!(cloud.connect_with("c=", "ticket", ticket).await);
    let listen = json!({ "action": "listen", "listener": "ann", "application": "acme",
        "after_ms": after });
    cloud.say("c=", &listen).await;
    publish(&cloud, 3).await;
    // A bell for what waits has it handed to nobody who does not want it.
    for delivery in deliveries(&cloud).await {
        let (event, delivery) = (delivery.event, delivery.id);
        let bell = Doorbell::Delivery { event, delivery, hops: 0 };
        cloud.inject(&cloud.aws.names().outbox.clone(), &bell.print()).await;
    }
    cloud.work().await;
    let heard = gateway.take_json("c=");
    let handed = heard.iter().filter(|it| it["event"] == "delivery").count();
    assert_eq!(handed, 1, "{heard:?}");
    assert_eq!(deliveries(&cloud).await.iter().filter(|it| it.waits).count(), 2);
    assert_eq!(shown_listener(&cloud).await["waiting"], 2);
    assert_eq!(shown_listener(&cloud).await["connected"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_nobody_uses_for_seven_days_is_removed_with_what_waits() {
    let (mut cloud, gateway) = start(Faults::default(), json!({})).await;
    cloud.pass(UNSEEN - Duration::from_secs(60));
    // Whoever listens uses it, though nobody asks for it by its name.
    let mut program = Program::new(&gateway, "ann", "a");
    program.connect(&mut cloud).await;
    program.die(&cloud, 0, 0, false).await;
    cloud.pass(Duration::from_secs(61));
    cloud.sweep().await;
    cloud.work().await;
    assert_eq!(shown_listener(&cloud).await["name"], "ann");
    publish(&cloud, 1).await;
    cloud.work().await;
    cloud.pass(UNSEEN + LOOK_AGAIN);
    for _ in 0..3 {
        cloud.sweep().await;
        cloud.work().await;
        cloud.pass(LOOK_AGAIN);
    }
    assert_eq!(shown_listener(&cloud).await, Value::Null);
    let all = deliveries(&cloud).await;
    assert_eq!(all[0].state, DeliveryState::Cancelled, "{all:?}");
    assert_eq!(all[0].made, 0);
    // The same name may be used again, and gets what comes from then on.
    let wanted = json!({ "application": "acme" });
    let (status, again) = cloud.call(Method::PUT, PATH, Some(wanted)).await;
    assert_eq!((status, &again["waiting"]), (StatusCode::CREATED, &json!(0)));
}
