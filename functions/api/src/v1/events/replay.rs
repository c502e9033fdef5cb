//! Sending an event again, to all who would receive it now or to one endpoint.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::id::EventId;
use manage::{ControlPlane, events, replays};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::{error::Error, gate::Authenticated, input::Body};

/// Receivers that an event is sent to again.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct EventReplayIn {
    /// Id or uid of an endpoint of the event's application, which receives the event whether or not it
    /// would receive it now. Without one, every endpoint that would receive the event now does.
    endpoint: Option<String>,
    /// Whether the receivers are only named; also spelt `dryRun`.
    #[serde(default, alias = "dryRun")]
    dry_run: bool,
}

/// Receivers that an event was sent to again.
#[derive(Serialize, ToSchema)]
pub(super) struct EventReplayed {
    /// Whether nothing was sent.
    dry_run: bool,
    /// Number of deliveries.
    deliveries: u64,
    /// Ids of the endpoints.
    endpoints: Vec<String>,
}

/// Sends an event again, with a fresh budget of retries.
///
/// Receivers are the endpoints of the application and the webhooks of the event's job whose types,
/// channels and filters match now, disabled ones included. A delivery that is still pending is attempted
/// now. Subscribers hear the event under the same `webhook-id`.
#[utoipa::path(post, path = "/v1/events/{id}/replay", operation_id = "replay_event",
    request_body = EventReplayIn,
    responses((status = 200, description = "A dry run", body = EventReplayed),
        (status = 202, body = EventReplayed),
        (status = 409, description = "The content of the event was removed, subscribers never were to \
            receive the event, or `Idempotency-Key` is in use.")))]
pub(super) async fn replay(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<EventReplayIn>,
) -> Result<(StatusCode, Json<EventReplayed>), Error> {
    let EventReplayIn { endpoint, dry_run } = given;
    let id = EventId::parse(&id).map_err(|_| Error::NotFound)?;
    let event = events::find(&control, &principal, &id).await?;
    let endpoint = endpoint.as_deref();
    let sent = replays::replay_event(&control, &principal, &event, endpoint, dry_run).await?;
    let endpoints: Vec<_> = sent.iter().map(ToString::to_string).collect();
    let deliveries = endpoints.len() as u64;
    let status = if dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(EventReplayed { dry_run, deliveries, endpoints })))
}
