//! One delivery, with the request that is sent for it.

pub use dispatch::preview::RequestPreview;
use domain::{
    delivery::Delivery,
    id::{DeliveryId, EventId},
};

use crate::{ControlPlane, Principal, Refusal, events};

/// The reason why nothing would be sent for a delivery whose endpoint is gone.
const NO_ENDPOINT: &str = "the endpoint was removed";

/// A delivery with the request of its next attempt or, if it has ended, of its last one.
#[derive(Debug)]
pub struct DeliveryDetail {
    /// The delivery with its attempts.
    pub delivery: Delivery,
    /// The request, or the reason why there is none.
    pub request: Result<RequestPreview, &'static str>,
}

/// A delivery of an event with its request. Nothing is sent and nothing is written.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such event or delivery, or the caller may not see it;
/// [`Refusal::Gone`] if the content of the event was removed.
pub async fn detail(
    control: &ControlPlane,
    principal: &Principal,
    event: &EventId,
    delivery: &str,
) -> Result<DeliveryDetail, Refusal> {
    let event = events::find(control, principal, event).await?;
    let id = DeliveryId::parse(delivery).map_err(|_| Refusal::NotFound)?;
    let delivery = control.table().delivery(&event.id, &id).await?.ok_or(Refusal::NotFound)?;
    if event.is_expunged(control.now()) {
        return Err(Refusal::Gone("the content of the event was removed for good"));
    }
    let Delivery { application, scope, endpoint, .. } = &delivery;
    let request = match control.table().endpoint_of(application, scope, endpoint).await? {
        Some(endpoint) => control.calls().preview(&event, &endpoint, &delivery).await?,
        None => Err(NO_ENDPOINT),
    };
    Ok(DeliveryDetail { delivery, request })
}
