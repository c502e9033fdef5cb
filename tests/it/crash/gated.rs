//! The journey of a circuit behind which several deliveries wait: one is the probe and fails, the next
//! succeeds, and the gate lets the others through. Then others wait for an endpoint that is moved.

use std::time::Duration;

use adapters::table::WriteOutcome;
use axum::http::Method;
use domain::{delivery::DeliveryState, endpoint::Endpoint};
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, receiver::Receiver, sender::completion};

use super::until_it_works;

/// Deliveries per second, so that a step of the release does not reach to its end.
const RATE: u16 = 1;

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let old = World::read(cloud).await.endpoints.remove(0);
    let new = Endpoint { throttle_rate: Some(RATE), ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    // Three wait for a circuit that is open.
    cloud.open_circuit(&new, Duration::from_secs(60)).await;
    for job in ["c1", "c2", "c3"] {
        cloud.send(&completion(job, "success", "1")).await;
    }
    cloud.work().await;
    // The first is the probe, and fails.
    receiver.answer(503);
    cloud.pass(Duration::from_secs(61));
    cloud.sweep().await;
    cloud.work().await;
    // Another is answered.
    receiver.answer(200);
    cloud.settle_for(12).await;
    // Two wait for an endpoint that moves.
    cloud.open_circuit(&new, Duration::from_secs(900)).await;
    for job in ["c4", "c5"] {
        cloud.send(&completion(job, "success", "1")).await;
    }
    cloud.work().await;
    let path = format!("/api/v1/app/acme/endpoint/{}", new.id);
    let moved = json!({ "url": receiver.url("/moved/0"), "throttleRate": RATE });
    until_it_works(cloud, Method::PUT, &path, moved).await;
}

/// Everything arrived.
pub(super) fn arrived(world: &World) -> bool {
    world.deliveries.len() == 5
        && world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered)
}
