//! Events: the list and its filter, one event, its payload and its deliveries.

mod filter;
mod latest;
mod list;
mod merge;

use domain::{delivery::Delivery, event::Event, id::EventId, progress::EventProgress};
use futures::future::try_join_all;

use self::merge::AT_ONCE;
pub use self::{
    filter::{EventFilter, EventMark, MAX_MERGED, MIN_PREFIX},
    latest::{Looked, find_delivery},
    list::{ListedEvent, list},
};
use crate::{ControlPlane, Principal, Refusal};

/// Finds one event by its id.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such event, or the caller may not see it.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    id: &EventId,
) -> Result<Event, Refusal> {
    let event = control.table().event(id).await?.ok_or(Refusal::NotFound)?;
    principal.must_see(&event.application)?;
    Ok(event)
}

/// The payload that subscribers of an event receive; `None` if it was removed.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the bucket cannot be read.
pub async fn payload(control: &ControlPlane, event: &Event) -> Result<Option<Vec<u8>>, Refusal> {
    match event.is_expunged(control.now()) {
        true => Ok(None),
        false => Ok(Some(control.bucket().open(event.payload.clone()).await?)),
    }
}

/// Most deliveries of an event that are shown with it.
pub const MAX_SHOWN: usize = 250;

/// The number of an event's deliveries by state.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn progress(control: &ControlPlane, event: &EventId) -> Result<EventProgress, Refusal> {
    Ok(control.table().progress_of(event).await?)
}

/// The deliveries of these events, event by event: of each the first [`MAX_SHOWN`] by id.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn deliveries(
    control: &ControlPlane,
    events: impl IntoIterator<Item = &EventId>,
) -> Result<Vec<Vec<Delivery>>, Refusal> {
    let ids: Vec<_> = events.into_iter().collect();
    let mut deliveries = Vec::with_capacity(ids.len());
    for some in ids.chunks(AT_ONCE) {
        let read = some.iter().map(|id| control.table().deliveries_page(id, None, MAX_SHOWN));
        deliveries.extend(try_join_all(read).await?.into_iter().map(|page| page.items));
    }
    Ok(deliveries)
}
