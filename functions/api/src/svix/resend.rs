//! Sending a message to an endpoint once more, because somebody asked.

use std::sync::Arc;

use adapters::table::{Redriven, Written};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    delivery::{Delivery, Round, State as DeliveryState},
    endpoint::Endpoint,
    event::Event,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{applications, endpoints, error::HttpErrorOut, messages};
use crate::{Api, Routes, error::Error};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(resend))
}

/// Nothing to say.
#[derive(Serialize, ToSchema)]
struct EmptyResponse {}

/// Sends a message to an endpoint once more, with a fresh budget of retries.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/{msg}/endpoint/{endpoint}/resend", tag = "svix: attempt", operation_id = "v1.message-attempt.resend",
    params(("app" = String, Path), ("msg" = String, Path), ("endpoint" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 202, body = EmptyResponse), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut)))]
async fn resend(
    State(api): State<Arc<Api>>,
    Path((app, msg, endpoint)): Path<(String, String, String)>,
) -> Result<(StatusCode, Json<EmptyResponse>), Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let event = messages::resolve(&api, &application, &msg).await?;
    let endpoint = endpoints::resolve(&api, &application, &endpoint).await?;
    if event.is_expunged(api.clock.now()) {
        let why = "the content of the message is gone: there is nothing to send";
        return Err(Error::Conflict(why.to_owned()));
    }
    let delivery = reopened(&api, &event, &endpoint).await?;
    if let Some(delivery) = delivery {
        api.announcer.ring(std::slice::from_ref(&delivery)).await;
    }
    Ok((StatusCode::ACCEPTED, Json(EmptyResponse {})))
}

/// The delivery, pending and to be rung for; nothing if somebody rang already.
async fn reopened(
    api: &Api,
    event: &Event,
    endpoint: &Endpoint,
) -> Result<Option<Delivery>, Error> {
    let now = api.clock.now();
    let deliveries = api.table.deliveries_of(&event.id).await?;
    let to_it = deliveries.into_iter().filter(|delivery| delivery.endpoint == endpoint.id);
    let Some(mut delivery) = to_it.max_by_key(|delivery| delivery.generation) else {
        let first = Delivery::new(event, endpoint, 0, now);
        let written = api.table.reopen(&first, &endpoint.policy, now).await?;
        return Ok((written == Written::Yes).then_some(first));
    };
    if delivery.state == DeliveryState::Pending {
        return Ok(Some(delivery));
    }
    // A parked one goes back together with its letter.
    if delivery.state == DeliveryState::Dead
        && let Some(letter) = &delivery.letter
        && let Some(letter) = api.table.letter(letter).await?
        && api.redrive.redrive(&letter, Round::Policy, now).await? == Redriven::Yes
    {
        return Ok(None);
    }
    delivery.redrive(Round::Policy, now);
    let written = api.table.reopen(&delivery, &endpoint.policy, now).await?;
    Ok((written == Written::Yes).then_some(delivery))
}
