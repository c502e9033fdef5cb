//! Publishing a message, and asking whether it would be delivered to anybody.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use manage::{
    ControlPlane, Refusal, applications,
    publication::{self, MessageDraft, RawPayload},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    application_in::ApplicationIn,
    messages::{self, MessageOut},
    queries::ContentQuery,
};
use crate::{
    bodies::spelt,
    web::{
        Routes,
        error::{Error, Invalid},
        gate::Authenticated,
        idempotency,
        input::{Body, Query},
        moment::Moment,
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: message").publish_repeatable(routes!(create)).publish(routes!(precheck))
}

/// A message as it is given to us.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessageIn {
    /// Name of an event type, such as `invoice.paid`.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_type: String,
    /// Payload that subscribers receive, to the byte.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// The caller's own id: the same one again is a conflict.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_id: Option<String>,
    /// The channels it goes out on.
    #[schema(max_items = 5)]
    channels: Option<Vec<String>>,
    /// Tags that the message can be found by.
    #[schema(max_items = 8)]
    tags: Option<Vec<String>>,
    /// The application of the path, should it not be there yet.
    application: Option<ApplicationIn>,
    /// A minute to a day ahead: it is not delivered before.
    #[schema(inline)]
    deliver_at: Option<Moment>,
    /// Days after which its payload is neither shown nor sent.
    #[schema(minimum = 5, maximum = 90)]
    payload_retention_period: Option<i64>,
    /// Retention of the payload in hours, instead of days.
    #[schema(minimum = 1, maximum = 2160)]
    payload_retention_hours: Option<i64>,
    /// Payload that is not JSON, as Svix's clients send it.
    transformations_params: Option<Transformations>,
}

/// A payload that goes out as it is, in place of `payload`. Other fields are left alone.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Transformations {
    /// The payload as text.
    raw_payload: Option<String>,
    /// Headers, of which `content-type` counts.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Transformations {
    fn raw(self) -> Option<RawPayload> {
        let mut headers = self.headers.into_iter();
        let content_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = content_type.map(|(_, value)| value);
        let bytes = self.raw_payload?.into_bytes();
        Some(RawPayload { bytes, content_type })
    }
}

impl MessageIn {
    fn draft(self, idempotency_key: Option<String>) -> MessageDraft {
        MessageDraft {
            event_type: self.event_type,
            payload: self.payload,
            raw_payload: self.transformations_params.and_then(Transformations::raw),
            event_id: self.event_id,
            channels: self.channels,
            tags: self.tags.unwrap_or_default(),
            deliver_at: self.deliver_at.map(|Moment(at)| at),
            payload_retention_period: self.payload_retention_period,
            payload_retention_hours: self.payload_retention_hours,
            idempotency_key,
        }
    }
}

/// The refusal of a message, with the names that this contract gives its fields.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Invalid { field, why } if field == "idempotency_key" => {
            let at = vec!["header".to_owned(), "idempotency-key".to_owned()];
            Error::Invalid(Invalid { at, why })
        }
        Refusal::Invalid { field, why } if field == "raw_payload" => {
            Error::field("transformationsParams", why)
        }
        other => spelt(other),
    }
}

/// Publishes a message to the endpoints that want it.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg", operation_id = "v1.message.create",
    params(ContentQuery, ("idempotency-key" = Option<String>, Header,
        description = "The same key and body again is the same message.")),
    request_body = MessageIn,
    responses((status = 202, body = MessageOut), (status = 409), (status = 413)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(app): Path<String>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
    headers: HeaderMap,
    Body(mut given): Body<MessageIn>,
) -> Result<(StatusCode, Json<MessageOut>), Error> {
    let inline = given.application.take().map(Into::into);
    let application = applications::resolve_or_create(&control, &principal, &app, inline).await;
    let application = application.map_err(spelt)?.id;
    let draft = given.draft(idempotency_key(&headers)?);
    let payload = match &draft.raw_payload {
        None if with_content => draft.payload.clone(),
        _ => messages::empty(),
    };
    let event = publication::publish(&control, application, draft).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(MessageOut::of(event, payload))))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    idempotency::checked(key.as_bytes())?;
    Ok(key.to_str().ok().map(str::to_owned))
}

/// A message that nobody sends.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct MessagePrecheckIn {
    event_type: String,
    channels: Option<Vec<String>>,
}

/// Whether a message would go anywhere.
#[derive(Serialize, ToSchema)]
struct MessagePrecheckOut {
    /// Whether an enabled endpoint wants such a message; one that chooses by the payload may.
    active: bool,
}

/// Whether a message of this type on these channels would go to anybody.
#[utoipa::path(post, path = "/api/v1/app/{app}/msg/precheck/active",
    operation_id = "v1.message.precheck", request_body = MessagePrecheckIn,
    responses((status = 200, body = MessagePrecheckOut)))]
async fn precheck(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Body(given): Body<MessagePrecheckIn>,
) -> Result<Json<MessagePrecheckOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let MessagePrecheckIn { event_type, channels } = given;
    let active = publication::has_subscriber(&control, application, &event_type, channels).await;
    Ok(Json(MessagePrecheckOut { active: active.map_err(spelt)? }))
}
