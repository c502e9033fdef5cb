//! The requests that events came with: their record, and their bodies as they came.

use domain::{event::Event, request::RequestRecord};

use crate::{ControlPlane, Refusal};

/// The request that an event came with; `None` for an event without one, such as a published one, and for
/// one whose content was removed.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn record(
    control: &ControlPlane,
    event: &Event,
) -> Result<Option<RequestRecord>, Refusal> {
    if !event.has_request || event.is_expunged(control.now()) {
        return Ok(None);
    }
    Ok(control.table().request(&event.id).await?)
}

/// The body of the request that an event came with, byte for byte as it came.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the event came with no request, or its content was removed;
/// [`Refusal::Unavailable`] if the bucket cannot be read.
pub async fn body(control: &ControlPlane, event: &Event) -> Result<Vec<u8>, Refusal> {
    let body = event.raw().filter(|_| !event.is_expunged(control.now()));
    Ok(control.bucket().open(body.ok_or(Refusal::NotFound)?.clone()).await?)
}
