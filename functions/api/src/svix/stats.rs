//! Operations of Svix's contract that count attempts at an endpoint.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{portal::Capability, time::Timestamp};
use manage::{
    ControlPlane, Refusal, applications, endpoints,
    statistics::{self, AttemptCounts, Window},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{Routes, Stated, error::Error, input::Query, moment::Moment};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint")
        .read(routes!(stats).portal(Capability::ViewBase))
        .read(routes!(attempt_stats).portal(Capability::ViewBase))
}

/// The deliveries to an endpoint that moved last in a time, by how they stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointStats {
    success: u64,
    /// Deliveries that were not attempted yet.
    pending: u64,
    /// Attempted, and to be attempted again.
    sending: u64,
    fail: u64,
    canceled: u64,
    /// Whether all of them were counted, and not the latest 20000 or so.
    complete: bool,
    /// Time of the last change of the earliest delivery that was counted.
    #[schema(format = DateTime)]
    counted_from: Option<String>,
}

/// The query of a statistic: the time in which attempts are counted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct WindowQuery {
    /// 28 days before `until`, unless said.
    #[param(inline, nullable = false)]
    since: Option<Moment>,
    #[param(inline, nullable = false)]
    until: Option<Moment>,
}

impl WindowQuery {
    fn window(&self, now: Timestamp) -> Result<Window, Error> {
        let at = |moment: Option<Moment>| moment.map(|Moment(at)| at);
        Window::between(at(self.since), at(self.until), now).map_err(|refusal| match refusal {
            Refusal::Invalid { field, why } => Error::param(&field, why),
            other => other.into(),
        })
    }
}

/// Counts the deliveries to an endpoint by their state.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/stats",
    operation_id = "v1.endpoint.get-stats", params(WindowQuery),
    responses((status = 200, body = EndpointStats)))]
async fn stats(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Query(window): Query<WindowQuery>,
) -> Result<Json<EndpointStats>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let window = window.window(control.now())?;
    let counts = statistics::deliveries(&control, &endpoint, window).await?;
    Ok(Json(EndpointStats {
        success: counts.success,
        pending: counts.pending,
        sending: counts.sending,
        fail: counts.fail,
        canceled: counts.canceled,
        complete: counts.complete,
        counted_from: counts.from.map(|from| from.rfc3339()),
    }))
}

/// The attempts that were made to an endpoint in a time.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointAttemptStats {
    success: u64,
    fail: u64,
    /// Deliveries that were cancelled instead.
    canceled: u64,
    /// Whether all of them were counted, and not those of the latest 5000 deliveries or so.
    complete: bool,
}

/// Counts the attempts to an endpoint that succeeded and failed. The latest 64 attempts of a
/// delivery are known.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/attempt-stats",
    operation_id = "v1.endpoint.get-attempt-stats", params(WindowQuery),
    responses((status = 200, body = EndpointAttemptStats)))]
async fn attempt_stats(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Query(window): Query<WindowQuery>,
) -> Result<Json<EndpointAttemptStats>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let window = window.window(control.now())?;
    let counts = statistics::attempts(&control, &endpoint, window).await?;
    let AttemptCounts { success, fail, canceled, complete } = counts;
    Ok(Json(EndpointAttemptStats { success, fail, canceled, complete }))
}
