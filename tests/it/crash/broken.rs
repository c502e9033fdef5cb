//! The journey of a circuit that opens, is probed and closes, of an endpoint that is disabled and
//! enabled, and of the operational webhooks about both.

use axum::http::Method;
use domain::{delivery::DeliveryState, endpoint::CircuitBreaker};
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, receiver::Receiver, sender::completion};

use super::until_it_works;

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let table = cloud.sound_table();
    let known = World::read(cloud).await.endpoints.remove(0);
    let mut touchy = known.clone();
    touchy.breaker = CircuitBreaker { threshold: 2, recovery_seconds: 60 };
    table.update_endpoint(&known, &touchy).await.expect("kept").either_way();
    let asked = ["endpoint.*", "message.attempt.*"];
    cloud.endpoint_for(&receiver.url("/owner"), &asked).await;
    // It opens, one is put off, and a probe fails.
    receiver.answer_at("/0", 503);
    for job in ["c1", "c2"] {
        cloud.send(&completion(job, "success", "1")).await;
        cloud.settle_for(2).await;
    }
    // A probe succeeds, and everything goes.
    receiver.answer_at("/0", 200);
    cloud.settle_for(16).await;
    receiver.answer_at("/0", 410);
    cloud.send(&completion("c3", "success", "1")).await;
    // The bell of a worker that died comes back after 36 minutes.
    cloud.settle_for(14).await;
    receiver.answer_at("/0", 200);
    let path = format!("/api/v1/app/acme/endpoint/{}", known.id);
    let enabled = json!({ "url": receiver.url("/0"), "disabled": false });
    until_it_works(cloud, Method::PUT, &path, enabled).await;
}

/// Everything went, and what happened was told once.
pub(super) fn arrived(world: &World) -> bool {
    let told = |kind: &str| world.events.iter().filter(|e| e.event_type == kind).count();
    let all = world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered);
    all && (told("endpoint.disabled"), told("endpoint.enabled")) == (1, 1)
        && (1..=2).contains(&told("endpoint.updated"))
}
