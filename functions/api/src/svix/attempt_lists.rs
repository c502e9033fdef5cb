//! Lists of attempts, by message and by endpoint.

use std::sync::Arc;

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Attempt, Delivery},
    event::Event,
    id::{AttemptId, DeliveryId, EndpointId, EventId},
};
use utoipa_axum::routes;

use super::{
    attempts::{Filter, MessageAttemptOut, calls},
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
    messages::{self, Chosen},
    page::ListResponse,
};
use crate::web::{
    Routes,
    error::Error,
    page::{Wanted, is_place},
    params::Params,
};
use manage::{ControlPlane, MAX_SCANNED, applications};

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(by_endpoint)).read(routes!(by_message))
}

/// The attempts of a message, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/msg/{msg}", tag = "svix: attempt", operation_id = "v1.message-attempt.list-by-msg",
    params(("app" = String, Path), ("msg" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query),
        ("status" = Option<u8>, Query), ("status_code_class" = Option<u16>, Query), ("endpoint_id" = Option<String>, Query), ("channel" = Option<String>, Query), ("tag" = Option<String>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("event_types" = Option<Vec<String>>, Query), ("with_content" = Option<bool>, Query)),
    responses((status = 200, body = ListResponse<MessageAttemptOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn by_message(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = messages::resolve(&control, &application, &msg).await?;
    let wanted = Wanted::by_time(&params)?;
    let filter = Filter::read(&params)?;
    let mut deliveries = control.table().deliveries_of(&event.id).await?;
    if let Some(name) = params.text("endpoint_id") {
        let endpoint = endpoints::resolve(&control, &application, name).await?;
        deliveries.retain(|delivery| delivery.endpoint == endpoint.id);
    }
    if !Chosen::read(&params).fits(&event) {
        deliveries.clear();
    }
    let each =
        deliveries.iter().flat_map(|delivery| calls(delivery).map(move |call| (delivery, call)));
    let place = |call: &Attempt| format!("{:013}#{}", call.at.0, call.id);
    let mut found: Vec<_> = each.filter(|(_, call)| filter.fits(call)).collect();
    found.sort_by_key(|(_, call)| std::cmp::Reverse(place(call)));
    if wanted.back {
        found.reverse();
    }
    if let Some(cursor) = &wanted.cursor {
        let behind = |here: &String| if wanted.back { cursor < here } else { here < cursor };
        found.retain(|(_, call)| behind(&place(call)));
    }
    let more = wanted.limit < found.len();
    found.truncate(wanted.limit);
    let next = found.last().map(|(_, call)| place(call)).filter(|_| more);
    if wanted.back {
        found.reverse();
    }
    let at = |entry: Option<&(&Delivery, &Attempt)>| entry.map(|(_, call)| place(call));
    let (first, last) = (at(found.first()), at(found.last()));
    let data = found.into_iter().map(|(delivery, call)| filter.show(delivery, call, Some(&event)));
    Ok(Json(ListResponse::new(data.collect(), wanted.back, first, last, next)))
}

/// The attempts to an endpoint: the most recently attempted message first, each with its attempts
/// from the newest to the oldest. An iterator names an attempt, so a list that changes meanwhile is
/// gone on with where it was left.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/endpoint/{endpoint}", tag = "svix: attempt", operation_id = "v1.message-attempt.list-by-endpoint",
    params(("app" = String, Path), ("endpoint" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query),
        ("status" = Option<u8>, Query), ("status_code_class" = Option<u16>, Query), ("channel" = Option<String>, Query), ("tag" = Option<String>, Query), ("with_msg" = Option<bool>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("event_types" = Option<Vec<String>>, Query), ("with_content" = Option<bool>, Query)),
    responses((status = 200, body = ListResponse<MessageAttemptOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn by_endpoint(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?;
    let wanted = Wanted::read(&params)?;
    let from = wanted.cursor.as_deref().map(At::read).transpose()?;
    let walk = Walk {
        control: &control,
        endpoint: &endpoint.id,
        filter: Filter::read(&params)?,
        chosen: Chosen::read(&params),
        back: wanted.back,
        // One more shows whether there is more.
        most: wanted.limit + 1,
    };
    let (mut found, mut next) = walk.from(from).await?;
    if wanted.limit < found.len() {
        found.truncate(wanted.limit);
        next = found.last().map(|(at, _)| at.clone());
    }
    if wanted.back {
        found.reverse();
    }
    let (places, data): (Vec<String>, Vec<_>) = found.into_iter().unzip();
    let (first, last) = (places.first().cloned(), places.last().cloned());
    Ok(Json(ListResponse::new(data, wanted.back, first, last, next)))
}

/// Where a list of attempts is left: behind a delivery, or within it behind an attempt.
struct At {
    /// The delivery's place in its endpoint's list.
    place: String,
    /// The event and the attempt, by which both are found again should the place have changed.
    within: Option<(EventId, AttemptId)>,
}

impl At {
    fn print(event: &EventId, delivery: &Delivery, attempt: &AttemptId) -> String {
        format!("{}~{}~{attempt}", Table::delivery_cursor(delivery), event.event())
    }

    fn read(text: &str) -> Result<Self, Error> {
        let unknown = || Error::param("iterator", "is not one of ours");
        let mut parts = text.split('~');
        let place = parts.next().filter(|place| is_place(place)).ok_or_else(unknown)?.to_owned();
        let within = match (parts.next(), parts.next(), parts.next()) {
            (None, None, None) => None,
            (Some(event), Some(attempt), None) => {
                let event = EventId::parse(event).map_err(|_| unknown())?;
                Some((event, AttemptId::parse(attempt).map_err(|_| unknown())?))
            }
            _ => return Err(unknown()),
        };
        Ok(Self { place, within })
    }

    fn delivery(&self) -> Option<DeliveryId> {
        DeliveryId::parse(self.place.split_once('#')?.1).ok()
    }
}

/// A way through the attempts to an endpoint, in one of two directions.
struct Walk<'a> {
    control: &'a ControlPlane,
    endpoint: &'a EndpointId,
    filter: Filter,
    chosen: Chosen<'a>,
    back: bool,
    most: usize,
}

type Found = Vec<(String, MessageAttemptOut)>;

impl Walk<'_> {
    /// What is found, and where to go on if a request has seen enough before that was much.
    async fn from(&self, at: Option<At>) -> Result<(Found, Option<String>), Error> {
        let mut found = Found::new();
        let begun = at.as_ref().and_then(At::delivery);
        if let Some(At { within: Some((event, attempt)), .. }) = &at
            && let Some(id) = &begun
            && let Some(delivery) = self.control.table().delivery(event, id).await?
            && delivery.endpoint == *self.endpoint
        {
            let event = self.control.table().event(event).await?;
            let calls = self.ordered(&delivery);
            let behind = calls.iter().position(|call| call.id == *attempt);
            let rest = behind.map_or(&calls[..0], |behind| &calls[behind + 1..]);
            self.take(&delivery, rest, event.as_ref(), &mut found);
        }
        let (mut cursor, mut seen) = (at.map(|at| at.place), 0);
        while found.len() < self.most {
            let limit = self.most.clamp(10, 100);
            let table = &self.control.table();
            let page = table.deliveries_to(self.endpoint, cursor.as_deref(), limit, self.back);
            let page = page.await?;
            let events = self.events(&page.items).await?;
            for delivery in &page.items {
                if found.len() < self.most && begun.as_ref() != Some(&delivery.id) {
                    let event = events.iter().find(|event| event.id == delivery.event);
                    self.take(delivery, &self.ordered(delivery), event, &mut found);
                }
            }
            seen += page.items.len();
            let last = page.items.last();
            let passed = last.is_some_and(|last| !self.back && self.is_over(last));
            cursor = page.next.filter(|_| !passed);
            if cursor.is_none() {
                return Ok((found, None));
            }
            if MAX_SCANNED <= seen {
                break;
            }
        }
        Ok((found, cursor))
    }

    /// Its calls, in the order in which they are met.
    fn ordered<'d>(&self, delivery: &'d Delivery) -> Vec<&'d Attempt> {
        if self.back { calls(delivery).rev().collect() } else { calls(delivery).collect() }
    }

    /// Whether all that lies behind was attempted last before what is asked for.
    fn is_over(&self, delivery: &Delivery) -> bool {
        let last = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
        self.filter.after.is_some_and(|after| last < after)
    }

    fn take(
        &self,
        delivery: &Delivery,
        calls: &[&Attempt],
        event: Option<&Event>,
        found: &mut Found,
    ) {
        if !self.chosen.all() && !event.is_some_and(|event| self.chosen.fits(event)) {
            return;
        }
        for call in calls.iter().filter(|call| self.filter.fits(call)) {
            let at = At::print(&delivery.event, delivery, &call.id);
            found.push((at, self.filter.show(delivery, call, event)));
        }
    }

    /// The deliveries' events, if anybody looks at them.
    async fn events(&self, deliveries: &[Delivery]) -> Result<Vec<Event>, Error> {
        if self.chosen.all() && !self.filter.with_msg {
            return Ok(Vec::new());
        }
        messages::of(self.control, deliveries).await
    }
}
