//! Messages that went or go to an endpoint, and endpoints that a message went or goes to.

use std::collections::BTreeMap;

use adapters::table::Table;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    id::{ApplicationId, EndpointId},
};
use futures::future::try_join_all;

use crate::{ControlPlane, MAX_SCANNED, PageRequest, Part, Refusal, messages};

/// Most deliveries that are read at once: their events are read with one request.
const MAX_READ: usize = 100;
/// Endpoints that are read at the same time.
const AT_ONCE: usize = 64;

/// Deliveries to an endpoint with their events, newest first: by creation, or by the end of one that took more than one attempt.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn messages_to(
    control: &ControlPlane,
    endpoint: &EndpointId,
    request: PageRequest,
    fits: impl Fn(&Delivery, &Event) -> bool,
) -> Result<Part<(Delivery, Event)>, Refusal> {
    let PageRequest { mut cursor, back, limit } = request;
    let (mut entries, mut scanned) = (Vec::new(), 0);
    loop {
        let most = limit.min(MAX_READ);
        let page = control.table().deliveries_to(endpoint, cursor.as_deref(), most, back).await?;
        let events = messages::of_deliveries(control, &page.items).await?;
        let count = page.items.len();
        scanned += count;
        for (index, delivery) in page.items.into_iter().enumerate() {
            let place = Table::delivery_cursor(&delivery);
            let event = events.iter().find(|event| event.id == delivery.event);
            if let Some(event) = event.filter(|event| fits(&delivery, event)) {
                entries.push((place.clone(), (delivery, event.clone())));
            }
            if entries.len() == limit {
                let more = page.next.is_some() || index + 1 < count;
                return Ok(Part { entries, next: more.then_some(place) });
            }
        }
        cursor = page.next;
        if cursor.is_none() || MAX_SCANNED <= scanned {
            return Ok(Part { entries, next: cursor });
        }
    }
}

/// The cursor of a message in the list of [`messages_to`]; `None` if it is not in the list.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn place_of_message(
    control: &ControlPlane,
    application: &ApplicationId,
    endpoint: &EndpointId,
    message: &str,
) -> Result<Option<String>, Refusal> {
    let event = match messages::resolve(control, application, message).await {
        Ok(event) => event,
        Err(Refusal::NotFound) => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    let newest = control.table().delivery_to(&event.id, endpoint).await?;
    Ok(newest.map(|delivery| Table::delivery_cursor(&delivery)))
}

/// The endpoints that a message went or goes to, by id, each with the newest delivery to it, those
/// that were deleted included.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the application has no such message.
pub async fn destinations(
    control: &ControlPlane,
    application: &ApplicationId,
    message: &str,
) -> Result<Vec<(Endpoint, Delivery)>, Refusal> {
    let event = messages::resolve(control, application, message).await?;
    let mut newest: BTreeMap<EndpointId, Delivery> = BTreeMap::new();
    for delivery in control.table().deliveries_of(&event.id).await? {
        let known = newest.get(&delivery.endpoint);
        if known.is_none_or(|known| known.generation < delivery.generation) {
            newest.insert(delivery.endpoint.clone(), delivery);
        }
    }
    let find = |delivery: Delivery| async move {
        let table = control.table();
        let found = table.endpoint_of(application, &delivery.scope, &delivery.endpoint).await?;
        let found = match found {
            Some(endpoint) => Some(endpoint),
            None => table.deleted_endpoint(application, &delivery.endpoint).await?,
        };
        Ok::<_, Refusal>(found.map(|endpoint| (endpoint, delivery)))
    };
    let (mut found, mut newest) = (Vec::new(), newest.into_values());
    loop {
        let some: Vec<Delivery> = newest.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return Ok(found);
        }
        found.extend(try_join_all(some.into_iter().map(find)).await?.into_iter().flatten());
    }
}
