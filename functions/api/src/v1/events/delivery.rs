//! One delivery of an event, with the request that is sent for it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use domain::id::EventId;
use manage::{
    ControlPlane,
    deliveries::{self, RequestPreview},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DeliveryOut, shown_body::ShownBody};
use crate::web::{error::Error, gate::Authenticated};

/// Most bytes of a body that are shown. JSON spells a byte in six at most, and Lambda answers 6 MB at most.
const MAX_BODY: usize = 768 * 1024;

/// A delivery with the request that is sent for it.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryOut,
    /// Request of the next attempt or, once the delivery has ended, of the last one; null if none can be
    /// sent.
    request: Option<SentRequest>,
    /// Reason why no request can be sent.
    why_no_request: Option<&'static str>,
}

/// A request to an endpoint.
#[derive(Serialize, ToSchema)]
struct SentRequest {
    /// HTTP method; of other destinations `SendMessage` (SQS), `PutEvents` (EventBridge) or `PUBLISH`
    /// (Redis).
    method: String,
    url: String,
    /// Headers; `***` stands for secrets and signatures.
    headers: Vec<SentHeader>,
    #[serde(flatten)]
    body: ShownBody,
}

/// A header of a request.
#[derive(Serialize, ToSchema)]
struct SentHeader {
    name: String,
    value: String,
}

impl From<RequestPreview> for SentRequest {
    fn from(request: RequestPreview) -> Self {
        let RequestPreview { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|(name, value)| SentHeader { name, value }).collect();
        Self { method, url, headers, body: ShownBody::of(&body, MAX_BODY) }
    }
}

/// One delivery of an event, with the request that its next attempt would send.
///
/// The request is made as the endpoint's present settings say, and is not sent. Of a delivery that has
/// ended, the headers are those of its last attempt. Of a body of more than 768 KiB the beginning is shown.
#[utoipa::path(get, path = "/v1/events/{id}/deliveries/{delivery}", operation_id = "get_delivery",
    params(("delivery" = String, Path, description = "Its id, `dlv_…`.")),
    responses((status = 200, body = DeliveryDetail),
        (status = 404, description = "There is no such delivery, or the event's content was removed.")))]
pub(super) async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((event, delivery)): Path<(String, String)>,
    Authenticated(principal): Authenticated,
) -> Result<Json<DeliveryDetail>, Error> {
    let event = EventId::parse(&event).map_err(|_| Error::NotFound)?;
    let found = deliveries::detail(&control, &principal, &event, &delivery).await?;
    let (request, why_no_request) = match found.request {
        Ok(request) => (Some(SentRequest::from(request)), None),
        Err(why) => (None, Some(why)),
    };
    Ok(Json(DeliveryDetail { delivery: found.delivery.into(), request, why_no_request }))
}
