//! Publishing: a message is checked, recorded with a delivery to every endpoint that wants it, and
//! rung for. If the application has many endpoints, the deliveries follow in pages.

mod draft;
mod example;

use std::future::ready;

use adapters::{
    access,
    contested::{self, TryOutcome},
    random,
};
use dispatch::announce::Announcement;
use domain::{
    endpoint::Endpoint,
    event::{Event, EventOutcome, Origin, PublishOptions},
    id::{ApplicationId, EventId},
    profile::fingerprint,
    time::Timestamp,
};

use self::draft::{CheckedMessage, channels};
pub use self::{
    draft::{
        MAX_CHANNELS, MAX_RETENTION_DAYS, MAX_RETENTION_HOURS, MAX_TAGS, MIN_RETENTION_DAYS,
        MIN_RETENTION_HOURS, MessageDraft, RawPayload,
    },
    example::{ExampleDraft, send_example},
};
use crate::{ControlPlane, Refusal, messages, names::must_be_event_type};

/// Tries to record a message while other requests write its id or its lanes.
const TRIES: u32 = 5;
/// Endpoints that are read at a time to find one that wants a message.
const PAGE: usize = 500;

/// Publishes a message. A message with its publisher's own id, or with an idempotency key, is
/// recorded once.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a draft out of bounds, and of `idempotency_key` if the key came with
/// another message before; [`Refusal::Conflict`] if the publisher's id is taken;
/// [`Refusal::Busy`] if other requests write its id or its lanes during every try.
pub async fn publish(
    control: &ControlPlane,
    application: ApplicationId,
    draft: MessageDraft,
) -> Result<Event, Refusal> {
    let message = draft.check(control.now())?;
    let event = Publication::of(application, message).record(control).await?;
    access::published(&event);
    Ok(event)
}

/// Whether an enabled endpoint wants messages of this type on these channels. An endpoint that
/// chooses by the payload may want none of them.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a type or channels that cannot be.
pub async fn has_subscriber(
    control: &ControlPlane,
    application: ApplicationId,
    event_type: &str,
    given: Option<Vec<String>>,
) -> Result<bool, Refusal> {
    must_be_event_type("event_type", event_type)?;
    let channels = channels(given)?;
    let (id, owner) = (EventId::derive(&["precheck"]), application.clone());
    let event = Event { channels, ..Event::by_relay(id, owner, event_type, b"{}", control.now()) };
    let hears = |endpoint: &Endpoint| endpoint.disabled.is_none() && endpoint.wants(&event);
    let mut after = None;
    loop {
        let page = control.table().endpoints_page(&application, after.as_ref(), PAGE).await?;
        if page.endpoints.iter().any(hears) {
            return Ok(true);
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

/// A checked message with the id and fingerprint that a repeated request finds it by.
struct Publication {
    id: EventId,
    application: ApplicationId,
    message: CheckedMessage,
    /// Hash of everything that the request asked for, the idempotency key included.
    fingerprint: String,
}

impl Publication {
    fn of(application: ApplicationId, message: CheckedMessage) -> Self {
        let id = match (&message.event_id, &message.idempotency_key) {
            (Some(event_id), _) => messages::id_of(&application, event_id),
            (None, Some(key)) => {
                EventId::derive(&["published", application.as_str(), "idempotency-key", key])
            }
            (None, None) => EventId::random(random::bytes()),
        };
        let fingerprint = fingerprint(&fingerprinted(&message));
        Self { id, application, message, fingerprint }
    }

    /// Records the message with its deliveries, once.
    async fn record(&self, control: &ControlPlane) -> Result<Event, Refusal> {
        // The first try looks for the event only where an earlier request may have recorded it.
        let look = self.message.event_id.is_some() || self.message.idempotency_key.is_some();
        contested::rewrite(
            TRIES,
            look,
            || ready(Ok(true)),
            |look| async move {
                if look && let Some(known) = control.table().event(&self.id).await? {
                    return self.again(control, known).await.map(TryOutcome::Settled);
                }
                let hearers = control.context().hearers(&self.application).await?;
                let event = Event { in_pages: hearers.in_pages, ..self.event(control).await? };
                let announcement = Announcement {
                    event: &event,
                    payload: &self.message.payload,
                    job: None,
                    marker: None,
                    request: None,
                    endpoints: &hearers.endpoints,
                };
                let recorded = control.context().announce(&announcement).await?;
                Ok(recorded.settles(event))
            },
        )
        .await
    }

    /// The answer to a request whose message is recorded already.
    async fn again(&self, control: &ControlPlane, known: Event) -> Result<Event, Refusal> {
        if known.fingerprint != self.fingerprint || self.message.idempotency_key.is_none() {
            if self.message.event_id.is_some() {
                let why = "a message with that eventId exists already";
                return Err(Refusal::Conflict(why.to_owned()));
            }
            let why = "the same key came with another body before";
            return Err(Refusal::field("idempotency_key", why));
        }
        control.context().heal(&known).await?;
        Ok(known)
    }

    async fn event(&self, control: &ControlPlane) -> Result<Event, Refusal> {
        let message = &self.message;
        let payload = message.payload.as_slice();
        // Two requests may race for one id with different bytes: each has its own object.
        let key = format!("events/{}/payload-{}", self.id.bare(), fingerprint(payload));
        Ok(Event {
            id: self.id.clone(),
            application: self.application.clone(),
            event_type: message.event_type.clone(),
            origin: Origin::Published { event_id: message.event_id.clone() },
            fingerprint: self.fingerprint.clone(),
            payload: control.bucket().carry(&key, payload).await?,
            said: None,
            encoded: None,
            has_request: false,
            job: None,
            batch_id: None,
            outcome: EventOutcome::Announced,
            channels: message.channels.clone(),
            created_at: control.now(),
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: message.options.clone(),
            in_pages: false,
            expunged_at: None,
        })
    }
}

/// The bytes that a message's fingerprint is made of. Options that every request leaves out are left
/// out here too, so that fingerprints of recorded messages stay.
fn fingerprinted(message: &CheckedMessage) -> Vec<u8> {
    let key = message.idempotency_key.as_deref().unwrap_or_default();
    let mut all = [key, &message.event_type, &message.channels.join(",")].join("\n").into_bytes();
    all.push(b'\n');
    all.extend(&message.payload);
    if message.options != PublishOptions::default() {
        // The end of retention is counted from now on, so a repeated request has another one: only
        // that there is an end is part of the fingerprint.
        let content_until = message.options.content_until.map(|_| Timestamp(0));
        let options = PublishOptions { content_until, ..message.options.clone() };
        all.push(b'\n');
        all.extend(serde_json::to_vec(&options).unwrap_or_default());
    }
    all
}

#[cfg(test)]
mod tests;
