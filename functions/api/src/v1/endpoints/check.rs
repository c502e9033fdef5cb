//! Trying an endpoint out before it is made.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::event::Event;
use manage::{
    ControlPlane,
    endpoints::{self, EndpointCheck},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    bodies::{EndpointTrial, in_camel_case},
    web::{error::Error, gate::Authenticated, input::Body},
};

/// An endpoint that is to be tried out.
#[derive(Deserialize, ToSchema)]
pub(super) struct CheckIn {
    /// Id or uid of the application that it would belong to.
    application: String,
    /// The endpoint, as `POST /api/v1/app/{app}/endpoint` takes it; `url` may be left out. Fields that are
    /// not known are refused.
    #[schema(value_type = Object)]
    endpoint: EndpointTrial,
}

/// Result of trying an endpoint out.
#[derive(Serialize, ToSchema)]
pub(super) struct CheckOut {
    /// Null if the draft has no address.
    address: Option<AddressOut>,
    wanted: WantedOut,
}

/// Whether an address may be called.
#[derive(Serialize, ToSchema)]
struct AddressOut {
    ok: bool,
    /// Reason why it may not be, as a sentence without its full stop.
    why: Option<String>,
}

/// The latest events of the application, compared with types, channels and filter of the endpoint.
#[derive(Serialize, ToSchema)]
struct WantedOut {
    /// Number of events that the endpoint would have received.
    matched: usize,
    /// Number of events that were tried: 50, or fewer if the application has fewer or a second was over.
    of: usize,
    /// These events, newest first.
    events: Vec<TriedEvent>,
}

/// An event that an endpoint was tried with.
#[derive(Serialize, ToSchema)]
struct TriedEvent {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created_at: String,
    /// Whether the endpoint would have received it.
    matches: bool,
}

impl From<EndpointCheck> for CheckOut {
    fn from(EndpointCheck { address, events }: EndpointCheck) -> Self {
        let tried = |(event, matches): (Event, bool)| TriedEvent {
            id: event.id.event(),
            event_type: event.event_type,
            created_at: event.created_at.rfc3339(),
            matches,
        };
        Self {
            address: address.map(|judged| AddressOut { ok: judged.is_ok(), why: judged.err() }),
            wanted: WantedOut {
                matched: events.iter().filter(|(_, matches)| *matches).count(),
                of: events.len(),
                events: events.into_iter().map(tried).collect(),
            },
        }
    }
}

/// Tries an endpoint out before it is made: whether the relay may call its address, whose name is resolved
/// now, and which of the application's latest 50 events it would have received.
///
/// Nothing is written and nothing is called. Other fields than the address are refused as when the endpoint
/// is made.
#[utoipa::path(post, path = "/v1/endpoints/check", operation_id = "check_endpoint",
    request_body = CheckIn, responses((status = 200, body = CheckOut), (status = 404)))]
pub(super) async fn post(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(CheckIn { application, endpoint }): Body<CheckIn>,
) -> Result<Json<CheckOut>, Error> {
    let (draft, secret) = endpoint.drafts();
    let in_place = |refusal| in_camel_case(refusal).within("endpoint");
    draft.must_suit(&principal).map_err(in_place)?;
    secret.must_suit(&principal)?;
    let checked = endpoints::check(&control, &principal, &application, draft, &secret).await;
    Ok(Json(checked.map_err(in_place)?.into()))
}
