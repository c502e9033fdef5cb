//! Messages: every event of an application in Svix's words, shown and listed.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::Delivery,
    event::{Event, Origin},
    id::{ApplicationId, EventId, is_identifier},
};
use futures::{StreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::{HttpErrorOut, ValidationErrorOut},
    page::ListResponse,
};
use crate::web::{
    Routes,
    error::Error,
    page::{Wanted, place_before},
    params::Params,
};
use manage::{ControlPlane, Walk, applications, walk};

/// Most payload bytes of one answer: Lambda answers 6 MB at most.
const MAX_CONTENT: usize = 4 * 1024 * 1024;

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(list)).read(routes!(get))
}

/// A message as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageOut {
    id: String,
    event_id: Option<String>,
    event_type: String,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    channels: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    #[schema(format = DateTime)]
    timestamp: String,
    /// Not to be delivered before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    deliver_at: Option<String>,
}

impl MessageOut {
    pub(super) fn of(event: Event, payload: Box<RawValue>) -> Self {
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
            tags: (!event.asked.tags.is_empty()).then_some(event.asked.tags),
            timestamp: event.created_at.rfc3339(),
            deliver_at: event.asked.deliver_at.map(|at| at.rfc3339()),
        }
    }
}

/// The id of the message that a publisher gave an id of its own.
pub(super) fn id_of(application: &ApplicationId, event_id: &str) -> EventId {
    EventId::derive(&["published", application.as_str(), "event-id", event_id])
}

/// The event of an application that a path names by its id or its publisher's own.
pub(super) async fn resolve(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<Event, Error> {
    let ours = EventId::parse(name).ok();
    let theirs = is_identifier(name, 256).then(|| id_of(application, name));
    for id in [ours, theirs].into_iter().flatten() {
        let event = control.table().event(&id).await?;
        if let Some(event) = event.filter(|event| event.application == *application) {
            return Ok(event);
        }
    }
    Err(Error::NotFound)
}

/// The events of deliveries, in no order; those that are gone are left out.
pub(super) async fn of(
    control: &ControlPlane,
    deliveries: &[Delivery],
) -> Result<Vec<Event>, Error> {
    let mut ids: Vec<EventId> = deliveries.iter().map(|one| one.event.clone()).collect();
    ids.sort();
    ids.dedup();
    Ok(control.table().events_of(&ids).await?)
}

async fn content(
    control: &ControlPlane,
    event: &Event,
    wanted: bool,
) -> Result<Box<RawValue>, Error> {
    if !wanted {
        return Ok(empty());
    }
    if event.is_expunged(control.now()) {
        return Ok(raw(r#"{"expired":true}"#));
    }
    let bytes = control.bucket().open(event.payload.clone()).await?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| empty()))
}

/// The payloads of messages in their order, of as many as one answer holds: the rest is for another.
pub(super) async fn open(
    control: &ControlPlane,
    events: Vec<Event>,
    wanted: bool,
) -> Result<Vec<(Event, Box<RawValue>)>, Error> {
    let opened = stream::iter(events).map(|event| async move {
        let payload = content(control, &event, wanted).await?;
        Ok::<_, Error>((event, payload))
    });
    let mut opened = Box::pin(opened.buffered(8));
    let (mut fitting, mut size) = (Vec::new(), 0);
    while let Some(one) = opened.next().await {
        let (event, payload) = one?;
        size += payload.get().len();
        if MAX_CONTENT < size && !fitting.is_empty() {
            break;
        }
        fitting.push((event, payload));
    }
    Ok(fitting)
}

/// What stands in place of a payload that nobody asked for.
pub(super) fn empty() -> Box<RawValue> {
    raw("{}")
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap_or_default()
}

/// Which events a list is to show.
pub(super) struct Chosen<'p> {
    types: Vec<&'p str>,
    channel: Option<&'p str>,
    tag: Option<&'p str>,
}

impl<'p> Chosen<'p> {
    pub(super) fn read(params: &'p Params) -> Self {
        let (channel, tag) = (params.text("channel"), params.text("tag"));
        Self { types: params.all("event_types"), channel, tag }
    }

    /// Whether it chooses at all.
    pub(super) fn all(&self) -> bool {
        self.types.is_empty() && self.channel.is_none() && self.tag.is_none()
    }

    pub(super) fn fits(&self, event: &Event) -> bool {
        let fits_type = self.types.is_empty() || self.types.contains(&event.event_type.as_str());
        let on = |channel: &str| event.channels.iter().any(|own| own == channel);
        let tagged = |tag: &str| event.asked.tags.iter().any(|own| own == tag);
        fits_type && self.channel.is_none_or(on) && self.tag.is_none_or(tagged)
    }
}

/// The messages of an application, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg", tag = "svix: message", operation_id = "v1.message.list",
    params(("app" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("channel" = Option<String>, Query), ("tag" = Option<String>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("with_content" = Option<bool>, Query),
        ("event_types" = Option<Vec<String>>, Query)),
    responses((status = 200, body = ListResponse<MessageOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    params: Params,
) -> Result<Json<ListResponse<MessageOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
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
        let (control, application) = (&control, &application);
        async move { control.table().events(application, cursor.as_deref(), limit, wanted.back).await }
    };
    let place = adapters::table::Table::event_cursor;
    let Walk { items, mut next } = walk(from, wanted.limit, fetch, fits, place).await?;
    let found = items.len();
    let opened = open(&control, items, with_content).await?;
    let mut places: Vec<String> = opened.iter().map(|(event, _)| place(event)).collect();
    if opened.len() < found {
        next = places.last().cloned();
    }
    let shown = opened.into_iter().map(|(event, payload)| MessageOut::of(event, payload));
    let mut data: Vec<MessageOut> = shown.collect();
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
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    params: Params,
) -> Result<Json<MessageOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = resolve(&control, &application, &msg).await?;
    let payload = content(&control, &event, params.flag("with_content", true)?).await?;
    Ok(Json(MessageOut::of(event, payload)))
}
