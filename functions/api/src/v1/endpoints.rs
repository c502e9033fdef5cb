//! Endpoints of all applications: at a glance, and one with all that is known of it. They are made and
//! changed under the Svix contract.

mod check;
mod detail;

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::portal::Capability;
use domain::{delivery::Attempt, retry::ErrorClass};
use manage::{
    ControlPlane,
    overview::{self, DaySeries, EndpointHealth, EndpointOverview, OverviewFilter},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::web::{
    Routes, Stated,
    error::Error,
    gate::Authenticated,
    input::Query,
    page::{List, PageQuery},
};

/// Longest text that endpoints are looked for by, in bytes: a URL has 2048 at most.
const MAX_TEXT: usize = 2048;

pub(super) fn routes() -> Routes {
    Routes::tagged("endpoints")
        .read(routes!(list).portal(Capability::ViewBase))
        .admin(routes!(check::post).portal(Capability::ManageEndpoint))
        .read(routes!(detail::get).portal(Capability::ViewBase))
}

/// An endpoint at a glance.
#[derive(Serialize, ToSchema)]
struct EndpointEntry {
    id: String,
    /// Id of its application.
    application: String,
    url: String,
    /// `https`, `http`, `redis`, `sqs`, `event_bus`, or the scheme of another destination.
    kind: String,
    description: String,
    /// Event types that it receives; all of them if the list is empty.
    events: Vec<String>,
    /// System whose headers and bodies it receives; null for the relay's own.
    profile: Option<String>,
    /// Whether nothing is sent to it.
    disabled: bool,
    health: EndpointHealthOut,
    /// Dead letters to it that wait.
    letters_waiting: u64,
    /// The latest attempt; null if the latest 100 deliveries have none.
    last_attempt: Option<LastAttempt>,
    series_24h: DaySeriesOut,
}

/// Health of an endpoint: its state, since when, and the failures behind it.
#[derive(Serialize, ToSchema)]
struct EndpointHealthOut {
    /// `healthy`; `slow`; `failing` since a failure that no success followed; `open` while its circuit
    /// keeps calls back; or `disabled`.
    state: &'static str,
    /// Time since which it has been so; null if that is not known. Of a disabled endpoint, the time of
    /// its last change.
    since: Option<String>,
    /// Time of the next probe of an open circuit, or until which the endpoint is taken for slow.
    until: Option<String>,
    /// Failures in a row that count towards opening the circuit.
    failures: u32,
    /// Attempts that failed since the last success.
    failed_attempts: u32,
}

/// An attempt at a glance.
#[derive(Serialize, ToSchema)]
struct LastAttempt {
    at: String,
    /// The HTTP status, if there was an answer.
    status: Option<u16>,
    /// Class of the failure, in one word.
    #[schema(value_type = Option<String>)]
    error_class: Option<ErrorClass>,
}

/// Attempts of the last 24 hours, a number for each hour, oldest first. They are counted from the latest
/// deliveries: 100 in a list, 2000 of a single endpoint.
#[derive(Serialize, ToSchema)]
struct DaySeriesOut {
    delivered: Vec<u64>,
    failed: Vec<u64>,
    /// Whether all deliveries of the time were counted.
    complete: bool,
}

impl From<EndpointOverview> for EndpointEntry {
    fn from(shown: EndpointOverview) -> Self {
        let EndpointOverview { endpoint, health, letters_waiting, last, series } = shown;
        let DaySeries { delivered, failed, complete } = series;
        Self {
            id: endpoint.id.to_string(),
            application: endpoint.application.to_string(),
            kind: kind(&endpoint.url),
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.event_types,
            profile: endpoint.profile,
            disabled: endpoint.disabled.is_some(),
            health: health.into(),
            letters_waiting,
            last_attempt: last.map(LastAttempt::from),
            series_24h: DaySeriesOut {
                delivered: delivered.to_vec(),
                failed: failed.to_vec(),
                complete,
            },
        }
    }
}

impl From<EndpointHealth> for EndpointHealthOut {
    fn from(health: EndpointHealth) -> Self {
        let EndpointHealth { state, since, until, failures, failed_attempts } = health;
        Self {
            state,
            since: since.map(|at| at.rfc3339()),
            until: until.map(|at| at.rfc3339()),
            failures,
            failed_attempts,
        }
    }
}

impl From<Attempt> for LastAttempt {
    fn from(attempt: Attempt) -> Self {
        Self { at: attempt.at.rfc3339(), status: attempt.status, error_class: attempt.error }
    }
}

/// The kind of destination that a URL or ARN names.
fn kind(url: &str) -> String {
    let scheme = url.split(':').next().unwrap_or_default();
    match scheme {
        "rediss" => "redis".to_owned(),
        "arn" if url.split(':').nth(2) == Some("sqs") => "sqs".to_owned(),
        "arn" => "event_bus".to_owned(),
        other => other.to_owned(),
    }
}

/// A part of the list of endpoints.
#[derive(Serialize, ToSchema)]
struct EndpointList {
    #[serde(flatten)]
    list: List<EndpointEntry>,
    /// Always true: all waiting letters are counted.
    letters_complete: bool,
}

/// The query of a list of endpoints: the choice of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EndpointsQuery {
    /// Id or uid of the application whose endpoints are listed.
    #[param(nullable = false)]
    application: Option<String>,
    /// Text that the id, uid, URL or description of an endpoint holds, in whatever case. 1 to 2048 bytes.
    #[param(nullable = false, min_length = 1, max_length = 2048)]
    q: Option<String>,
}

/// The endpoints of one application, or of all that the key may see, each with how it fares.
///
/// Applications come in the order in which they were made, and the endpoints of one by their ids. Webhooks
/// of single jobs and batches are shown with these.
#[utoipa::path(get, path = "/v1/endpoints", operation_id = "list_endpoints",
    params(EndpointsQuery, PageQuery),
    responses((status = 200, body = EndpointList), (status = 404)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(EndpointsQuery { application, q }): Query<EndpointsQuery>,
    Query(page): Query<PageQuery>,
) -> Result<Json<EndpointList>, Error> {
    if q.as_ref().is_some_and(|q| q.is_empty() || MAX_TEXT < q.len()) {
        return Err(Error::param("q", format!("is 1 to {MAX_TEXT} bytes")));
    }
    let request = page.request();
    if request.back {
        return Err(Error::param("iterator", "is not one of ours"));
    }
    let has_filter = q.is_some();
    let filter = OverviewFilter { application, text: q };
    let cursor = request.cursor.as_deref();
    let found = overview::list(&control, &principal, &filter, cursor, request.limit).await;
    let part = found.map_err(Error::of_query)?;
    let list = List::of(part, has_filter, EndpointEntry::from);
    Ok(Json(EndpointList { list, letters_complete: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_destination_has_a_kind() {
        for (url, word) in [
            ("https://a.example/", "https"),
            ("http://127.0.0.1:9/", "http"),
            ("redis://a.example/c", "redis"),
            ("rediss://a.example/c", "redis"),
            ("arn:aws:sqs:eu-central-1:123456789012:q", "sqs"),
            ("arn:aws:events:eu-central-1:123456789012:event-bus/b", "event_bus"),
            ("listener:one", "listener"),
        ] {
            assert_eq!(kind(url), word, "{url}");
        }
    }
}
