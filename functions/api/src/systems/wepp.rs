//! `GET /job/{job_id}/webhook` (R4.8): what WEPPcloud's job dashboard shows of a job's own webhook.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::jobs::find,
    web::{
        Contract, OpenRoutes, Routes, error::Error, gate::Authenticated, params::Params, problem,
    },
};
use manage::ControlPlane;

/// The contract.
pub(super) fn contract() -> Contract {
    Contract {
        base: "/job",
        shape: problem::shape,
        idempotent: false,
        tolerant: false,
        routes: Routes::new().read(routes!(webhook)),
        open: OpenRoutes::new(),
    }
}

/// Whether a job has a webhook, and how far its notifications are.
#[derive(Default, Serialize, ToSchema)]
struct WeppWebhook {
    webhook_configured: bool,
    /// Where they go, without its query: that may be a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Of the newest notification: `pending` before its first attempt or before there is one,
    /// `retrying`, `delivered`, or `failed` once it waits as a dead letter or its endpoint is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_status: Option<&'static str>,
}

/// Whether a job has a webhook of its own. A job that nobody knows has none.
#[utoipa::path(get, path = "/job/{job_id}/webhook", tag = "wepp", operation_id = "wepp_job_webhook",
    params(("job_id" = String, Path, description = "The sender's id, the call's id or our own."), ("source" = Option<String>, Query)),
    responses((status = 200, body = WeppWebhook), (status = 401)))]
async fn webhook(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<WeppWebhook>, Error> {
    let job = match find(&control, &principal, &id, &params).await {
        Err(Error::NotFound) => return Ok(Json(WeppWebhook::default())),
        found => found?,
    };
    let webhooks = control.table().webhooks_of(&job).await?;
    let first = job.webhooks.iter().find_map(|id| webhooks.iter().find(|known| known.id == *id));
    let Some(endpoint) = first else { return Ok(Json(WeppWebhook::default())) };
    let deliveries = job.announced.iter().map(|event| control.table().deliveries_of(event));
    let deliveries = try_join_all(deliveries).await?;
    let newest =
        deliveries.into_iter().flatten().filter(|delivery| delivery.endpoint == endpoint.id);
    let newest = newest.max_by_key(|delivery| (delivery.created_at, delivery.generation));
    Ok(Json(WeppWebhook {
        webhook_configured: true,
        url: Some(shown(endpoint)),
        delivery_status: Some(word(newest.as_ref())),
    }))
}

/// An endpoint never has a user and a password in its URL; what is left that may be a key is cut.
fn shown(endpoint: &Endpoint) -> String {
    endpoint.url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn word(delivery: Option<&Delivery>) -> &'static str {
    match delivery.map(|delivery| (delivery.state, delivery.made)) {
        None | Some((DeliveryState::Pending, 0)) => "pending",
        Some((DeliveryState::Pending, _)) => "retrying",
        Some((DeliveryState::Delivered, _)) => "delivered",
        Some((DeliveryState::Dead | DeliveryState::Cancelled, _)) => "failed",
    }
}
