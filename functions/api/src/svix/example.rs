//! Examples: one message of a type to one endpoint, whatever that endpoint wants to hear of.

use std::sync::Arc;

use adapters::table::{EventRecording, RecordOutcome};
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::Delivery,
    event::{Event, Origin},
    event_type,
    id::{EventId, is_identifier},
    profile::fingerprint,
};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
    messages::{self, MessageOut},
};
use crate::web::{Routes, error::Error, idempotency::Keyed, input::Body};
use manage::{ControlPlane, applications};

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(send_example))
}

/// Which example.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventExampleIn {
    /// Of which type: one that is kept with a schema, or one of ours.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_type: String,
    /// Which of the examples that its schema gives.
    #[serde(default)]
    example_index: usize,
    /// This instead of an example.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

/// Sends an example of an event type to one endpoint. It is a message like any other, which nobody
/// else receives.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/send-example", tag = "svix: endpoint", operation_id = "v1.endpoint.send-example",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid."), ("idempotency-key" = Option<String>, Header)),
    request_body = EventExampleIn,
    responses((status = 200, body = MessageOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut, description = "The endpoint is disabled."), (status = 422, body = ValidationErrorOut)))]
async fn send_example(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Keyed(key): Keyed,
    Body(given): Body<EventExampleIn>,
) -> Result<Json<MessageOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?;
    if !is_identifier(&given.event_type, 256) {
        return Err(Error::field("eventType", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
    }
    if endpoint.disabled.is_some() {
        return Err(Error::Conflict("the endpoint is disabled".to_owned()));
    }
    let payload = payload(&control, &given).await?;
    let (id, now) = (EventId::random(key.bytes()), control.now());
    let bytes = payload.get().as_bytes();
    let key = format!("events/{}/payload-{}", id.bare(), fingerprint(bytes));
    let event = Event {
        origin: Origin::Published { event_id: None },
        payload: control.bucket().carry(&key, bytes).await?,
        ..Event::by_relay(id, application, &given.event_type, bytes, now)
    };
    let delivery = Delivery::new(&event, &endpoint, 0, now);
    let recording = EventRecording {
        event: &event,
        job: None,
        marker: None,
        deliveries: std::slice::from_ref(&delivery),
        endpoints: std::slice::from_ref(&endpoint),
        callee: None,
    };
    match control.table().record(&recording).await? {
        RecordOutcome::New => control.announcer().ring(&[delivery]).await,
        // Whoever had the same key and died recorded it.
        RecordOutcome::Contested => {
            let known = control.table().event(&event.id).await?.ok_or(Error::NotFound)?;
            control.announcer().heal(&known).await?;
            return Ok(Json(MessageOut::of(known, payload)));
        }
    }
    Ok(Json(MessageOut::of(event, payload)))
}

/// What is sent: what was given, else what the type's schema says, else what is told of ours.
async fn payload(control: &ControlPlane, given: &EventExampleIn) -> Result<Box<RawValue>, Error> {
    if let Some(payload) = &given.payload {
        return match payload.get().starts_with('{') {
            true => Ok(payload.clone()),
            false => Err(Error::field("payload", "must be a JSON object")),
        };
    }
    let kept = control.table().event_type(&given.event_type).await?;
    if let Some(example) = kept.and_then(|kind| kind.example(given.example_index)) {
        return Ok(to_raw_value(&example).unwrap_or_else(|_| messages::empty()));
    }
    let own = event_type::own_example(&given.event_type);
    let own = own.and_then(|bytes| String::from_utf8(bytes).ok());
    own.and_then(|text| RawValue::from_string(text).ok()).ok_or_else(|| {
        Error::field(
            "eventType",
            "has no schema to make an example from; give it one, or a payload",
        )
    })
}
