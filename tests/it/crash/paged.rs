//! The journey of events to an application with more endpoints than a page holds: the end of a job with a
//! webhook, a message over the API, and a cancelled job. One endpoint wants order.

use adapters::table::WriteOutcome;
use axum::http::Method;
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    fan_out::FanOutSizes,
    lane::DeliveryOrdering,
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, invariants::World, receiver::Receiver};

use super::{success, until_it_works};

/// Endpoints of the application, the ordered one among them.
pub(super) const ENDPOINTS: usize = 5;
/// Three messages for each event, of two pages each.
pub(super) const SIZES: FanOutSizes = FanOutSizes { together: 2, page: 1, pages: 2 };

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    let old = World::read(cloud).await.endpoints.remove(0);
    let new = Endpoint { ordering: Some(DeliveryOrdering::Job), ..old.clone() };
    let kept = cloud.sound_table().update_endpoint(&old, &new).await.expect("kept");
    assert_eq!(kept, WriteOutcome::Done);
    for job in ["job-c1", "job-c2"] {
        let webhook = json!({ "url": receiver.url(&format!("/{job}")) });
        let registered = json!({ "source": "modal", "webhook": webhook });
        until_it_works(cloud, Method::PUT, &format!("/v1/jobs/{job}"), registered).await;
    }
    cloud.send(&success()).await;
    cloud.work().await;
    let message = json!({ "eventType": "invoice.paid", "eventId": "once", "payload": { "a": 1 } });
    cloud.publish(message).await;
    until_it_works(cloud, Method::POST, "/v1/jobs/job-c2/cancel", Value::Null).await;
}

/// All endpoints heard of all three events, and the webhooks of theirs; the end of the first job has a place in a
/// lane, and a cancellation takes none.
pub(super) fn arrived(world: &World) -> bool {
    let delivered = |it: &&Delivery| it.state == DeliveryState::Delivered;
    let lanes = world.deliveries.iter().filter(|it| it.lane.is_some()).count();
    let all = 3 * ENDPOINTS + 2;
    world.deliveries.iter().filter(delivered).count() == all
        && world.deliveries.len() == all
        && lanes == 1
}
