//! Sending an endpoint messages again: those that failed, those that it missed, or those that an
//! operator chooses. Each is a task, which goes on whatever becomes of the request.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{portal::Capability, replay::ReplaySelection};
use manage::{
    ControlPlane, Principal, applications, endpoints,
    replays::{self, ReplayDraft},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::background_tasks::{self, StartedOut};
use crate::{
    bodies::spelt,
    web::{Routes, Stated, error::Error, gate::Authenticated, input::Body, moment::Moment},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint")
        .admin(routes!(recover).portal(Capability::CreateAttempts))
        .admin(routes!(replay_missing).portal(Capability::CreateAttempts))
        .admin(routes!(bulk).portal(Capability::CreateAttempts))
}

/// Selection of messages that are sent again, and the rate.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecoverIn {
    /// Messages from this time or later.
    #[schema(value_type = String, format = DateTime)]
    since: Moment,
    /// Messages from before this time; now, if it is left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    /// Messages per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<u32>,
    /// Whether the messages are only counted; the task says how many there are. `dry_run` is another
    /// spelling.
    #[serde(default, alias = "dry_run")]
    dry_run: bool,
}

/// Messages that were tried, which of them are sent again, and how fast.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkReplayIn {
    /// Messages from this time or later.
    #[schema(value_type = String, format = DateTime)]
    since: Moment,
    /// Messages from before this time; now, if it is left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Moment>,
    /// Messages per second.
    #[schema(minimum = 1, maximum = 500)]
    rate: Option<u32>,
    /// Whether the messages are only counted; the task says how many there are. `dry_run` is another
    /// spelling.
    #[serde(default, alias = "dry_run")]
    dry_run: bool,
    /// Messages of these types.
    event_types: Option<Vec<String>>,
    /// Messages on this channel.
    channel: Option<String>,
    /// Messages with this tag.
    tag: Option<String>,
    /// Messages whose delivery to the endpoint is in this state: 0 delivered, 2 failed. Deliveries
    /// under way (1 and 3) are left alone.
    #[schema(minimum = 0, maximum = 3)]
    status: Option<u8>,
    /// Messages that were answered last with a status of this hundred.
    status_code_class: Option<u16>,
}

impl RecoverIn {
    fn draft(self, selection: ReplaySelection) -> ReplayDraft {
        ReplayDraft {
            since: self.since.0,
            until: self.until.map(|moment| moment.0),
            rate: self.rate.map(i64::from),
            dry_run: self.dry_run,
            selection,
            event_types: Vec::new(),
            channel: None,
            tag: None,
        }
    }
}

/// Sends again the messages that failed.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/recover",
    operation_id = "v1.endpoint.recover", request_body = RecoverIn,
    responses((status = 202, body = StartedOut)))]
async fn recover(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RecoverIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    start(&control, &principal, path, given.draft(ReplaySelection::Failed)).await
}

/// Sends the messages that the endpoint was never sent and wants now.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/replay-missing",
    operation_id = "v1.endpoint.replay-missing", request_body = RecoverIn,
    responses((status = 202, body = StartedOut)))]
async fn replay_missing(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<RecoverIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    start(&control, &principal, path, given.draft(ReplaySelection::Missing)).await
}

/// Sends again the messages that the request chooses, delivered or not.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/bulk-replay",
    operation_id = "v1.endpoint.bulk-replay", request_body = BulkReplayIn,
    responses((status = 202, body = StartedOut)))]
async fn bulk(
    State(control): State<Arc<ControlPlane>>,
    Path(path): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Body(given): Body<BulkReplayIn>,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let BulkReplayIn { since, until, rate, dry_run, .. } = given;
    let selection = replays::tried(given.status, given.status_code_class).map_err(spelt)?;
    let draft = ReplayDraft {
        event_types: given.event_types.unwrap_or_default(),
        channel: given.channel,
        tag: given.tag,
        ..RecoverIn { since, until, rate, dry_run }.draft(selection)
    };
    start(&control, &principal, path, draft).await
}

async fn start(
    control: &ControlPlane,
    principal: &Principal,
    (app, endpoint): (String, String),
    draft: ReplayDraft,
) -> Result<(StatusCode, Json<StartedOut>), Error> {
    let application = applications::resolve(control, &app).await?.id;
    let endpoint = endpoints::resolve(control, &application, &endpoint).await?;
    let task = replays::start(control, principal, endpoint, draft).await.map_err(spelt)?;
    Ok((StatusCode::ACCEPTED, Json(background_tasks::started(&task))))
}
