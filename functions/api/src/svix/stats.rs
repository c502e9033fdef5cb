//! How an endpoint fares, in numbers. Nothing is counted while messages go out: the deliveries are
//! their own record, and who asks pays for reading it, up to a bound that the answer admits to.

use std::{sync::Arc, time::Duration};

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{standing::DeliveryStanding, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    attempts::calls,
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
};
use crate::web::{Routes, error::Error, params::Params};
use manage::{ControlPlane, applications};

/// Deliveries that are counted for one answer: some twenty reads of a megabyte.
const MOST_DELIVERIES: usize = 20_000;
/// Deliveries whose attempts are counted for one answer: those are read whole.
const MOST_READ: usize = 5000;
/// How far back is counted, unless somebody says.
const WINDOW: Duration = Duration::from_secs(28 * 86_400);

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(stats)).read(routes!(attempt_stats))
}

/// The deliveries to an endpoint that moved last in a time, by how they stand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EndpointStats {
    success: u64,
    /// Not attempted yet.
    pending: u64,
    /// Attempted, and to be attempted again.
    sending: u64,
    fail: u64,
    canceled: u64,
    /// Whether all of them were counted, and not the latest 20000 or so.
    complete: bool,
    /// When the earliest that was counted moved last.
    #[schema(format = DateTime)]
    counted_from: Option<String>,
}

/// The time that is asked about: from, and before.
fn window(params: &Params, now: Timestamp) -> Result<(Timestamp, Timestamp), Error> {
    // What happens in this millisecond has happened.
    let until = params.instant("until")?.unwrap_or(now.plus(Duration::from_millis(1)));
    let back = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
    let since = params.instant("since")?.unwrap_or(Timestamp(until.0.saturating_sub(back)));
    if until < since {
        return Err(Error::param("since", "is not before until"));
    }
    Ok((since, until))
}

/// How the deliveries to an endpoint stand.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/stats", tag = "svix: endpoint", operation_id = "v1.endpoint.get-stats",
    params(("app" = String, Path), ("endpoint" = String, Path), ("since" = Option<String>, Query, format = DateTime, description = "28 days before `until`, unless said."), ("until" = Option<String>, Query, format = DateTime)),
    responses((status = 200, body = EndpointStats), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn stats(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    params: Params,
) -> Result<Json<EndpointStats>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let now = control.now();
    let (since, until) = window(&params, now)?;
    let tally = control.table().standings(&endpoint, since, until, MOST_DELIVERIES, now).await?;
    Ok(Json(EndpointStats {
        success: tally.success,
        pending: tally.pending,
        sending: tally.sending,
        fail: tally.fail,
        canceled: tally.canceled,
        complete: tally.complete,
        counted_from: tally.from.map(|from| from.rfc3339()),
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

/// How many attempts to an endpoint succeeded and failed. Of a delivery, 64 attempts are known.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/attempt-stats", tag = "svix: endpoint", operation_id = "v1.endpoint.get-attempt-stats",
    params(("app" = String, Path), ("endpoint" = String, Path), ("since" = Option<String>, Query, format = DateTime, description = "28 days before `until`, unless said."), ("until" = Option<String>, Query, format = DateTime)),
    responses((status = 200, body = EndpointAttemptStats), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn attempt_stats(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    params: Params,
) -> Result<Json<EndpointAttemptStats>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let (since, until) = window(&params, control.now())?;
    let within = |at: Timestamp| since <= at && at < until;
    let mut stats = EndpointAttemptStats { success: 0, fail: 0, canceled: 0, complete: false };
    let (mut cursor, mut seen) = (None, 0);
    while seen < MOST_READ {
        let page = control.table().deliveries_to(&endpoint, cursor.as_deref(), 250, false).await?;
        seen += page.items.len();
        for delivery in &page.items {
            for call in calls(delivery).filter(|call| within(call.at)) {
                let count = if call.error.is_none() { &mut stats.success } else { &mut stats.fail };
                *count += 1;
            }
            let last = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
            let cancelled =
                DeliveryStanding::of(delivery) == DeliveryStanding::Canceled && within(last);
            stats.canceled += u64::from(cancelled);
        }
        let earliest = page.items.last().map(Table::delivery_cursor);
        let over = earliest.is_some_and(|place| place < format!("{:013}", since.0));
        cursor = page.next.filter(|_| !over);
        if cursor.is_none() {
            stats.complete = true;
            break;
        }
    }
    Ok(Json(stats))
}
