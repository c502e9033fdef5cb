//! What was sent to an endpoint, and where a message was sent: each with how it stands.

use std::{collections::BTreeMap, sync::Arc};

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    id::EndpointId,
    standing::DeliveryStanding,
};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    attempts::status_param,
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
    messages::{self, Chosen, MessageOut},
    page::{self, ListResponse},
};
use crate::web::{Routes, error::Error, page::Wanted, params::Params};
use manage::{ControlPlane, MAX_SCANNED, applications};

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(attempted_messages)).read(routes!(attempted_destinations))
}

/// How a message stands with an endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stands {
    /// 0 is success, 1 pending, 2 failure, 3 to be tried again, 4 cancelled. That is told to those who
    /// ask with `expanded_statuses`; others read it as a failure, for it did not arrive.
    status: u8,
    status_text: &'static str,
    #[schema(format = DateTime)]
    next_attempt: Option<String>,
}

impl Stands {
    fn of(delivery: &Delivery, expanded: bool) -> Self {
        let standing = DeliveryStanding::of(delivery);
        let pending = delivery.state == DeliveryState::Pending;
        Self {
            status: standing.code(expanded),
            status_text: standing.word(expanded),
            next_attempt: pending.then(|| delivery.next_at.rfc3339()),
        }
    }
}

/// A message, and how it stands with the endpoint that was asked about.
#[derive(Serialize, ToSchema)]
struct EndpointMessageOut {
    #[serde(flatten)]
    message: MessageOut,
    #[serde(flatten)]
    stands: Stands,
}

/// The messages that went or go to an endpoint, the most recently attempted first.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/msg", tag = "svix: attempt", operation_id = "v1.message-attempt.list-attempted-messages",
    params(("app" = String, Path), ("endpoint" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query),
        ("channel" = Option<String>, Query), ("tag" = Option<String>, Query), ("status" = Option<u8>, Query), ("before" = Option<String>, Query, format = DateTime),
        ("after" = Option<String>, Query, format = DateTime), ("with_content" = Option<bool>, Query), ("expanded_statuses" = Option<bool>, Query), ("event_types" = Option<Vec<String>>, Query)),
    responses((status = 200, body = ListResponse<EndpointMessageOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn attempted_messages(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<EndpointMessageOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?;
    let wanted = Wanted::by_time(&params)?;
    let expanded = params.flag("expanded_statuses", false)?;
    let with_content = params.flag("with_content", true)?;
    let status = status_param(&params)?;
    let (before, after) = (params.instant("before")?, params.instant("after")?);
    let chosen = Chosen::read(&params);
    let fits = |delivery: &Delivery, event: &Event| {
        status.is_none_or(|status| status == DeliveryStanding::of(delivery).code(expanded))
            && before.is_none_or(|before| event.created_at < before)
            && after.is_none_or(|after| after < event.created_at)
            && chosen.fits(event)
    };
    let found = walk(&control, &endpoint.id, &wanted, fits).await?;
    let Found { deliveries, events, mut next } = found;
    let opened = messages::open(&control, events, with_content).await?;
    let shown = opened.len();
    let mut places: Vec<String> = deliveries.iter().map(Table::delivery_cursor).collect();
    if shown < places.len() {
        places.truncate(shown);
        next = places.last().cloned();
    }
    let show = |((event, payload), delivery): (_, &Delivery)| EndpointMessageOut {
        message: MessageOut::of(event, payload),
        stands: Stands::of(delivery, expanded),
    };
    let mut data: Vec<_> = opened.into_iter().zip(&deliveries).map(show).collect();
    if wanted.back {
        data.reverse();
        places.reverse();
    }
    let (first, last) = (places.first().cloned(), places.last().cloned());
    Ok(Json(ListResponse::new(data, wanted.back, first, last, next)))
}

/// Deliveries with their events, and where to go on.
struct Found {
    deliveries: Vec<Delivery>,
    events: Vec<Event>,
    next: Option<String>,
}

async fn walk(
    control: &ControlPlane,
    endpoint: &EndpointId,
    wanted: &Wanted,
    fits: impl Fn(&Delivery, &Event) -> bool,
) -> Result<Found, Error> {
    let mut found = Found { deliveries: Vec::new(), events: Vec::new(), next: None };
    let (mut cursor, mut seen) = (wanted.cursor.clone(), 0);
    loop {
        let limit = wanted.limit.min(100);
        let page =
            control.table().deliveries_to(endpoint, cursor.as_deref(), limit, wanted.back).await?;
        let events = messages::of(control, &page.items).await?;
        let count = page.items.len();
        seen += count;
        for (index, delivery) in page.items.into_iter().enumerate() {
            let place = Table::delivery_cursor(&delivery);
            if let Some(event) = events.iter().find(|event| event.id == delivery.event)
                && fits(&delivery, event)
            {
                found.deliveries.push(delivery);
                found.events.push(event.clone());
            }
            if found.deliveries.len() == wanted.limit {
                let more = page.next.is_some() || index + 1 < count;
                found.next = more.then_some(place);
                return Ok(found);
            }
        }
        cursor = page.next;
        if cursor.is_none() || MAX_SCANNED <= seen {
            found.next = cursor;
            return Ok(found);
        }
    }
}

/// An endpoint, and how the message that was asked about stands with it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageEndpointOut {
    id: String,
    uid: Option<String>,
    url: String,
    description: String,
    disabled: bool,
    event_types: Option<Vec<String>>,
    filter_types: Option<Vec<String>>,
    channels: Option<Vec<String>>,
    throttle_rate: Option<u16>,
    rate_limit: Option<u16>,
    version: u64,
    #[serde(flatten)]
    stands: Stands,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl MessageEndpointOut {
    fn of(endpoint: Endpoint, delivery: &Delivery, expanded: bool) -> Self {
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let event_types = some(endpoint.event_types);
        Self {
            id: endpoint.id.to_string(),
            uid: endpoint.uid,
            url: endpoint.url,
            description: endpoint.description,
            disabled: endpoint.disabled.is_some(),
            filter_types: event_types.clone(),
            event_types,
            channels: some(endpoint.channels),
            throttle_rate: endpoint.throttle_rate,
            rate_limit: endpoint.throttle_rate,
            version: endpoint.version,
            stands: Stands::of(delivery, expanded),
            created_at: endpoint.created_at.rfc3339(),
            updated_at: endpoint.updated_at.rfc3339(),
        }
    }
}

/// The endpoints that a message went or goes to, by id, but for those that were deleted.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}/endpoint", tag = "svix: attempt", operation_id = "v1.message-attempt.list-attempted-destinations",
    params(("app" = String, Path), ("msg" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("expanded_statuses" = Option<bool>, Query)),
    responses((status = 200, body = ListResponse<MessageEndpointOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn attempted_destinations(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<MessageEndpointOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = messages::resolve(&control, &application, &msg).await?;
    // Of several deliveries to one endpoint, the newest says how the message stands.
    let mut newest: BTreeMap<EndpointId, Delivery> = BTreeMap::new();
    for delivery in control.table().deliveries_of(&event.id).await? {
        let known = newest.get(&delivery.endpoint);
        if known.is_none_or(|known| known.generation < delivery.generation) {
            newest.insert(delivery.endpoint.clone(), delivery);
        }
    }
    let endpoints = newest.into_values().map(|delivery| async {
        let table = control.table();
        let found = table.endpoint_of(&application, &delivery.scope, &delivery.endpoint).await?;
        Ok::<_, Error>(found.map(|endpoint| (endpoint, delivery)))
    });
    let entries = try_join_all(endpoints).await?.into_iter().flatten().collect();
    let expanded = params.flag("expanded_statuses", false)?;
    let id = |(endpoint, _): &(Endpoint, Delivery)| endpoint.id.to_string();
    let show = |(endpoint, delivery)| MessageEndpointOut::of(endpoint, &delivery, expanded);
    page::part(entries, &params, id, show).map(Json)
}
