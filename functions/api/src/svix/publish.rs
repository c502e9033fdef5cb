//! Publishing: a message is checked, recorded with a delivery to every endpoint that wants it, and
//! rung for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use adapters::table::RecordOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode},
};
use dispatch::announce::Announcement;
use domain::{
    event::{Event, EventOutcome, Origin, PublishOptions},
    id::{ApplicationId, EventId, is_identifier},
    profile::fingerprint,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    application_in::ApplicationIn,
    error::{HttpErrorOut, ValidationErrorOut, spelt},
    messages::{self, MessageOut},
};
use crate::web::{
    Routes,
    error::{Error, Invalid},
    gate::Authenticated,
    idempotency,
    input::Body,
    params::{Params, instant},
};
use manage::{ControlPlane, applications, names};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn routes() -> Routes {
    Routes::new().publish_repeatable(routes!(create)).publish(routes!(precheck))
}

/// A message as it is given to us.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageIn {
    /// Such as `invoice.paid`.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_type: String,
    /// What subscribers receive, to the byte.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// The caller's own id: the same one again is a conflict.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_id: Option<String>,
    /// The channels it goes out on.
    #[schema(max_items = 5)]
    channels: Option<Vec<String>>,
    /// What it can be found by.
    #[schema(max_items = 8)]
    tags: Option<Vec<String>>,
    /// The application of the path, should it not be there yet.
    application: Option<ApplicationIn>,
    /// A minute to a day ahead: it is not delivered before.
    #[schema(format = DateTime)]
    deliver_at: Option<String>,
    /// Days after which its payload is neither shown nor sent.
    #[schema(minimum = 5, maximum = 90)]
    payload_retention_period: Option<i64>,
    /// The same in hours.
    #[schema(minimum = 1, maximum = 2160)]
    payload_retention_hours: Option<i64>,
    /// How Svix's clients send what is not JSON.
    transformations_params: Option<Transformations>,
}

/// A payload that goes out as it is, in place of `payload`. What else a client may say is left alone.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Transformations {
    /// The bytes.
    raw_payload: Option<String>,
    /// The one of these that counts is `content-type`.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// Publishes a message to the endpoints that want it.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg", tag = "svix: message", operation_id = "v1.message.create",
    params(("app" = String, Path), ("with_content" = Option<bool>, Query),
        ("idempotency-key" = Option<String>, Header, description = "The same key and body again is the same message.")),
    request_body = MessageIn,
    responses((status = 202, body = MessageOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut), (status = 413, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(app): Path<String>,
    params: Params,
    headers: HeaderMap,
    Body(mut given): Body<MessageIn>,
) -> Result<(StatusCode, Json<MessageOut>), Error> {
    let inline = given.application.take().map(Into::into);
    let application = applications::resolve_or_create(&control, &principal, &app, inline).await;
    let application = application.map_err(spelt)?.id;
    let with_content = params.flag("with_content", true)?;
    let key = idempotency_key(&headers)?;
    let publication = Publication::of(given, application, key, control.now())?;
    let event = publication.record(&control).await?;
    let payload = publication.payload.json.filter(|_| with_content);
    let payload = payload.unwrap_or_else(messages::empty);
    Ok((StatusCode::ACCEPTED, Json(MessageOut::of(event, payload))))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    idempotency::checked(key.as_bytes())?;
    Ok(key.to_str().ok())
}

/// What goes out.
struct Sent {
    bytes: Vec<u8>,
    /// The same, where it was given as an object.
    json: Option<Box<RawValue>>,
}

/// A message that was checked.
struct Publication {
    id: EventId,
    application: ApplicationId,
    event_type: String,
    event_id: Option<String>,
    channels: Vec<String>,
    asked: PublishOptions,
    payload: Sent,
    /// Of everything in it, the idempotency key included.
    fingerprint: String,
    /// Whether there is such a key: then the same request again is answered as the first time.
    keyed: bool,
}

impl Publication {
    fn of(
        given: MessageIn,
        application: ApplicationId,
        key: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if !is_identifier(&given.event_type, 256) {
            return Err(Error::field("eventType", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        if given.event_id.as_ref().is_some_and(|id| !is_identifier(id, 256)) {
            return Err(Error::field("eventId", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        if !given.payload.get().starts_with('{') {
            return Err(Error::field("payload", "must be a JSON object"));
        }
        let asked = asked(&given, now)?;
        let channels = names::distinct("channels", given.channels, names::MAX_CHANNEL, 5)?;
        let derive = |kind, name| EventId::derive(&["published", application.as_str(), kind, name]);
        let id = match (&given.event_id, key) {
            (Some(event_id), _) => messages::id_of(&application, event_id),
            (None, Some(key)) => derive("idempotency-key", key),
            (None, None) => EventId::random(adapters::random::bytes()),
        };
        let (key, keyed) = (key.unwrap_or_default(), key.is_some());
        let payload = match given.transformations_params.and_then(|params| params.raw_payload) {
            Some(raw) => Sent { bytes: raw.into_bytes(), json: None },
            None => Sent { bytes: given.payload.get().into(), json: Some(given.payload) },
        };
        let mut all = [key, &given.event_type, &channels.join(",")].join("\n").into_bytes();
        all.push(b'\n');
        all.extend(&payload.bytes);
        // What everybody leaves out changes nothing, so that what is known already stays the same.
        if asked != PublishOptions::default() {
            all.push(b'\n');
            all.extend(serde_json::to_vec(&said(&asked)).unwrap_or_default());
        }
        Ok(Self {
            id,
            application,
            keyed,
            event_type: given.event_type,
            event_id: given.event_id,
            channels,
            asked,
            payload,
            fingerprint: fingerprint(&all),
        })
    }

    /// Records it with its deliveries, once.
    async fn record(&self, control: &ControlPlane) -> Result<Event, Error> {
        // The first time round the event is only looked for if it can be there.
        let mut look = self.event_id.is_some() || self.keyed;
        for _ in 0..5 {
            if look && let Some(known) = control.table().event(&self.id).await? {
                return self.again(control, known).await;
            }
            let event = self.event(control).await?;
            let endpoints = control.table().endpoints(&self.application).await?;
            let announcement = Announcement {
                event: &event,
                payload: &self.payload.bytes,
                job: None,
                marker: None,
                endpoints: &endpoints,
            };
            match control.announcer().announce(&announcement).await? {
                RecordOutcome::New => return Ok(event),
                RecordOutcome::Contested => look = true,
            }
        }
        let busy = "it was contested five times";
        Err(adapters::Unavailable::new("recording a message", busy).into())
    }

    async fn again(&self, control: &ControlPlane, known: Event) -> Result<Event, Error> {
        if known.fingerprint != self.fingerprint || !self.keyed {
            if self.event_id.is_some() {
                let why = "a message with that eventId exists already";
                return Err(Error::Conflict(why.to_owned()));
            }
            let why = "the same key came with another body before";
            let at = vec!["header".to_owned(), "idempotency-key".to_owned()];
            return Err(Error::Invalid(Invalid { at, why: why.to_owned() }));
        }
        control.announcer().heal(&known).await?;
        Ok(known)
    }

    async fn event(&self, control: &ControlPlane) -> Result<Event, Error> {
        let payload = self.payload.bytes.as_slice();
        // Two requests may race for one id with different bytes: each has its own object.
        let key = format!("events/{}/payload-{}", self.id.bare(), fingerprint(payload));
        Ok(Event {
            id: self.id.clone(),
            application: self.application.clone(),
            event_type: self.event_type.clone(),
            origin: Origin::Published { event_id: self.event_id.clone() },
            fingerprint: self.fingerprint.clone(),
            payload: control.bucket().carry(&key, payload).await?,
            said: None,
            job: None,
            batch_id: None,
            outcome: EventOutcome::Announced,
            channels: self.channels.clone(),
            created_at: control.now(),
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
            asked: self.asked.clone(),
            expunged_at: None,
        })
    }
}

/// What is asked for beside, once it was checked.
fn asked(given: &MessageIn, now: Timestamp) -> Result<PublishOptions, Error> {
    let tags = given.tags.clone().unwrap_or_default();
    let fits = |tag: &String| {
        (1..=128).contains(&tag.len()) && !tag.chars().any(|char| char.is_control() || char == ',')
    };
    if 8 < tags.len() || !tags.iter().all(fits) {
        return Err(Error::field("tags", "has at most 8 entries of 1 to 128 characters"));
    }
    let content_type = given.transformations_params.as_ref().and_then(|params| {
        let named = |(name, _): &(&String, _)| name.eq_ignore_ascii_case("content-type");
        params.raw_payload.as_ref()?;
        params.headers.iter().find(named).map(|(_, value)| value.clone())
    });
    if content_type.as_ref().is_some_and(|kind| HeaderValue::from_str(kind).is_err()) {
        return Err(Error::field("transformationsParams", "has a content-type that is no header"));
    }
    let deliver_at = given.deliver_at.as_deref().map(|text| {
        let at = instant(text).filter(|at| {
            let ahead = at.since(now);
            // Its clock is not ours.
            (MINUTE / 2..=DAY + MINUTE).contains(&ahead)
        });
        at.ok_or_else(|| Error::field("deliverAt", "is a time a minute to a day ahead"))
    });
    Ok(PublishOptions {
        tags,
        content_type,
        deliver_at: deliver_at.transpose()?,
        content_until: kept(given, now)?,
    })
}

/// Until when the payload is kept, if that is not as long as the message.
fn kept(given: &MessageIn, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let hours = match (given.payload_retention_period, given.payload_retention_hours) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let why = "cannot stand beside payloadRetentionPeriod";
            return Err(Error::field("payloadRetentionHours", why));
        }
        (Some(days), None) if (5..=90).contains(&days) => days * 24,
        (Some(_), None) => return Err(Error::field("payloadRetentionPeriod", "is 5 to 90 days")),
        (None, Some(hours)) if (1..=2160).contains(&hours) => hours,
        (None, Some(_)) => return Err(Error::field("payloadRetentionHours", "is 1 to 2160 hours")),
    };
    let hours = u64::try_from(hours).unwrap_or_default();
    Ok(Some(now.plus(Duration::from_secs(hours * 3600))))
}

/// The same request again is the same: of what is counted from now, that it was asked for.
fn said(asked: &PublishOptions) -> PublishOptions {
    PublishOptions { content_until: asked.content_until.map(|_| Timestamp(0)), ..asked.clone() }
}

/// A message that nobody sends.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessagePrecheckIn {
    event_type: String,
    channels: Option<Vec<String>>,
}

/// Whether it would go anywhere.
#[derive(Serialize, ToSchema)]
struct MessagePrecheckOut {
    /// Whether an enabled endpoint wants such a message; one that chooses by the payload may.
    active: bool,
}

/// Whether a message of this type on these channels would go to anybody.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/precheck/active", tag = "svix: message", operation_id = "v1.message.precheck",
    params(("app" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = MessagePrecheckIn,
    responses((status = 200, body = MessagePrecheckOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn precheck(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Body(given): Body<MessagePrecheckIn>,
) -> Result<Json<MessagePrecheckOut>, Error> {
    if !is_identifier(&given.event_type, 256) {
        return Err(Error::field("eventType", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
    }
    let application = applications::resolve(&control, &app).await?.id;
    let channels = names::distinct("channels", given.channels, names::MAX_CHANNEL, 5)?;
    let id = EventId::derive(&["precheck"]);
    let now = control.now();
    let mut event = Event::by_relay(id, application.clone(), &given.event_type, b"{}", now);
    event.channels = channels;
    let endpoints = control.table().endpoints(&application).await?;
    let active = endpoints.iter().any(|one| one.disabled.is_none() && one.wants(&event));
    Ok(Json(MessagePrecheckOut { active }))
}
