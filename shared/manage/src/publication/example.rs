//! Examples: one message of a type to one endpoint, whatever types the endpoint wants.

use adapters::table::{EventRecording, RecordOutcome};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::{Event, Origin},
    event_type,
    id::EventId,
    profile::fingerprint,
};
use serde_json::value::{RawValue, to_raw_value};

use super::draft::must_be_object;
use crate::{ControlPlane, Principal, Refusal, RequestKey, event_types, names::must_be_event_type};

/// An example to be sent.
#[derive(Clone, Debug)]
pub struct ExampleDraft {
    /// Event type that has a schema, or one of the relay's own.
    pub event_type: String,
    /// Index of the example among those of the schema.
    pub example_index: usize,
    /// Payload instead of an example; a JSON object.
    pub payload: Option<Box<RawValue>>,
}

/// The event type with which Svix's clients try an endpoint out; it needs no schema.
const PING: &str = "svix.ping";
/// The payload of an event of the type [`PING`].
const PONG: &str = r#"{"success":true}"#;

/// Sends an example of an event type to one endpoint. It is a message like any other, which no other
/// endpoint receives. Returns the message and its payload.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a type without examples or a payload that is no object,
/// [`Refusal::Conflict`] if the endpoint is disabled.
pub async fn send_example(
    control: &ControlPlane,
    principal: &Principal,
    endpoint: &Endpoint,
    draft: &ExampleDraft,
    key: &RequestKey,
) -> Result<(Event, Box<RawValue>), Refusal> {
    must_be_event_type("event_type", &draft.event_type)?;
    if endpoint.disabled.is_some() {
        return Err(Refusal::Conflict("the endpoint is disabled".to_owned()));
    }
    let payload = payload(control, principal, draft).await?;
    let (id, now) = (EventId::random(key.bytes()), control.now());
    let bytes = payload.get().as_bytes();
    let object = format!("events/{}/payload-{}", id.bare(), fingerprint(bytes));
    let application = endpoint.application.clone();
    let event = Event {
        origin: Origin::Published { event_id: None },
        payload: control.bucket().carry(&object, bytes).await?,
        ..Event::by_relay(id, application, &draft.event_type, bytes, now)
    };
    let delivery = Delivery::new(&event, endpoint, 0, now);
    let recording = EventRecording {
        event: &event,
        job: None,
        marker: None,
        request: None,
        deliveries: std::slice::from_ref(&delivery),
        endpoints: std::slice::from_ref(endpoint),
        callee: None,
    };
    match control.table().record(&recording).await? {
        RecordOutcome::New => {
            control.context().ring(&[delivery]).await;
            control.context().note_event(&event, None);
            Ok((event, payload))
        }
        // An earlier try of the same request recorded it.
        RecordOutcome::Contested => {
            let known = control.table().event(&event.id).await?.ok_or(Refusal::NotFound)?;
            control.context().heal(&known).await?;
            Ok((known, payload))
        }
    }
}

/// The payload of an example: the given one, else one of the type's schema, else one of [`PING`] or of
/// the relay's own type.
async fn payload(
    control: &ControlPlane,
    principal: &Principal,
    draft: &ExampleDraft,
) -> Result<Box<RawValue>, Refusal> {
    if let Some(payload) = &draft.payload {
        return must_be_object(payload).map(|()| payload.clone());
    }
    let kept = control.table().event_type(&draft.event_type).await?;
    // A type that a portal does not see is to it as one that is not there.
    let kept = kept.filter(|kind| event_types::is_visible(principal, kind));
    if let Some(example) = kept.and_then(|kind| kind.example(draft.example_index))
        && let Ok(example) = to_raw_value(&example)
    {
        return Ok(example);
    }
    let own = match draft.event_type.as_str() {
        PING => Some(PONG.to_owned()),
        other => event_type::own_example(other).and_then(|bytes| String::from_utf8(bytes).ok()),
    };
    own.and_then(|text| RawValue::from_string(text).ok()).ok_or_else(|| {
        let why = "has no schema to make an example from; give it one, or a payload";
        Refusal::field("event_type", why)
    })
}
