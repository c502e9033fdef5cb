//! Events: what was received or published, its effect, and its deliveries.

mod conflicts;
mod delivery;
mod query;
mod replay;
mod request;
mod shown_body;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Attempt, Delivery, DeliveryState},
    event::{Event, EventOutcome, Origin},
    id::EventId,
    portal::Capability,
    progress::{EventProgress, EventState},
    retry::ErrorClass,
};
use manage::{
    ControlPlane,
    events::{self, ListedEvent},
    requests,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::{query::EventsQuery, request::RequestOut};
use crate::{
    v1::letter::content,
    web::{
        Routes, Stated,
        error::Error,
        gate::Authenticated,
        input::Query,
        page::{List, PageQuery},
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("events")
        .read(routes!(list).portal(Capability::ViewBase))
        .read(routes!(get).portal(Capability::ViewBase))
        .admin(routes!(replay::replay).portal(Capability::CreateAttempts))
        .read(routes!(request::body))
        .read(routes!(delivery::get).portal(Capability::ViewBase))
        .read(routes!(conflicts::list))
}

/// An event.
#[derive(Serialize, ToSchema)]
struct EventOut {
    id: String,
    application: String,
    #[serde(rename = "type")]
    event_type: String,
    /// The source that sent it; null if it was published over the API.
    source: Option<String>,
    /// Under which key it is kept once, or the publisher's own id.
    key: Option<String>,
    job_id: Option<String>,
    batch_id: Option<String>,
    channels: Vec<String>,
    /// `announced`, `noted`, `stale` or `conflict`.
    #[schema(value_type = String)]
    outcome: EventOutcome,
    /// State of the event as a whole, which is that of its worst delivery: `dead`, `failing` if one failed
    /// and is attempted again, `pending`, `delivered`, or `nobody` if there is none.
    #[schema(value_type = String)]
    state: EventState,
    progress: ProgressOut,
    /// Number of repeated requests with the same bytes.
    duplicates: u64,
    /// Number of requests with the same key and other bytes.
    conflicts: u64,
    created_at: String,
}

/// Number of an event's deliveries by their state.
#[derive(Serialize, ToSchema)]
struct ProgressOut {
    /// All deliveries, those that were cancelled included.
    total: u64,
    delivered: u64,
    /// Deliveries whose attempts are used up.
    dead: u64,
    /// Deliveries that are still to be attempted.
    pending: u64,
    /// Present, and true, if there are further deliveries: of an event with more than a thousand, about a
    /// thousand are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    more: bool,
}

impl EventOut {
    fn of(event: Event, progress: &EventProgress) -> Self {
        let (source, key) = match event.origin {
            Origin::Source { name, key, .. } => (Some(name), Some(key)),
            Origin::Published { event_id } => (None, event_id),
            Origin::Relay => (None, None),
        };
        Self {
            id: event.id.event(),
            application: event.application.to_string(),
            event_type: event.event_type,
            source,
            key,
            job_id: event.job.map(|job| job.to_string()),
            batch_id: event.batch_id,
            channels: event.channels,
            outcome: event.outcome,
            state: progress.state(),
            progress: ProgressOut {
                total: progress.total,
                delivered: progress.delivered,
                dead: progress.dead,
                pending: progress.pending,
                more: progress.has_more,
            },
            duplicates: event.duplicates,
            conflicts: event.conflicts,
            created_at: event.created_at.rfc3339(),
        }
    }
}

/// An event with all that followed.
#[derive(Serialize, ToSchema)]
struct EventDetail {
    #[serde(flatten)]
    event: EventOut,
    /// Payload that subscribers receive; null if it is too large to show, or was removed.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// Request that the event came with; null if it came with none, if its content was removed, and in a
    /// portal: it is the sender's.
    request: Option<RequestOut>,
    /// Deliveries, the first 250 by id.
    deliveries: Vec<DeliveryOut>,
}

/// An event on its way to an endpoint.
#[derive(Serialize, ToSchema)]
struct DeliveryOut {
    id: String,
    endpoint_id: String,
    generation: u32,
    /// `pending`, `delivered`, `dead` or `cancelled`.
    state: &'static str,
    /// Number of attempts, those before a redrive included.
    attempts_made: u32,
    attempts: Vec<AttemptOut>,
    /// Time from which a pending delivery may be attempted.
    next_attempt_at: Option<String>,
    /// Id of its dead letter, if there was one.
    letter_id: Option<String>,
    created_at: String,
}

impl From<Delivery> for DeliveryOut {
    fn from(delivery: Delivery) -> Self {
        let pending = delivery.state == DeliveryState::Pending;
        let expected_at = delivery.expected_at();
        Self {
            id: delivery.id.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            generation: delivery.generation,
            state: delivery.state.word(),
            attempts_made: delivery.made,
            attempts: delivery.attempts.into_iter().map(AttemptOut::from).collect(),
            next_attempt_at: pending.then(|| expected_at.rfc3339()),
            letter_id: delivery.letter.map(|letter| letter.to_string()),
            created_at: delivery.created_at.rfc3339(),
        }
    }
}

/// One HTTP call.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptOut {
    id: String,
    at: String,
    duration_ms: u64,
    url: String,
    /// The HTTP status, if there was an answer.
    status: Option<u16>,
    /// Class of the failure, in one word.
    #[schema(value_type = Option<String>)]
    error_class: Option<ErrorClass>,
    /// Description of the failure.
    error_message: Option<String>,
    /// The first bytes of the answer.
    response: String,
    /// Whether a person asked for it.
    manual: bool,
}

impl From<Attempt> for AttemptOut {
    fn from(attempt: Attempt) -> Self {
        Self {
            id: attempt.id.to_string(),
            at: attempt.at.rfc3339(),
            duration_ms: attempt.duration_ms,
            url: attempt.url,
            status: attempt.status,
            error_class: attempt.error,
            error_message: (!attempt.detail.is_empty()).then_some(attempt.detail),
            response: attempt.response,
            manual: attempt.manual,
        }
    }
}

/// Events, newest first: of one application, or of all that the key may see; all of them, or those that
/// fit every given parameter.
#[utoipa::path(get, path = "/v1/events", operation_id = "list_events",
    params(EventsQuery, PageQuery),
    responses((status = 200, body = List<EventOut>), (status = 404)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(query): Query<EventsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<EventOut>>, Error> {
    let filter = query.read()?;
    let has_filter = !filter.is_plain();
    let part = events::list(&control, &principal, filter, page.by_time()?).await;
    let part = part.map_err(Error::of_query)?;
    let show = |ListedEvent { event, progress }| EventOut::of(event, &progress);
    Ok(Json(List::of(part, has_filter, show)))
}

/// One event, by `evt_…` or `msg_…`, with its payload and its deliveries.
#[utoipa::path(get, path = "/v1/events/{id}", operation_id = "get_event",
    responses((status = 200, body = EventDetail)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<EventDetail>, Error> {
    let id = EventId::parse(&id).map_err(|_| Error::NotFound)?;
    let event = events::find(&control, &principal, &id).await?;
    let payload = events::payload(&control, &event).await?.and_then(|bytes| content(&bytes));
    let request = match principal.is_portal() {
        true => None,
        false => requests::record(&control, &event).await?,
    };
    let request = request.map(|request| RequestOut::of(&event, request));
    let deliveries = events::deliveries(&control, [&id]).await?;
    let deliveries: Vec<_> = deliveries.into_iter().flatten().collect();
    let progress = match deliveries.len() < events::MAX_SHOWN {
        true => EventProgress::of(&deliveries),
        false => events::progress(&control, &id).await?,
    };
    let deliveries = deliveries.into_iter().map(DeliveryOut::from).collect();
    let event = EventOut::of(event, &progress);
    Ok(Json(EventDetail { event, payload, request, deliveries }))
}
