//! The journey of a listener: something comes while nobody listens, a program listens, its server fails
//! once, the program is killed and comes back.

use std::time::Duration;

use axum::http::Method;
use domain::delivery::DeliveryState;
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, program::Program, sender::completion};

use super::until_it_works;

pub(super) async fn walk(cloud: &mut Cloud) {
    let gateway = cloud.let_watch().await;
    let wanted = json!({ "application": "acme", "events": ["job.*"] });
    until_it_works(cloud, Method::PUT, "/v1/listeners/ann", wanted).await;
    cloud.send(&completion("c1", "success", "1")).await;
    cloud.settle_for(2).await;
    let mut program = Program::new(&gateway, "ann", "a");
    program.connect(cloud).await;
    program.status = 500;
    program.work(cloud).await;
    program.status = 200;
    cloud.send(&completion("c2", "success", "2")).await;
    cloud.work().await;
    program.die(cloud, 1, 0, true).await;
    for _ in 0..40 {
        program.connect(cloud).await;
        program.work(cloud).await;
        if left(cloud).await == 0 && !cloud.faults.lasts() {
            break;
        }
        cloud.pass(Duration::from_secs(61));
        cloud.sweep().await;
    }
    // Two and one that failed, and one that was killed. A worker that dies takes its whole batch with it.
    let most = 4 + 3 * cloud.faults.hits();
    assert!(program.calls.len() <= most, "{} calls, not {most}", program.calls.len());
    cloud.leave(&program.id()).await;
}

/// Deliveries to the listener that have not arrived.
async fn left(cloud: &Cloud) -> usize {
    let world = World::read(cloud).await;
    let listener = world.endpoints.iter().find(|endpoint| endpoint.listener().is_some());
    let own = |it: &&domain::delivery::Delivery| listener.is_some_and(|own| own.id == it.endpoint);
    let all: Vec<_> = world.deliveries.iter().filter(own).collect();
    let arrived = all.iter().filter(|it| it.state == DeliveryState::Delivered).count();
    2_usize.saturating_sub(arrived)
}

/// Both completions have arrived at both endpoints.
pub(super) fn arrived(world: &World) -> bool {
    world.deliveries.iter().filter(|it| it.state == DeliveryState::Delivered).count() == 4
}
