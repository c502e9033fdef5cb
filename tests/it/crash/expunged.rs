//! The journey of content that is removed: of one message by a request, of another because its retention
//! has ended, and of an event with the request that it came with. The endpoint asks for the sender's own
//! request.

use std::time::Duration;

use axum::http::Method;
use domain::{
    delivery::DeliveryState,
    endpoint::{PassThrough, SentBody},
    source::Source,
};
use serde_json::{Value, json};
use tests::{cloud::Cloud, invariants::World, sender::completion};

use super::until_it_works;

pub(super) async fn walk(cloud: &mut Cloud) {
    ask_for_the_request(cloud).await;
    // Too large for the table.
    let payload = json!({ "planted": "x".repeat(70_000) });
    cloud.publish(json!({ "eventType": "a.b", "eventId": "asked", "payload": payload })).await;
    let timed = json!({ "eventType": "a.b", "eventId": "timed", "payload": payload, "payloadRetentionHours": 2 });
    cloud.publish(timed).await;
    cloud.send(&completion("c1", "success", r#""planted""#)).await;
    // The bell of a worker that died comes back after 36 minutes.
    cloud.settle_for(14).await;
    let sent = Source::event_id(&Cloud::tenure(), "job:c1:succeeded");
    for id in ["asked", &sent.message()] {
        let path = format!("/api/v1/app/acme/msg/{id}/content");
        until_it_works(cloud, Method::DELETE, &path, Value::Null).await;
    }
    cloud.pass(Duration::from_secs(2 * 3600));
    cloud.settle_for(4).await;
}

/// Has the endpoint receive the sender's body and signature.
async fn ask_for_the_request(cloud: &Cloud) {
    let (table, acme) = (cloud.sound_table(), Cloud::tenure().application);
    let known = table.endpoints(&acme).await.expect("read").remove(0);
    let mut endpoint = known.clone();
    let headers = vec!["x-modal-signature".to_owned()];
    endpoint.pass_through = PassThrough { body: SentBody::Original, headers };
    table.update_endpoint(&known, &endpoint).await.expect("kept").either_way();
}

/// All arrived, and nothing is left of what they said.
pub(super) fn arrived(world: &World) -> bool {
    let delivered =
        world.deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered);
    let gone = world.events.iter().all(|event| {
        let text = serde_json::to_string(event).unwrap_or_default();
        event.expunged_at.is_some() && event.claims().is_empty() && !text.contains("planted")
    });
    delivered && gone && world.events.len() == 3 && world.deliveries.len() == 3
}
