//! Lists of attempts, by message and by endpoint.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    id::{AttemptId, EndpointId},
    portal::Capability,
};
use manage::{
    ControlPlane, applications,
    attempts::{self, AttemptEntry, AttemptFilter, AttemptPlace},
    endpoints, messages,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{
    attempts::MessageAttemptOut,
    messages::{MessageOut, empty},
    page::{self, ListResponse},
    queries::{ContentQuery, PeriodQuery, SelectionQuery, StatusClassQuery, StatusQuery},
};
use crate::web::{Routes, Stated, error::Error, input::Query, page::PageQuery};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: attempt")
        .read(routes!(by_endpoint).portal(Capability::ViewBase))
        .read(routes!(by_message).portal(Capability::ViewBase))
}

fn filter(
    StatusQuery { status }: StatusQuery,
    StatusClassQuery { status_code_class }: StatusClassQuery,
    period: PeriodQuery,
) -> AttemptFilter {
    AttemptFilter {
        standing: status.map(|status| status.standing()),
        status_class: status_code_class.map(|class| class.0),
        period: period.into(),
    }
}

/// An attempt of a list, with its message if that is wanted.
fn show(entry: AttemptEntry, with_content: bool, with_message: bool) -> MessageAttemptOut {
    let AttemptEntry { delivery, attempt, event } = entry;
    let mut shown = MessageAttemptOut::of(&delivery, &attempt);
    if !with_content {
        shown.response.clear();
    }
    let event = event.filter(|_| with_message);
    shown.msg = event.map(|event| MessageOut::of(event, empty()));
    shown
}

/// Endpoint of the attempts of a message.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EndpointQuery {
    /// Id or uid of the endpoint.
    #[param(nullable = false)]
    endpoint_id: Option<String>,
}

/// Whether each attempt is shown with its message, without the payload.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MessageQuery {
    #[serde(default)]
    #[param(required = false)]
    with_msg: bool,
}

/// The attempts of a message, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/msg/{msg}",
    operation_id = "v1.message-attempt.list-by-msg",
    params(PageQuery, StatusQuery, StatusClassQuery, EndpointQuery, SelectionQuery, PeriodQuery,
        ContentQuery), responses((status = 200, body = ListResponse<MessageAttemptOut>)))]
#[expect(clippy::too_many_arguments, reason = "each extractor is a part of the query")]
async fn by_message(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
    Query(status): Query<StatusQuery>,
    Query(class): Query<StatusClassQuery>,
    Query(EndpointQuery { endpoint_id }): Query<EndpointQuery>,
    Query(selection): Query<SelectionQuery>,
    Query(period): Query<PeriodQuery>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = messages::resolve(&control, &application, &msg).await?;
    let find = async |attempt: String| {
        attempts::place_in_message(&control, &application, &msg, &attempt).await
    };
    let request = page::by_time(page, find).await?;
    let endpoint = match endpoint_id {
        Some(name) => Some(endpoints::resolve(&control, &application, &name).await?.id),
        None => None,
    };
    let (back, selection) = (request.back, selection.into());
    let filter = filter(status, class, period);
    let endpoint = endpoint.as_ref();
    let found =
        attempts::of_message(&control, &event, endpoint, &selection, &filter, request).await?;
    Ok(Json(ListResponse::of(found, back, |entry| show(entry, with_content, false))))
}

/// The place that an iterator names: one that a list gave, or the id of an attempt.
async fn place(
    control: &ControlPlane,
    endpoint: &EndpointId,
    text: &str,
) -> Result<AttemptPlace, Error> {
    if let Some(place) = AttemptPlace::parse(text) {
        return Ok(place);
    }
    let unknown = || Error::param("iterator", "is not in this list");
    let attempt = AttemptId::parse(text).map_err(|_| unknown())?;
    attempts::place_to(control, endpoint, &attempt).await?.ok_or_else(unknown)
}

/// The attempts to an endpoint: the newest delivery first, each with its attempts from the newest to the
/// oldest. An iterator names an attempt, so a list that changes meanwhile is gone on with where it was left.
#[utoipa::path(get, path = "/api/v1/app/{app}/attempt/endpoint/{endpoint}",
    operation_id = "v1.message-attempt.list-by-endpoint",
    params(PageQuery, StatusQuery, StatusClassQuery, MessageQuery, SelectionQuery, PeriodQuery,
        ContentQuery), responses((status = 200, body = ListResponse<MessageAttemptOut>)))]
#[expect(clippy::too_many_arguments, reason = "each extractor is a part of the query")]
async fn by_endpoint(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
    Query(status): Query<StatusQuery>,
    Query(class): Query<StatusClassQuery>,
    Query(MessageQuery { with_msg }): Query<MessageQuery>,
    Query(selection): Query<SelectionQuery>,
    Query(period): Query<PeriodQuery>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
) -> Result<Json<ListResponse<MessageAttemptOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let request = page.request();
    let from = match request.cursor.as_deref() {
        None => None,
        Some(text) => Some(place(&control, &endpoint, text).await?),
    };
    let (selection, filter) = (selection.into(), filter(status, class, period));
    let found =
        attempts::of_endpoint(&control, &endpoint, &selection, &filter, with_msg, from, &request)
            .await?;
    Ok(Json(ListResponse::of(found, request.back, |entry| show(entry, with_content, with_msg))))
}
