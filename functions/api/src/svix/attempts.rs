//! Attempts: every HTTP call that was made, by message or by endpoint.

use std::sync::Arc;

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Attempt, Delivery},
    id::{ApplicationId, AttemptId, EventId},
    retry::ErrorClass,
    time::Timestamp,
};
use futures::future::try_join_all;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    applications, endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
    messages::{self, Chosen},
    page::ListResponse,
};
use crate::{Api, Routes, error::Error, input::Params, page::Wanted};

pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(by_endpoint)).routes(routes!(by_message)).routes(routes!(get))
}

/// An attempt as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageAttemptOut {
    id: String,
    msg_id: String,
    endpoint_id: String,
    url: String,
    /// The first bytes of the answer, or why there was none.
    response: String,
    /// 0 if there was no answer.
    response_status_code: u16,
    response_duration_ms: u64,
    /// 0 is success, 2 is failure.
    status: u8,
    status_text: &'static str,
    /// 0 is by schedule, 1 is by hand.
    trigger_type: u8,
    #[schema(format = DateTime)]
    timestamp: String,
}

const SUCCESS: u8 = 0;
const FAIL: u8 = 2;

fn status(attempt: &Attempt) -> u8 {
    if attempt.error.is_none() { SUCCESS } else { FAIL }
}

fn show(delivery: &Delivery, attempt: &Attempt) -> MessageAttemptOut {
    let status = status(attempt);
    let answered = attempt.status.is_some();
    MessageAttemptOut {
        id: attempt.id.to_string(),
        msg_id: delivery.event.message(),
        endpoint_id: delivery.endpoint.to_string(),
        url: attempt.url.clone(),
        response: if answered { attempt.response.clone() } else { attempt.detail.clone() },
        response_status_code: attempt.status.unwrap_or(0),
        response_duration_ms: attempt.duration_ms,
        status,
        status_text: if status == SUCCESS { "success" } else { "fail" },
        trigger_type: attempt.manual.into(),
        timestamp: attempt.at.rfc3339(),
    }
}

/// The calls of a delivery, newest first. A note of why nothing was called is none.
fn calls(delivery: &Delivery) -> impl Iterator<Item = &Attempt> {
    let called = |attempt: &&Attempt| {
        !matches!(attempt.error, Some(ErrorClass::EndpointDisabled | ErrorClass::CircuitOpen))
    };
    delivery.attempts.iter().rev().filter(called)
}

/// Which attempts a list is to show.
struct Filter {
    with_content: bool,
    status: Option<u8>,
    code_class: Option<u16>,
    before: Option<Timestamp>,
    after: Option<Timestamp>,
}

impl Filter {
    fn read(params: &Params) -> Result<Self, Error> {
        let status = match params.text("status") {
            None => None,
            Some(text) => {
                let status = text.parse().ok().filter(|status| *status <= 3);
                Some(status.ok_or_else(|| Error::param("status", "is 0, 1, 2 or 3"))?)
            }
        };
        let code_class = match params.text("status_code_class") {
            None => None,
            Some(text) => {
                let class = text.parse().ok().filter(|class| *class <= 500 && class % 100 == 0);
                let why = "is 0, 100, 200, 300, 400 or 500";
                Some(class.ok_or_else(|| Error::param("status_code_class", why))?)
            }
        };
        let (before, after) = (params.instant("before")?, params.instant("after")?);
        let with_content = params.flag("with_content", true)?;
        Ok(Self { with_content, status, code_class, before, after })
    }

    fn show(&self, delivery: &Delivery, attempt: &Attempt) -> MessageAttemptOut {
        let mut shown = show(delivery, attempt);
        if !self.with_content {
            shown.response.clear();
        }
        shown
    }

    fn fits(&self, attempt: &Attempt) -> bool {
        let class = attempt.status.unwrap_or(0) / 100 * 100;
        self.status.is_none_or(|wanted| wanted == status(attempt))
            && self.code_class.is_none_or(|wanted| wanted == class)
            && self.before.is_none_or(|before| attempt.at < before)
            && self.after.is_none_or(|after| after < attempt.at)
    }
}

/// The attempts of a message, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/msg/{msg}", tag = "svix: attempt", operation_id = "v1.message-attempt.list-by-msg",
    params(("app" = String, Path), ("msg" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query),
        ("status" = Option<u8>, Query), ("status_code_class" = Option<u16>, Query), ("endpoint_id" = Option<String>, Query), ("channel" = Option<String>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("event_types" = Option<Vec<String>>, Query), ("with_content" = Option<bool>, Query)),
    responses((status = 200, body = ListResponse<MessageAttemptOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn by_message(
    State(api): State<Arc<Api>>,
    Path((app, msg)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let event = messages::resolve(&api, &application, &msg).await?;
    let wanted = Wanted::by_time(&params)?;
    let filter = Filter::read(&params)?;
    let mut deliveries = api.table.deliveries_of(&event.id).await?;
    if let Some(name) = params.text("endpoint_id") {
        let endpoint = endpoints::resolve(&api, &application, name).await?;
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
    let data = found.into_iter().map(|(delivery, call)| filter.show(delivery, call)).collect();
    Ok(Json(ListResponse::new(data, wanted.back, first, last, next)))
}

/// The attempts to an endpoint: the most recently attempted message first, each with its attempts
/// from the newest to the oldest.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/endpoint/{endpoint}", tag = "svix: attempt", operation_id = "v1.message-attempt.list-by-endpoint",
    params(("app" = String, Path), ("endpoint" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query),
        ("status" = Option<u8>, Query), ("status_code_class" = Option<u16>, Query), ("channel" = Option<String>, Query),
        ("before" = Option<String>, Query, format = DateTime), ("after" = Option<String>, Query, format = DateTime), ("event_types" = Option<Vec<String>>, Query), ("with_content" = Option<bool>, Query)),
    responses((status = 200, body = ListResponse<MessageAttemptOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn by_endpoint(
    State(api): State<Arc<Api>>,
    Path((app, endpoint)): Path<(String, String)>,
    params: Params,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&api, &app).await?.id;
    let endpoint = endpoints::resolve(&api, &application, &endpoint).await?;
    let filter = Filter::read(&params)?;
    let chosen = Chosen::read(&params);
    let wanted = Wanted::read(&params)?;
    let (mut cursor, mut skip) = inside(wanted.cursor.as_deref())?;
    let (mut data, mut seen): (Vec<_>, usize) = (Vec::new(), 0);
    let next = loop {
        let page = api.table.deliveries_to(&endpoint.id, cursor.as_deref(), wanted.limit, false);
        let page = page.await?;
        let fitting = fitting(&api, &page.items, &chosen).await?;
        seen += page.items.len();
        let mut end = None;
        'page: for (delivery, fits) in page.items.iter().zip(fitting) {
            let here = Table::delivery_cursor(delivery);
            for (index, call) in calls(delivery).enumerate().skip(std::mem::take(&mut skip)) {
                if data.len() == wanted.limit {
                    // The delivery is named by the one before it, and this many of its own.
                    end = Some(format!("{}~{index}", cursor.as_deref().unwrap_or_default()));
                    break 'page;
                }
                if fits && filter.fits(call) {
                    data.push(filter.show(delivery, call));
                }
            }
            cursor = Some(here);
        }
        let more = end.is_none() && page.next.is_some();
        if !more || 2000 <= seen {
            break end.or(cursor.filter(|_| more).map(|place| format!("{place}~0")));
        }
    };
    // The way back is not kept: a list whose order changes with every attempt has none.
    let mut list = ListResponse::new(data, false, None, None, next);
    list.prev_iterator = None;
    Ok(Json(list))
}

/// Reads `<place of the delivery before>~<attempts of the next that were shown>`.
fn inside(text: Option<&str>) -> Result<(Option<String>, usize), Error> {
    let Some(text) = text else { return Ok((None, 0)) };
    let unknown = || Error::param("iterator", "is not one of ours");
    let (place, skip) = text.split_once('~').ok_or_else(unknown)?;
    let skip = skip.parse().map_err(|_| unknown())?;
    match place {
        "" => Ok((None, skip)),
        place if crate::page::is_place(place) => Ok((Some(place.to_owned()), skip)),
        _ => Err(unknown()),
    }
}

/// Whether each delivery's event is one that was asked for.
async fn fitting(
    api: &Api,
    deliveries: &[Delivery],
    chosen: &Chosen<'_>,
) -> Result<Vec<bool>, Error> {
    if chosen.all() {
        return Ok(vec![true; deliveries.len()]);
    }
    let mut fitting = Vec::new();
    for some in deliveries.chunks(16) {
        let events = some.iter().map(|delivery| api.table.event(&delivery.event));
        let events = try_join_all(events).await?;
        fitting.extend(events.iter().map(|event| event.as_ref().is_some_and(|e| chosen.fits(e))));
    }
    Ok(fitting)
}

/// The delivery and number of an attempt of a message.
async fn find(
    api: &Api,
    application: &ApplicationId,
    msg: &str,
    attempt: &str,
) -> Result<MessageAttemptOut, Error> {
    let id = AttemptId::parse(attempt).map_err(|_| Error::NotFound)?;
    let event: EventId = messages::resolve(api, application, msg).await?.id;
    let deliveries = api.table.deliveries_of(&event).await?;
    let mut each =
        deliveries.iter().flat_map(|delivery| calls(delivery).map(move |call| (delivery, call)));
    let found = each.find(|(_, call)| call.id == id);
    found.map(|(delivery, call)| show(delivery, call)).ok_or(Error::NotFound)
}

/// One attempt.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}/attempt/{attempt}", tag = "svix: attempt", operation_id = "v1.message-attempt.get",
    params(("app" = String, Path), ("msg" = String, Path), ("attempt" = String, Path)),
    responses((status = 200, body = MessageAttemptOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(api): State<Arc<Api>>,
    Path((app, msg, attempt)): Path<(String, String, String)>,
) -> Result<Json<MessageAttemptOut>, Error> {
    let application = applications::resolve(&api, &app).await?.id;
    find(&api, &application, &msg, &attempt).await.map(Json)
}
