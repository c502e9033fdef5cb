//! The journey of an endpoint that is created late: the events it missed are replayed, and later those it
//! failed at.

use std::time::Duration;

use axum::http::Method;
use domain::delivery::DeliveryState;
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, receiver::Receiver};

use super::{policy, until_it_works};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let since = cloud.clock.now().rfc3339();
    for id in ["one", "two"] {
        publish(cloud, id).await;
    }
    cloud.settle_for(6).await;
    // What is as young as the asking is not meant.
    cloud.pass(Duration::from_secs(5));
    let late = cloud.endpoint(&receiver.url("/late"), policy()).await;
    let base = format!("/api/v1/app/acme/endpoint/{}", late.id);
    let asked = json!({ "since": since });
    until_it_works(cloud, Method::POST, &format!("{base}/replay-missing"), asked.clone()).await;
    cloud.settle_for(6).await;
    receiver.answer_at("/late", 503);
    publish(cloud, "three").await;
    cloud.settle_for(6).await;
    cloud.pass(Duration::from_secs(5));
    receiver.answer_at("/late", 200);
    until_it_works(cloud, Method::POST, &format!("{base}/recover"), asked).await;
}

pub(super) async fn publish(cloud: &Cloud, id: &str) {
    cloud.publish(json!({ "eventType": "a.b", "eventId": id, "payload": { "id": id } })).await;
}

/// Both endpoints have all three, once each.
pub(super) fn arrived(world: &World) -> bool {
    world.deliveries.len() == 6
        && world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered)
}
