//! Sending a message to an endpoint once more, because somebody asked.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
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
    let to_it = api.table.deliveries_of(&event.id).await?.into_iter();
    let to_it = to_it.filter(|delivery| delivery.endpoint == endpoint.id);
    let latest = to_it.max_by_key(|delivery| delivery.generation);
    api.redrive.send_again(&event, &endpoint, latest, api.clock.now()).await?;
    Ok((StatusCode::ACCEPTED, Json(EmptyResponse {})))
}
