//! Messages: every event of an application in Svix's words, shown and listed.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    event::{Event, Origin},
    portal::Capability,
};
use manage::{
    ControlPlane, applications,
    messages::{self, Content},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    page::{self, ListResponse},
    queries::{ContentQuery, PeriodQuery, SelectionQuery},
};
use crate::web::{Routes, Stated, error::Error, input::Query, page::PageQuery};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: message")
        .read(routes!(list).portal(Capability::ViewBase))
        .read(routes!(get).portal(Capability::ViewBase))
}

/// A message as it is shown.
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
    /// Time before which the message is not delivered.
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

    /// A message with what can be shown of its payload.
    pub(super) fn with(event: Event, content: Content) -> Self {
        let payload = match content {
            Content::Json(payload) => payload,
            Content::Hidden => empty(),
            Content::Expunged => raw(r#"{"expired":true}"#),
        };
        Self::of(event, payload)
    }
}

/// An object that stands for a payload which is not shown.
pub(super) fn empty() -> Box<RawValue> {
    raw("{}")
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap_or_default()
}

/// The messages of an application, newest first.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg", operation_id = "v1.message.list",
    params(PageQuery, SelectionQuery, PeriodQuery, ContentQuery),
    responses((status = 200, body = ListResponse<MessageOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Query(page): Query<PageQuery>,
    Query(selection): Query<SelectionQuery>,
    Query(period): Query<PeriodQuery>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
) -> Result<Json<ListResponse<MessageOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let find = async |name: String| messages::place_of(&control, &application, &name).await;
    let request = page::by_time(page, find).await?;
    let back = request.back;
    let found =
        messages::list(&control, &application, &selection.into(), period.into(), request).await?;
    let opened = messages::open(&control, found, |event| event, with_content).await?;
    let show = |(event, content)| MessageOut::with(event, content);
    Ok(Json(ListResponse::of(opened, back, show)))
}

/// One message.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}", operation_id = "v1.message.get",
    params(ContentQuery), responses((status = 200, body = MessageOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
) -> Result<Json<MessageOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let event = messages::resolve(&control, &application, &msg).await?;
    let content = messages::content(&control, &event, with_content).await?;
    Ok(Json(MessageOut::with(event, content)))
}
