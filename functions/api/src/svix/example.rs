//! Examples: one message of a type to one endpoint, whatever types the endpoint wants.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::portal::Capability;
use manage::{
    ControlPlane, applications, endpoints,
    publication::{self, ExampleDraft},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::messages::MessageOut;
use crate::bodies::spelt;
use crate::web::{
    Routes, Stated, error::Error, gate::Authenticated, idempotency::Keyed, input::Body,
};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint").admin(routes!(send_example).portal(Capability::CreateAttempts))
}

/// An example to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventExampleIn {
    /// A type that is kept with a schema, `svix.ping`, or one of the relay's own.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    event_type: String,
    /// Index of the example among those of the type's schema.
    #[serde(default)]
    example_index: usize,
    /// Payload instead of an example.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

/// Sends an example of an event type to one endpoint. It is a message like any other, which nobody
/// else receives.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint/{endpoint}/send-example",
    operation_id = "v1.endpoint.send-example", request_body = EventExampleIn,
    responses((status = 200, body = MessageOut),
        (status = 409, description = "The endpoint is disabled.")))]
async fn send_example(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
    Keyed(key): Keyed,
    Body(given): Body<EventExampleIn>,
) -> Result<Json<MessageOut>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?;
    let EventExampleIn { event_type, example_index, payload } = given;
    let draft = ExampleDraft { event_type, example_index, payload };
    let sent = publication::send_example(&control, &principal, &endpoint, &draft, &key).await;
    let (event, payload) = sent.map_err(spelt)?;
    Ok(Json(MessageOut::of(event, payload)))
}
