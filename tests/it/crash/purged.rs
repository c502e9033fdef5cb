//! The journey of dead letters that an operator redrives by a filter, and of some that the operator
//! deletes.

use std::time::Duration;

use axum::http::Method;
use domain::{
    delivery::DeliveryState,
    letter::{Letter, LetterState},
};
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, receiver::Receiver};

use super::{replayed::publish, until_it_works};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    receiver.answer(500);
    publish(cloud, "back").await;
    until_it_is_parked(cloud).await;
    receiver.answer(200);
    let filter = json!({ "filter": { "event_type": "a.b" } });
    until_it_works(cloud, Method::POST, "/v1/webhooks/dead-letter/redrive", filter).await;
    cloud.settle_for(6).await;
    // Gone for good: nobody probes with the letter that is thrown away.
    receiver.answer(410);
    publish(cloud, "away").await;
    // To the end: a letter that is thrown away while its delivery is still being parked is there again.
    cloud.settle_for(20).await;
    cloud.pass(Duration::from_secs(5));
    let all = json!({ "all": true });
    until_it_works(cloud, Method::POST, "/v1/webhooks/dead-letter/delete", all).await;
}

/// Until there is a letter that waits.
async fn until_it_is_parked(cloud: &Cloud) {
    for _ in 0..60 {
        cloud.settle_for(1).await;
        if World::read(cloud).await.letters.iter().any(waits) {
            return;
        }
    }
    panic!("a dead delivery is not parked");
}

fn waits(letter: &Letter) -> bool {
    letter.state == LetterState::Waiting
}

/// The redriven delivery has arrived, and no letter is left of the deleted one.
pub(super) fn arrived(world: &World) -> bool {
    let count = |state| world.deliveries.iter().filter(|it| it.state == state).count();
    count(DeliveryState::Delivered) == 1
        && count(DeliveryState::Dead) == 1
        && !world.letters.iter().any(waits)
}
