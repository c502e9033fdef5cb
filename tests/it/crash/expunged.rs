//! The journey of content that is removed: of one message by a request, of another because its retention
//! has ended.

use std::time::Duration;

use axum::http::Method;
use domain::delivery::DeliveryState;
use serde_json::{Value, json};
use tests::{cloud::Cloud, invariants::World};

use super::until_it_works;

pub(super) async fn walk(cloud: &mut Cloud) {
    // Too large for the table.
    let payload = json!({ "planted": "x".repeat(20_000) });
    cloud.publish(json!({ "eventType": "a.b", "eventId": "asked", "payload": payload })).await;
    let timed = json!({ "eventType": "a.b", "eventId": "timed", "payload": payload, "payloadRetentionHours": 2 });
    cloud.publish(timed).await;
    cloud.settle_for(6).await;
    let path = "/api/v1/app/acme/msg/asked/content";
    until_it_works(cloud, Method::DELETE, path, Value::Null).await;
    cloud.pass(Duration::from_secs(2 * 3600));
    cloud.settle_for(4).await;
}

/// Both arrived, and nothing is left of what they said.
pub(super) fn arrived(world: &World) -> bool {
    let delivered =
        world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered);
    let gone = world.events.iter().all(|event| {
        let text = serde_json::to_string(event).unwrap_or_default();
        event.expunged_at.is_some() && event.claims().is_empty() && !text.contains("planted")
    });
    delivered && gone && world.events.len() == 2 && world.deliveries.len() == 2
}
