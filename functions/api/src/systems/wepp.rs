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
use manage::{ControlPlane, Refusal, jobs};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{
    Contract, OpenRoutes, Routes, error::Error, gate::Authenticated, input::Query, problem,
};

/// The contract of this system: its routes, and the shape of its errors.
pub(super) fn contract() -> Contract {
    Contract {
        base: "/job",
        shape: problem::shape,
        errors: None,
        parameters: &[],
        idempotent: false,
        tolerant: false,
        open_to_pages: false,
        routes: Routes::tagged("wepp").read(routes!(webhook)),
        open: OpenRoutes::new(),
    }
}

/// Whether a job has a webhook, and how far its notifications are.
#[derive(Default, Serialize, ToSchema)]
struct WeppWebhook {
    webhook_configured: bool,
    /// URL of the webhook without its query, which may hold a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Of the newest notification: `pending` before its first attempt or before there is one,
    /// `retrying`, `delivered`, or `failed` once it waits as a dead letter or its endpoint is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_status: Option<&'static str>,
}

/// The source of a job, where several sources use the same id.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SourceQuery {
    #[param(nullable = false)]
    source: Option<String>,
}

/// Whether a job has a webhook of its own. A job that is not known has none.
#[utoipa::path(get, path = "/job/{job_id}/webhook", operation_id = "wepp_job_webhook",
    params(("job_id" = String, Path, description = "The sender's id, the call's id or our own."),
        SourceQuery),
    responses((status = 200, body = WeppWebhook), (status = 401), (status = 422),
        (status = 409, description = "Jobs of several sources bear the id.")))]
async fn webhook(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(SourceQuery { source }): Query<SourceQuery>,
) -> Result<Json<WeppWebhook>, Error> {
    let job = match jobs::find(control.table(), &principal, &id, source.as_deref()).await {
        Err(Refusal::NotFound) => return Ok(Json(WeppWebhook::default())),
        found => found?,
    };
    Ok(Json(match jobs::first_webhook(&control, &job).await? {
        None => WeppWebhook::default(),
        Some((endpoint, newest)) => WeppWebhook {
            webhook_configured: true,
            url: Some(shown(&endpoint)),
            delivery_status: Some(word(newest.as_ref())),
        },
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
