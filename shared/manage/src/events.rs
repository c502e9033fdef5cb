//! Events: the list, one event, its payload and its deliveries.

use adapters::table::Table;
use domain::{
    delivery::Delivery,
    event::Event,
    id::{ApplicationId, EventId},
};
use futures::future::try_join_all;

use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk};

/// Lists that are read at the same time.
const AT_ONCE: usize = 16;

/// A part of the list of events, newest first: of one application, by id or uid, or of all that the
/// caller sees.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, or the caller may not see it.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    application: Option<&str>,
    page: PageRequest,
) -> Result<Walk<Event>, Refusal> {
    let applications = applications(control, principal, application).await?;
    // The lists of all applications are ordered alike, so that one cursor serves all of them.
    let cursor = page.cursor.as_deref();
    let (mut items, mut more) = (Vec::new(), false);
    for some in applications.chunks(AT_ONCE) {
        let parts = some.iter().map(|id| control.table().events(id, cursor, page.limit, false));
        for part in try_join_all(parts).await? {
            more |= part.next.is_some();
            items.extend(part.items);
        }
        // The merged part bounds what is still needed, and what is held.
        items.sort_by_key(|event| std::cmp::Reverse(Table::event_cursor(event)));
        more |= page.limit < items.len();
        items.truncate(page.limit);
    }
    let next = items.last().map(Table::event_cursor).filter(|_| more);
    Ok(Walk { items, next })
}

async fn applications(
    control: &ControlPlane,
    principal: &Principal,
    named: Option<&str>,
) -> Result<Vec<ApplicationId>, Refusal> {
    match (named, &principal.application) {
        (Some(name), _) => {
            let known = control.table().application_named(name).await?;
            let known = known.ok_or(Refusal::NotFound)?;
            principal.must_see(&known.id)?;
            Ok(vec![known.id])
        }
        (None, Some(own)) => Ok(vec![own.clone()]),
        (None, None) => {
            let all = control.table().applications().await?;
            Ok(all.into_iter().map(|application| application.id).collect())
        }
    }
}

/// One event.
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

/// The deliveries of these events, event by event.
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
        let read = some.iter().map(|id| control.table().deliveries_of(id));
        deliveries.extend(try_join_all(read).await?);
    }
    Ok(deliveries)
}
