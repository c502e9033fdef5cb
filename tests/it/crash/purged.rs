//! The journey of dead letters that somebody puts back by a filter, and of some that somebody throws
//! away.

use std::time::Duration;

use axum::http::Method;
use domain::{delivery::State, letter::LetterState};
use serde_json::json;
use tests::{cloud::Cloud, invariants::World, receiver::Receiver};

use super::{replayed::publish, until_it_works};

pub(super) async fn walk(cloud: &mut Cloud, receiver: &Receiver) {
    receiver.answer(500);
    for id in ["one", "two"] {
        publish(cloud, id).await;
    }
    cloud.settle_for(6).await;
    receiver.answer(200);
    let filter = json!({ "filter": { "event_type": "a.b" } });
    until_it_works(cloud, Method::POST, "/v1/webhooks/dead-letter/redrive", filter).await;
    cloud.settle_for(6).await;
    receiver.answer(500);
    publish(cloud, "three").await;
    cloud.settle_for(6).await;
    cloud.pass(Duration::from_secs(5));
    let all = json!({ "all": true });
    until_it_works(cloud, Method::POST, "/v1/webhooks/dead-letter/delete", all).await;
    cloud.settle_for(6).await;
    receiver.answer(200);
}

/// What was put back has arrived, and of what was thrown away no letter is left.
pub(super) fn arrived(world: &World) -> bool {
    let count = |state| world.deliveries.iter().filter(|it| it.state == state).count();
    let waits = world.letters.iter().any(|letter| letter.state == LetterState::Waiting);
    count(State::Delivered) == 2 && count(State::Dead) == 1 && !waits
}
