//! Endpoints that are event buses.

use axum::http::Method;
use serde_json::{Value, json};
use tests::{cloud::Cloud, event_bridge::EventBridge, faults::Faults, invariants::World};

use super::{attempt, endpoint, may_fail_in_every_way, once, publish};

/// A cloud beside an EventBridge that has the bus `jobs`.
async fn start(faults: Faults) -> (Cloud, EventBridge) {
    let mut cloud = Cloud::start(faults).await;
    let bridge = EventBridge::start("jobs").await;
    cloud.with_event_bridge(bridge.url());
    (cloud, bridge)
}

#[tokio::test]
async fn an_event_lies_on_its_bus_with_what_rules_match_by() {
    let (cloud, bridge) = start(Faults::default()).await;
    let endpoint = endpoint(&cloud, &Cloud::bus("jobs"), json!({})).await;
    let id = publish(&cloud, &json!({ "a": 1.0, "é": "ü" })).await;
    assert!(cloud.settle(5).await);
    let [event] = &bridge.events()[..] else { panic!("{:?}", bridge.events()) };
    assert_eq!(event["Detail"], r#"{"a":1.0,"é":"ü"}"#);
    assert_eq!(
        (&event["Source"], &event["DetailType"]),
        (&json!("webhook-relay"), &json!("invoice.paid"))
    );
    let application = domain::id::ApplicationId::named("acme");
    assert_eq!(event["Resources"], json!([id, endpoint, application.as_str()]));
    assert_eq!(event["Time"], json!(cloud.clock.now().secs()));
    let attempt = attempt(&cloud, &id).await;
    assert_eq!((&attempt["status"], &attempt["responseStatusCode"]), (&json!(0), &json!(200)));
    assert_eq!(attempt["response"], "event e-1");
    assert_eq!(attempt["url"], Cloud::bus("jobs"));
}

#[tokio::test]
async fn what_a_bus_does_not_take_is_tried_again_parked_and_put_by_hand() {
    let (cloud, bridge) = start(Faults::default()).await;
    bridge.fails(Some("ThrottlingException"));
    endpoint(&cloud, &Cloud::bus("jobs"), json!({ "delays": [1], "maxRetries": 2 })).await;
    let id = publish(&cloud, &json!({ "a": 1 })).await;
    // No further: a minute later the relay asks by itself whether the bus is back.
    cloud.settle_for(2).await;
    cloud.work().await;
    let (_, letters) = cloud.call(Method::GET, "/v1/webhooks/dead-letter", None).await;
    assert_eq!(letters["data"][0]["webhook_url"], Cloud::bus("jobs"), "{letters}");
    let dead = World::read(&cloud).await.deliveries.remove(0);
    assert_eq!(dead.made, 3, "once, and twice again");
    for attempt in &dead.attempts {
        assert_eq!(attempt.status, Some(429), "{attempt:?}");
    }
    bridge.fails(None);
    let path = "/v1/webhooks/dead-letter/1/retry";
    let (status, answer) = cloud.call(Method::POST, path, None).await;
    assert!(status.is_success(), "{answer}");
    let [event] = &bridge.events()[..] else { panic!("{:?}", bridge.events()) };
    assert_eq!(event["Resources"][0], id);
}

#[tokio::test]
async fn what_is_no_object_of_json_is_parked_at_once() {
    let (cloud, bridge) = start(Faults::default()).await;
    endpoint(&cloud, &Cloud::bus("jobs"), json!({})).await;
    let message = json!({
        "eventType": "invoice.paid",
        "payload": {},
        "transformationsParams": { "rawPayload": "<a/>", "headers": { "content-type": "text/xml" } },
    });
    let (status, answer) = cloud.call(Method::POST, "/api/v1/app/acme/msg", Some(message)).await;
    assert!(status.is_success(), "{answer}");
    cloud.work().await;
    let dead = World::read(&cloud).await.deliveries.remove(0);
    assert_eq!((dead.made, dead.attempts.len()), (1, 1));
    let said = serde_json::to_value(&dead.attempts[0]).expect("JSON").to_string();
    assert!(said.contains("unfit") && said.contains("JSON object"), "{said}");
    assert!(bridge.events().is_empty());
}

/// An event that was not acknowledged is put again under the same id, and one that failed is too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_a_bus_may_fail_in_every_way() {
    may_fail_in_every_way("PutEvents", walk).await;
}

/// A message on its way to a bus; how many events are there in the end, all of one id.
async fn walk(faults: Faults) -> (Faults, usize) {
    let (cloud, bridge) = start(faults.clone()).await;
    once(&cloud, &Cloud::bus("jobs")).await;
    let events = bridge.events();
    let ids: Vec<&Value> = events.iter().map(|event| &event["Resources"][0]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    (faults, events.len())
}
