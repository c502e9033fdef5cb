//! An endpoint that nothing reaches for days: warned of, disabled, parked, and resumed.

use std::time::Duration;

use axum::http::Method;
use domain::{
    delivery::DeliveryState,
    endpoint::{DisabledReason, Endpoint},
    health::Health,
    retry::{ErrorClass, Policy},
};
use serde_json::{Value, json};
use tests::{
    cloud::Cloud,
    faults::Faults,
    invariants::World,
    receiver::{ReceivedRequest, Receiver},
    sender::completion,
    shown,
};

async fn endpoint_now(cloud: &Cloud, endpoint: &Endpoint) -> Endpoint {
    let found = cloud.sound_table().endpoint(&endpoint.application, &endpoint.id).await;
    found.expect("read").expect("there")
}

#[tokio::test]
async fn after_five_days_an_endpoint_is_disabled_and_what_waits_resumes_when_it_is_enabled() {
    let (receiver, owner) = (Receiver::start().await, Receiver::start().await);
    receiver.answer(503);
    let mut cloud = Cloud::start(Faults::default()).await;
    let policy = Policy::of(Some(10), Some(5), Some(vec![600])).expect("valid");
    let endpoint = cloud.endpoint(&receiver.url("/hook"), policy).await;
    let asked = ["endpoint.*", "message.attempt.failing"];
    cloud.endpoint_for(&owner.url("/owner"), &asked).await;
    let begun = cloud.clock.now();
    let health = |cloud: &Cloud| {
        let (table, id) = (cloud.sound_table(), endpoint.id.clone());
        async move { table.health(&id).await.expect("read").unwrap_or_default() }
    };
    let (mut warned, mut disabled) = (None, None);
    for hour in 0_u64..24 * 6 {
        if hour % 6 == 0 {
            cloud.send(&completion(&format!("c{hour}"), "success", "1")).await;
        }
        for _ in 0..2 {
            cloud.work().await;
            cloud.pass(Duration::from_secs(1800));
            cloud.sweep().await;
        }
        cloud.work().await;
        let age = cloud.clock.now().since(begun).as_secs_f64() / 86_400.0;
        let known: Health = health(&cloud).await;
        if known.warned && warned.is_none() {
            warned = Some((age, known.attempts));
        }
        if endpoint_now(&cloud, &endpoint).await.disabled.is_some() {
            disabled = Some((age, known.attempts));
            break;
        }
    }
    shown!("warned of after (days, attempts) {warned:?}, disabled after {disabled:?}");
    let ((warned, first), (disabled, all)) = (warned.expect("warned"), disabled.expect("disabled"));
    assert!((2.5..2.6).contains(&warned) && 50 <= first, "{warned} {first}");
    assert!((5.0..5.1).contains(&disabled) && 100 <= all, "{disabled} {all}");
    assert_eq!(endpoint_now(&cloud, &endpoint).await.disabled, Some(DisabledReason::Failing));
    cloud.work().await;
    let kind = |request: &ReceivedRequest| -> String {
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["data"]["endpointId"], json!(endpoint.id));
        body["type"].as_str().unwrap_or_default().to_owned()
    };
    let told: Vec<_> = owner.received().iter().map(kind).collect();
    assert_eq!(told, ["message.attempt.failing", "endpoint.disabled"], "each once, in this order");
    // Nothing more is sent; what comes is parked.
    let before = receiver.received().len();
    cloud.send(&completion("after", "success", "1")).await;
    // What waits for the circuit may be due a quarter of an hour on.
    cloud.settle_for(12).await;
    assert_eq!(receiver.received().len(), before);
    let world = World::read(&cloud).await;
    let mut its = world.deliveries.iter().filter(|d| d.endpoint == endpoint.id);
    assert!(its.all(|d| d.state == DeliveryState::Dead));
    assert!(world.letters.iter().any(|l| l.error_class == ErrorClass::EndpointDisabled));
    // Enabled, it begins anew and hears everything.
    receiver.answer(200);
    let path = format!("/api/v1/app/acme/endpoint/{}", endpoint.id);
    let enabled = json!({ "url": receiver.url("/hook"), "disabled": false });
    let (status, answer) = cloud.call(Method::PUT, &path, Some(enabled)).await;
    assert!(status.is_success(), "{answer}");
    assert_eq!(health(&cloud).await, Health::default(), "its past is forgotten");
    assert!(cloud.settle(20).await);
    let world = World::read(&cloud).await;
    assert!(world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered));
    assert!(world.letters.iter().all(|letter| letter.retry_success == Some(true)));
}
