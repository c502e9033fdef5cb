//! Operational webhooks: which of them the owner of an application receives, and that no other
//! application does.

use std::collections::BTreeMap;

use axum::http::Method;
use domain::{delivery::DeliveryState, endpoint::Endpoint, health::Health, retry::Policy};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    invariants::World,
    receiver::{ReceivedRequest, Receiver},
    sender::completion,
};

const ALL: &[&str] = &["endpoint.*", "message.attempt.*"];

fn short() -> Policy {
    Policy::of(Some(1), Some(5), Some(vec![1])).expect("valid")
}

/// The bodies of the requests by event type.
fn told(received: &[ReceivedRequest]) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for request in received {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        told.entry(body["type"].as_str().unwrap_or_default().to_owned()).or_default().push(body);
    }
    told
}

#[tokio::test]
async fn who_asks_hears_of_every_change_of_an_endpoint_and_the_endpoint_itself_does_not() {
    let (owner, everybody, itself) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint_for(&owner.url("/owner"), ALL).await;
    cloud.endpoint(&everybody.url("/all"), short()).await;
    cloud.endpoint_for(&everybody.url("/star"), &["*"]).await;
    let path = "/api/v1/app/acme/endpoint";
    let body = json!({ "url": itself.url("/it"), "uid": "it", "filterTypes": ALL });
    let (status, made) = cloud.call(Method::POST, path, Some(body.clone())).await;
    assert!(status.is_success(), "{made}");
    let path = format!("{path}/it");
    for disabled in [true, false] {
        let mut next = body.clone();
        next["disabled"] = json!(disabled);
        let (status, answer) = cloud.call(Method::PUT, &path, Some(next)).await;
        assert!(status.is_success(), "{answer}");
    }
    let (status, _) = cloud.call(Method::DELETE, &path, None).await;
    assert_eq!(status.as_u16(), 204);
    assert!(cloud.settle(10).await);
    let told = told(&owner.received());
    let counts: Vec<_> = told.iter().map(|(kind, all)| (kind.as_str(), all.len())).collect();
    let expected = [
        ("endpoint.created", 1),
        ("endpoint.deleted", 1),
        ("endpoint.enabled", 1),
        ("endpoint.updated", 2),
    ];
    assert_eq!(counts, expected);
    for body in told.values().flatten() {
        let data = &body["data"];
        assert_eq!((&data["endpointId"], &data["endpointUid"]), (&made["id"], &json!("it")));
        assert_eq!(data["appUid"], "acme");
    }
    let verify = |request: &ReceivedRequest| request.verifies(&Cloud::endpoint_secret());
    assert!(owner.received().iter().all(verify));
    assert!(everybody.received().is_empty() && itself.received().is_empty());
}

#[tokio::test]
async fn what_a_publisher_calls_by_such_a_name_reaches_whoever_wants_everything() {
    let everybody = Receiver::start().await;
    let cloud = Cloud::start(Faults::default()).await;
    cloud.endpoint(&everybody.url("/all"), short()).await;
    let message = json!({ "eventType": "endpoint.disabled", "payload": { "theirs": true } });
    let (status, answer) = cloud.call(Method::POST, "/api/v1/app/acme/msg", Some(message)).await;
    assert!(status.is_success(), "{answer}");
    assert!(cloud.settle(10).await);
    assert_eq!(everybody.received().len(), 1);
}

#[tokio::test]
async fn a_delivery_that_is_spent_is_told_once_and_what_tells_it_makes_no_more() {
    let (work, owner) = (Receiver::start().await, Receiver::start().await);
    work.answer(404);
    owner.answer(404);
    let mut cloud = Cloud::start(Faults::default()).await;
    let failing = cloud.endpoint(&work.url("/work"), short()).await;
    for name in ["/one", "/other"] {
        let known = cloud.endpoint_for(&owner.url(name), ALL).await;
        let known = Endpoint { version: known.version + 1, ..known };
        let hasty = Endpoint { policy: short(), ..known.clone() };
        cloud.sound_table().update_endpoint(&known, &hasty).await.expect("kept").either_way();
    }
    cloud.send(&completion("c1", "success", "1")).await;
    // It dies, is put back as a probe, and dies again, several times.
    cloud.settle_for(30).await;
    let world = World::read(&cloud).await;
    let operational = world.events.iter().filter(|event| event.is_operational());
    let kinds: Vec<_> = operational.map(|event| event.event_type.as_str()).collect();
    assert_eq!(kinds, ["message.attempt.exhausted"]);
    assert_eq!(world.deliveries.len(), 3, "the work, and the news to two");
    let body: Value = serde_json::from_slice(&owner.received()[0].body).expect("JSON");
    let data = &body["data"];
    assert_eq!(data["endpointId"], json!(failing.id));
    assert_eq!(data["lastAttempt"]["responseStatusCode"], 404);
    assert!(data["msgId"].as_str().is_some_and(|id| id.starts_with("msg_")), "{data}");
    assert!(4 < work.received().len(), "it was put back: {}", work.received().len());
}

#[tokio::test]
async fn an_endpoint_that_answers_after_its_owner_was_warned_has_recovered() {
    let (work, owner) = (Receiver::start().await, Receiver::start().await);
    let mut cloud = Cloud::start(Faults::default()).await;
    let endpoint = cloud.endpoint(&work.url("/work"), short()).await;
    cloud.endpoint_for(&owner.url("/owner"), ALL).await;
    let now = cloud.clock.now();
    let warned =
        Health { failing_since: Some(now), attempts: 60, warned: true, ..Health::default() };
    cloud
        .sound_table()
        .keep_health(&endpoint.id, 0, &warned, now)
        .await
        .expect("kept")
        .either_way();
    for job in ["c1", "c2", "c3"] {
        cloud.send(&completion(job, "success", "1")).await;
        cloud.work().await;
    }
    assert!(cloud.settle(10).await);
    let told = told(&owner.received());
    assert_eq!(told.keys().collect::<Vec<_>>(), ["message.attempt.recovered"]);
    assert_eq!(told["message.attempt.recovered"].len(), 1, "once");
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}
