//! Messages that were sent to an endpoint, and endpoints that a message was sent to, each with its
//! standing.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    portal::Capability,
    standing::DeliveryStanding,
};
use manage::{
    ControlPlane, applications, attempts, endpoints,
    messages::{self, Content, Period, Selection},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    messages::MessageOut,
    page::{self, ListResponse, Order, OrderQuery, Place},
    queries::{ContentQuery, ExpandedQuery, PeriodQuery, SelectionQuery, StatusQuery},
};
use crate::web::{Routes, Stated, error::Error, input::Query, page::PageQuery};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: attempt")
        .read(routes!(attempted_messages).portal(Capability::ViewBase))
        .read(routes!(attempted_destinations).portal(Capability::ViewBase))
}

/// Standing of a message with an endpoint.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stands {
    /// 0 is success, 1 pending, 2 failure, 3 to be tried again, 4 cancelled. Without
    /// `expanded_statuses`, a cancelled message counts as a failure, for it did not arrive.
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
            next_attempt: pending.then(|| delivery.expected_at().rfc3339()),
        }
    }
}

/// A message with its standing at the endpoint of the path.
#[derive(Serialize, ToSchema)]
struct EndpointMessageOut {
    #[serde(flatten)]
    message: MessageOut,
    #[serde(flatten)]
    stands: Stands,
}

/// The messages that went or go to an endpoint, newest delivery first: by the time of its creation, or of its end if that
/// took more than one attempt.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/msg",
    operation_id = "v1.message-attempt.list-attempted-messages",
    params(PageQuery, SelectionQuery, StatusQuery, PeriodQuery, ContentQuery, ExpandedQuery),
    responses((status = 200, body = ListResponse<EndpointMessageOut>)))]
#[expect(clippy::too_many_arguments, reason = "each extractor is a part of the query")]
async fn attempted_messages(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
    Query(selection): Query<SelectionQuery>,
    Query(StatusQuery { status }): Query<StatusQuery>,
    Query(period): Query<PeriodQuery>,
    Query(ContentQuery { with_content }): Query<ContentQuery>,
    Query(ExpandedQuery { expanded_statuses: expanded }): Query<ExpandedQuery>,
) -> Result<Json<ListResponse<EndpointMessageOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let endpoint = endpoints::resolve(&control, &application, &endpoint).await?.id;
    let find = async |name: String| {
        attempts::place_of_message(&control, &application, &endpoint, &name).await
    };
    let request = page::by_time(page, find).await?;
    let back = request.back;
    let (selection, period) = (Selection::from(selection), Period::from(period));
    let fits = |delivery: &Delivery, event: &Event| {
        let number = DeliveryStanding::of(delivery).code(expanded);
        status.is_none_or(|status| status.number() == number)
            && period.holds(event.created_at)
            && selection.fits(event)
    };
    let found = attempts::messages_to(&control, &endpoint, request, fits).await?;
    let opened = messages::open(&control, found, |(_, event)| event, with_content).await?;
    let show = |((delivery, event), content): ((Delivery, Event), Content)| EndpointMessageOut {
        message: MessageOut::with(event, content),
        stands: Stands::of(&delivery, expanded),
    };
    Ok(Json(ListResponse::of(opened, back, show)))
}

/// An endpoint with the standing of the message of the path.
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

/// The endpoints that a message went or goes to, oldest first, those that were deleted included.
#[utoipa::path(get, path = "/api/v1/app/{app}/msg/{msg}/endpoint",
    operation_id = "v1.message-attempt.list-attempted-destinations",
    params(PageQuery, OrderQuery, ExpandedQuery),
    responses((status = 200, body = ListResponse<MessageEndpointOut>)))]
async fn attempted_destinations(
    State(control): State<Arc<ControlPlane>>,
    Path((app, msg)): Path<(String, String)>,
    Query(page): Query<PageQuery>,
    Query(order): Query<OrderQuery>,
    Query(ExpandedQuery { expanded_statuses: expanded }): Query<ExpandedQuery>,
) -> Result<Json<ListResponse<MessageEndpointOut>>, Error> {
    let application = applications::resolve(&control, &app).await?.id;
    let entries = attempts::destinations(&control, &application, &msg).await?;
    let place = |(endpoint, _): &(Endpoint, Delivery)| Place::at(endpoint.created_at, &endpoint.id);
    let show = |(endpoint, delivery)| MessageEndpointOut::of(endpoint, &delivery, expanded);
    page::cut(entries, page.request(), order.or(Order::Ascending), place, show).map(Json)
}
