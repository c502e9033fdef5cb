//! Messages: what is published, and every event of an application in Svix's words.

use std::sync::Arc;

use adapters::table::Recorded;
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use dispatch::announce::Announcement;
use domain::{
    event::{Event, Origin, Outcome},
    id::{ApplicationId, EventId, is_identifier},
    profile::fingerprint,
};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    applications, endpoint_in,
    error::{HttpErrorOut, ValidationErrorOut},
    page::ListResponse,
};
use crate::{
    Api, Routes,
    error::{Error, Invalid},
    idempotency,
    input::{Body, Params},
    page::{Walk, Wanted, place_before, walk},
};

/// Most payload bytes of one answer: Lambda answers 6 MB at most.
const MAX_CONTENT: usize = 4 * 1024 * 1024;

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(create, list)).routes(routes!(get))
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
}

/// A message as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageOut {
    id: String,
    event_id: Option<String>,
    event_type: String,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    channels: Option<Vec<String>>,
    #[schema(format = DateTime)]
    timestamp: String,
}

impl MessageOut {
    fn of(event: Event, payload: Box<RawValue>) -> Self {
        let event_id = match event.origin {
            Origin::Published { event_id } => event_id,
            Origin::Source { .. } | Origin::Relay => None,
        };
        Self {
            id: event.id.message(),
            event_id,
            event_type: event.event_type,
            payload,
            channels: (!event.channels.is_empty()).then_some(event.channels),
            timestamp: event.created_at.rfc3339(),
        }
    }
}

/// The event of an application that a path names.
pub(super) async fn resolve(
    api: &Api,
    application: &ApplicationId,
    name: &str,
) -> Result<Event, Error> {
    let id = EventId::parse(name).map_err(|_| Error::NotFound)?;
    let event = api.table.event(&id).await?.filter(|event| event.application == *application);
    event.ok_or(Error::NotFound)
}

async fn content(api: &Api, event: &Event, wanted: bool) -> Result<Box<RawValue>, Error> {
    if !wanted {
        return Ok(empty());
    }
    let bytes = api.bucket.open(event.payload.clone()).await?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| empty()))
}

fn empty() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_default()
}

/// Publishes a message to the endpoints that want it.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg", tag = "svix: message", operation_id = "v1.message.create",
    params(("app" = String, Path), ("with_content" = Option<bool>, Query),
        ("idempotency-key" = Option<String>, Header, description = "The same key and body again is the same message.")),
    request_body = MessageIn,
    responses((status = 202, body = MessageOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut), (status = 413, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn create(
    State(api): State<Arc<Api>>,
    Path(app): Path<String>,
    params: Params,
    headers: HeaderMap,
    Body(given): Body<MessageIn>,
) -> Result<(StatusCode, Json<MessageOut>), Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let with_content = params.flag("with_content", true)?;
    let key = idempotency_key(&headers)?;
    let publication = Publication::of(given, application, key)?;
    let event = publication.record(&api).await?;
    let payload = if with_content { publication.payload } else { empty() };
    Ok((StatusCode::ACCEPTED, Json(MessageOut::of(event, payload))))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    idempotency::checked(key.as_bytes())?;
    Ok(key.to_str().ok())
}

/// A message that was checked.
struct Publication {
    id: EventId,
    application: ApplicationId,
    event_type: String,
    event_id: Option<String>,
    channels: Vec<String>,
    payload: Box<RawValue>,
    /// Of everything in it, the idempotency key included.
    fingerprint: String,
    /// Whether there is such a key: then the same request again is answered as the first time.
    keyed: bool,
}

impl Publication {
    fn of(given: MessageIn, application: ApplicationId, key: Option<&str>) -> Result<Self, Error> {
        if !is_identifier(&given.event_type, 256) {
            return Err(Error::field("eventType", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        if given.event_id.as_ref().is_some_and(|id| !is_identifier(id, 256)) {
            return Err(Error::field("eventId", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        if !given.payload.get().starts_with('{') {
            return Err(Error::field("payload", "must be a JSON object"));
        }
        let channels = endpoint_in::names("channels", given.channels, 128, 5)?;
        let derive = |kind, name| EventId::derive(&["published", application.as_str(), kind, name]);
        let id = match (&given.event_id, key) {
            (Some(event_id), _) => derive("event-id", event_id),
            (None, Some(key)) => derive("idempotency-key", key),
            (None, None) => EventId::random(adapters::random::bytes()),
        };
        let (key, keyed) = (key.unwrap_or_default(), key.is_some());
        let channels_said = channels.join(",");
        let all = [key, &given.event_type, &channels_said, given.payload.get()].join("\n");
        Ok(Self {
            id,
            application,
            keyed,
            event_type: given.event_type,
            event_id: given.event_id,
            channels,
            payload: given.payload,
            fingerprint: fingerprint(all.as_bytes()),
        })
    }

    /// Records it with its deliveries, once.
    async fn record(&self, api: &Api) -> Result<Event, Error> {
        // The first time round the event is only looked for if it can be there.
        let mut look = self.event_id.is_some() || self.keyed;
        for _ in 0..5 {
            if look && let Some(known) = api.table.event(&self.id).await? {
                return self.again(api, known).await;
            }
            let event = self.event(api).await?;
            let endpoints = api.table.endpoints(&self.application).await?;
            let announcement = Announcement {
                event: &event,
                payload: self.payload.get().as_bytes(),
                job: None,
                marker: None,
                endpoints: &endpoints,
            };
            match api.announcer.announce(&announcement).await? {
                Recorded::New => return Ok(event),
                Recorded::Contested => look = true,
            }
        }
        let busy = "it was contested five times";
        Err(adapters::Unavailable::new("recording a message", busy).into())
    }

    async fn again(&self, api: &Api, known: Event) -> Result<Event, Error> {
        if known.fingerprint != self.fingerprint || !self.keyed {
            if self.event_id.is_some() {
                let why = "a message with that eventId exists already";
                return Err(Error::Conflict(why.to_owned()));
            }
            let why = "the same key came with another body before";
            let at = vec!["header".to_owned(), "idempotency-key".to_owned()];
            return Err(Error::Invalid(Invalid { at, why: why.to_owned() }));
        }
        api.announcer.heal(&known).await?;
        Ok(known)
    }

    async fn event(&self, api: &Api) -> Result<Event, Error> {
        let payload = self.payload.get().as_bytes();
        // Two requests may race for one id with different bytes: each has its own object.
        let key = format!("events/{}/payload-{}", self.id.bare(), fingerprint(payload));
        Ok(Event {
            id: self.id.clone(),
            application: self.application.clone(),
            event_type: self.event_type.clone(),
            origin: Origin::Published { event_id: self.event_id.clone() },
            fingerprint: self.fingerprint.clone(),
            payload: api.bucket.carry(&key, payload).await?,
            said: None,
            job: None,
            batch_id: None,
            outcome: Outcome::Announced,
            channels: self.channels.clone(),
            created_at: api.clock.now(),
            duplicates: 0,
            conflicts: 0,
            webhooks: 0,
        })
    }
}

/// Which events a list is to show.
pub(super) struct Chosen<'p> {
    types: Vec<&'p str>,
    channel: Option<&'p str>,
}

impl<'p> Chosen<'p> {
    pub(super) fn read(params: &'p Params) -> Self {
        Self { types: params.all("event_types"), channel: params.text("channel") }
    }

    /// Whether it chooses at all.
    pub(super) fn all(&self) -> bool {
        self.types.is_empty() && self.channel.is_none()
    }

    pub(super) fn fits(&self, event: &Event) -> bool {
        let fits_type = self.types.is_empty() || self.types.contains(&event.event_type.as_str());
        let on = |channel: &str| event.channels.iter().any(|own| own == channel);
        fits_type && self.channel.is_none_or(on)
    }
}

/// The messages of an application, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg", tag = "svix: message", operation_id = "v1.message.list",
    params(("app" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("channel" = Option<String>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("with_content" = Option<bool>, Query),
        ("event_types" = Option<Vec<String>>, Query)),
    responses((status = 200, body = ListResponse<MessageOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(api): State<Arc<Api>>,
    Path(app): Path<String>,
    params: Params,
) -> Result<Json<ListResponse<MessageOut>>, Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let wanted = Wanted::by_time(&params)?;
    let (before, after) = (params.instant("before")?, params.instant("after")?);
    let chosen = Chosen::read(&params);
    let with_content = params.flag("with_content", true)?;
    let from = match (wanted.cursor, before, after, wanted.back) {
        (None, Some(before), _, false) => Some(place_before(before)),
        (None, _, Some(after), true) => Some(place_before(after)),
        (cursor, ..) => cursor,
    };
    let fits = |event: &Event| {
        let fresh = after.is_none_or(|after| after < event.created_at);
        fresh && before.is_none_or(|before| event.created_at < before) && chosen.fits(event)
    };
    let fetch = |cursor: Option<String>, limit| {
        let (api, application) = (&api, &application);
        async move { api.table.events(application, cursor.as_deref(), limit, wanted.back).await }
    };
    let place = adapters::table::Table::event_cursor;
    let Walk { items, mut next } = walk(from, wanted.limit, fetch, fits, place).await?;
    let api = &api;
    let opened = stream::iter(items).map(|event| async move {
        let payload = content(api, &event, with_content).await?;
        Ok::<_, Error>((event, payload))
    });
    let mut opened = Box::pin(opened.buffered(8));
    let (mut data, mut places, mut size) = (Vec::new(), Vec::new(), 0);
    while let Some(one) = opened.next().await {
        let (event, payload) = one?;
        size += payload.get().len();
        if MAX_CONTENT < size && !data.is_empty() {
            // The rest is for another page.
            next = places.last().cloned();
            break;
        }
        places.push(place(&event));
        data.push(MessageOut::of(event, payload));
    }
    if wanted.back {
        data.reverse();
        places.reverse();
    }
    let (first, last) = (places.first().cloned(), places.last().cloned());
    Ok(Json(ListResponse::new(data, wanted.back, first, last, next)))
}

/// One message.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}", tag = "svix: message", operation_id = "v1.message.get",
    params(("app" = String, Path), ("msg" = String, Path), ("with_content" = Option<bool>, Query)),
    responses((status = 200, body = MessageOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(api): State<Arc<Api>>,
    Path((app, msg)): Path<(String, String)>,
    params: Params,
) -> Result<Json<MessageOut>, Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let event = resolve(&api, &application, &msg).await?;
    let payload = content(&api, &event, params.flag("with_content", true)?).await?;
    Ok(Json(MessageOut::of(event, payload)))
}
