//! Sending an endpoint what it missed: what failed, what it was never sent, or what somebody chooses.
//! Each is a task that goes on whatever happens meanwhile.

use std::sync::Arc;

use adapters::random;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    delivery::DeliveryState,
    id::TaskId,
    replay::{Replay, ReplaySelection},
    task::{DEFAULT_RATE, MAX_RATE, Task},
};
use serde::Deserialize;
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    background_tasks::{self, StartedOut},
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
};
use crate::{
    v1::tasks,
    web::{Routes, error::Error, gate::Authenticated, input::Body, params::instant},
};
use manage::{ControlPlane, Principal, applications};

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(recover)).admin(routes!(replay_missing)).admin(routes!(bulk))
}

/// From when on, and what our clients may add.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecoverIn {
    /// Messages from this time or later.
    #[schema(format = DateTime)]
    since: String,
    /// Messages from before this time; now, if it is left out.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Messages per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<u32>,
    /// Only count them; the task says how many.
    #[serde(default)]
    dry_run: bool,
}

/// The same, with which of them.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkReplayIn {
    #[serde(flatten)]
    when: RecoverIn,
    /// Messages of these types.
    event_types: Option<Vec<String>>,
    /// Messages of this channel.
    channel: Option<String>,
    /// Messages with this tag.
    tag: Option<String>,
    /// Messages whose delivery there is so: 0 arrived, 2 failed. Those under way (1 and 3) are left alone.
    #[schema(minimum = 0, maximum = 3)]
    status: Option<u8>,
    /// Messages answered last with a status of this hundred.
    status_code_class: Option<u16>,
}

/// Sends again what did not arrive.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/recover", tag = "svix: endpoint", operation_id = "v1.endpoint.recover",
    params(("app" = String, Path), ("endpoint" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = RecoverIn,
    responses((status = 202, body = StartedOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn recover(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RecoverIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    start(&control, &principal, path, given, ReplaySelection::Failed, |_| ()).await
}

/// Sends what it was never sent and wants now.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/replay-missing", tag = "svix: endpoint", operation_id = "v1.endpoint.replay-missing",
    params(("app" = String, Path), ("endpoint" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = RecoverIn,
    responses((status = 202, body = StartedOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn replay_missing(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RecoverIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    start(&control, &principal, path, given, ReplaySelection::Missing, |_| ()).await
}

/// Sends again what somebody chooses, arrived or not.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/bulk-replay", tag = "svix: endpoint", operation_id = "v1.endpoint.bulk-replay",
    params(("app" = String, Path), ("endpoint" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = BulkReplayIn,
    responses((status = 202, body = StartedOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn bulk(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<BulkReplayIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let state = match given.status {
        None => None,
        Some(0) => Some(DeliveryState::Delivered),
        // What is under way is never sent again, so this means nothing.
        Some(1 | 3) => Some(DeliveryState::Pending),
        Some(2) => Some(DeliveryState::Dead),
        Some(_) => return Err(Error::field("status", "is 0, 1, 2 or 3")),
    };
    let code_class = given.status_code_class;
    if code_class.is_some_and(|class| 500 < class || class % 100 != 0) {
        return Err(Error::field("statusCodeClass", "is 0, 100, 200, 300, 400 or 500"));
    }
    let BulkReplayIn { when, event_types, channel, tag, .. } = given;
    start(
        &control,
        &principal,
        path,
        when,
        ReplaySelection::Tried { state, code_class },
        |replay| {
            replay.event_types = event_types.unwrap_or_default();
            replay.channel = channel;
            replay.tag = tag;
        },
    )
    .await
}

async fn start(
    control: &ControlPlane,
    principal: &Principal,
    (app, endpoint): (String, String),
    given: RecoverIn,
    which: ReplaySelection,
    narrow: impl FnOnce(&mut Replay),
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let application = applications::resolve(control, &app).await?.id;
    let endpoint = endpoints::resolve(control, &application, &endpoint).await?;
    let at = |name: &str, text: &str| {
        instant(text).ok_or_else(|| Error::field(name, "is a time such as 2026-11-22T01:13:33Z"))
    };
    let since = at("since", &given.since)?;
    let until = given.until.as_deref().map(|text| at("until", text)).transpose()?;
    if until.is_some_and(|until| until <= since) {
        return Err(Error::field("until", "is after `since`"));
    }
    let rate = given.rate.unwrap_or_else(|| endpoint.throttle_rate.map_or(DEFAULT_RATE, u32::from));
    if given.rate.is_some() && !(1..=MAX_RATE).contains(&rate) {
        return Err(Error::field("rate", format!("is 1 to {MAX_RATE}")));
    }
    let mut replay = Replay {
        application,
        endpoint: endpoint.id,
        which,
        since,
        until,
        event_types: Vec::new(),
        channel: None,
        tag: None,
        dry_run: given.dry_run,
    };
    narrow(&mut replay);
    let id = TaskId::random(random::bytes());
    let task = Task::replay(id, replay, rate, control.now());
    tasks::start(control, &task).await?;
    info!(audit = true, key = %principal.key, task = %task.id, "messages are to be sent again");
    Ok((StatusCode::ACCEPTED, Json(background_tasks::started(&task))))
}
