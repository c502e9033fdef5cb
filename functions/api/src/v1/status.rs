//! The state of the relay: its sweep, its queues, what waits, sources that are silent, troubles and alarms.

use std::{sync::Arc, time::Duration};

use adapters::table::SweepRound;
use axum::{Json, extract::State};
use domain::{alarm::Alarm, delivery::Delivery, time::Timestamp, trouble::Trouble};
use manage::{
    ControlPlane,
    status::{self, PendingDeliveries, QueueState, SilentSource, Status},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, error::Error, gate::Authenticated};

pub(super) fn routes() -> Routes {
    Routes::tagged("health").read(routes!(get_status))
}

/// The state of the relay, as far as the key sees it.
#[derive(Serialize, ToSchema)]
struct StatusOut {
    /// Version of the relay.
    version: &'static str,
    /// Present time of the relay's clock.
    #[schema(format = DateTime)]
    now: String,
    sweep: SweepOut,
    /// The queues. Null for a key of one application.
    queues: Option<Vec<QueueOut>>,
    pending: PendingOut,
    /// The pending delivery that was created first, among those that `pending` counts.
    oldest_waiting: Option<OldestWaiting>,
    letters: LettersOut,
    /// Sources whose last request was accepted more than ten minutes and more than three of their usual
    /// gaps ago.
    silent_sources: Vec<SilentSourceOut>,
    /// Whether all sources were looked at: there are at most 500, and one request reads for a second.
    silent_sources_complete: bool,
    /// Troubles that the last round of the sweep found; empty in `relay dev`, where nothing looks for them.
    /// Null for a key of one application.
    troubles: Option<Vec<TroubleOut>>,
    /// Alarms that are on, and those that changed their state within a day, the latest change first. Null
    /// for a key of one application.
    alarms: Option<Vec<AlarmOut>>,
}

/// The function that rings for what is due, every minute.
#[derive(Serialize, ToSchema)]
struct SweepOut {
    /// Beginning of the last round that ended; null if none has.
    #[schema(format = DateTime)]
    last_round_at: Option<String>,
    /// Milliseconds that it took.
    took_ms: Option<u64>,
}

/// A queue. Its numbers are approximate, and null if SQS did not say.
#[derive(Serialize, ToSchema)]
struct QueueOut {
    /// `inbox`, `outbox` or their `dead-letters`; `live` or `live-dead-letters`.
    name: &'static str,
    /// Messages that can be received.
    waiting: Option<u64>,
    /// Messages that are worked on.
    in_flight: Option<u64>,
    /// Messages whose time has not come.
    delayed: Option<u64>,
}

/// Deliveries that are to be attempted, now or later. Those that wait for a listener are not counted.
#[derive(Serialize, ToSchema)]
struct PendingOut {
    /// The number of deliveries that the key sees among the 884 items of the relay that are due next: the first
    /// 13 of each of 64 parts, and of four lists of what waits for a later time. Those whose message is on the
    /// outbox are counted in `queues`.
    count: usize,
    /// Whether there are no others.
    complete: bool,
}

/// A delivery that waits.
#[derive(Serialize, ToSchema)]
struct OldestWaiting {
    delivery_id: String,
    event_id: String,
    endpoint_id: String,
    /// Id of its application.
    application: String,
    /// Time of its creation.
    #[schema(format = DateTime)]
    since: String,
}

/// Dead letters that wait.
#[derive(Serialize, ToSchema)]
struct LettersOut {
    /// The number of letters.
    waiting: u64,
    /// Whether all were counted: of messages that could not be processed, at most 1000 are.
    complete: bool,
}

/// A source that is silent for longer than usual.
#[derive(Serialize, ToSchema)]
struct SilentSourceOut {
    name: String,
    /// Id of its application.
    application: String,
    /// Minute of the last accepted request; of one older than two days, the hour.
    #[schema(format = DateTime)]
    last_accepted_at: String,
    /// Usual gap between two requests in seconds.
    usual_gap_s: u64,
}

/// Something that is wrong with the relay.
#[derive(Serialize, ToSchema)]
struct TroubleOut {
    /// Kind, such as `inbox_stuck`.
    kind: &'static str,
    /// Time since which each round of the sweep has found it.
    #[schema(format = DateTime)]
    since: String,
    /// Sentence that says what is wrong and where to look.
    text: &'static str,
}

/// An alarm of the stack.
#[derive(Serialize, ToSchema)]
struct AlarmOut {
    /// Name in the template, such as `InboxStuckAlarm`.
    name: String,
    /// `alarm` or `ok`.
    state: &'static str,
    /// Time since which it is so.
    #[schema(format = DateTime)]
    since: String,
    /// Reason, in the words of CloudWatch.
    reason: Option<String>,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<Option<SweepRound>> for SweepOut {
    fn from(round: Option<SweepRound>) -> Self {
        Self {
            last_round_at: round.map(|round| round.at.rfc3339()),
            took_ms: round.map(|round| millis(round.took)),
        }
    }
}

impl From<QueueState> for QueueOut {
    fn from(QueueState { name, depth }: QueueState) -> Self {
        Self {
            name,
            waiting: depth.map(|depth| depth.waiting),
            in_flight: depth.map(|depth| depth.in_flight),
            delayed: depth.map(|depth| depth.delayed),
        }
    }
}

impl From<Delivery> for OldestWaiting {
    fn from(delivery: Delivery) -> Self {
        Self {
            delivery_id: delivery.id.to_string(),
            event_id: delivery.event.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            application: delivery.application.to_string(),
            since: delivery.created_at.rfc3339(),
        }
    }
}

impl From<SilentSource> for SilentSourceOut {
    fn from(source: SilentSource) -> Self {
        Self {
            name: source.name,
            application: source.application.to_string(),
            last_accepted_at: source.last_accepted_at.rfc3339(),
            usual_gap_s: source.usual_gap.as_secs(),
        }
    }
}

impl From<(Trouble, Timestamp)> for TroubleOut {
    fn from((trouble, since): (Trouble, Timestamp)) -> Self {
        Self { kind: trouble.word(), since: since.rfc3339(), text: trouble.sentence() }
    }
}

impl From<Alarm> for AlarmOut {
    fn from(alarm: Alarm) -> Self {
        let Alarm { name, state, since, reason } = alarm;
        Self { name, state: state.word(), since: since.rfc3339(), reason }
    }
}

impl From<Status> for StatusOut {
    fn from(status: Status) -> Self {
        let Status { now, sweep, queues, pending, letters, silent, troubles, alarms } = status;
        let PendingDeliveries { oldest, count, complete } = pending;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            now: now.rfc3339(),
            sweep: sweep.into(),
            queues: queues.map(|queues| queues.into_iter().map(QueueOut::from).collect()),
            pending: PendingOut { count, complete },
            oldest_waiting: oldest.map(OldestWaiting::from),
            letters: LettersOut { waiting: letters.0, complete: letters.1 },
            silent_sources: silent.0.into_iter().map(SilentSourceOut::from).collect(),
            silent_sources_complete: silent.1,
            troubles: troubles.map(|all| all.into_iter().map(TroubleOut::from).collect()),
            alarms: alarms.map(|alarms| alarms.into_iter().map(AlarmOut::from).collect()),
        }
    }
}

/// The state of the relay: its sweep, its queues, what waits, sources that are silent for longer than usual,
/// troubles and alarms. A key of one application sees what belongs to that application, and no queues, troubles
/// and alarms.
#[utoipa::path(get, path = "/v1/status", operation_id = "get_status",
    responses((status = 200, body = StatusOut)))]
async fn get_status(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
) -> Result<Json<StatusOut>, Error> {
    Ok(Json(status::status(&control, &principal).await?.into()))
}
