//! The list of an application's endpoints: as a whole if there are few, else in parts by time of creation.

use std::collections::HashMap;

use adapters::table::Table;
use domain::{endpoint::Endpoint, health::Health, id::EndpointId};

use super::resolve;
use crate::{ControlPlane, PageRequest, Part, Refusal, applications};

/// Most endpoints that are read as a whole, as the last writes left them. The list of more is read from an
/// index, on which an endpoint is a moment after its creation.
const FEW: usize = 100;

/// Every endpoint of an application, oldest first; `None` if there are more than a hundred, or more than one
/// read of the table holds.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application.
pub async fn whole(control: &ControlPlane, app: &str) -> Result<Option<Vec<Endpoint>>, Refusal> {
    let application = applications::resolve(control, app).await?;
    let page = control.table().endpoints_page(&application.id, None, FEW + 1).await?;
    if page.next.is_some() || FEW < page.endpoints.len() {
        return Ok(None);
    }
    let mut all = page.endpoints;
    all.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Ok(Some(all))
}

/// A part of the list of an application's endpoints by time of creation, newest first unless `oldest_first`.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application.
pub async fn part(
    control: &ControlPlane,
    app: &str,
    request: &PageRequest,
    oldest_first: bool,
) -> Result<Part<Endpoint>, Refusal> {
    let application = applications::resolve(control, app).await?;
    let (cursor, limit) = (request.cursor.as_deref(), request.limit);
    let page = control.table().endpoints_by_age(&application.id, cursor, limit, oldest_first);
    let page = page.await?;
    let placed = |endpoint| (Table::endpoint_cursor(&endpoint), endpoint);
    Ok(Part { entries: page.items.into_iter().map(placed).collect(), next: page.next })
}

/// The place of an endpoint in the list of [`part`], by its id or uid; `None` if the application has no such
/// endpoint.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application.
pub async fn place_of(
    control: &ControlPlane,
    app: &str,
    name: &str,
) -> Result<Option<String>, Refusal> {
    let application = applications::resolve(control, app).await?;
    match resolve(control, &application.id, name).await {
        Ok(endpoint) => Ok(Some(Table::endpoint_cursor(&endpoint))),
        Err(Refusal::NotFound) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The health of those of these endpoints that have any on record, by id.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table does not answer.
pub async fn healths(
    control: &ControlPlane,
    endpoints: &[EndpointId],
) -> Result<HashMap<String, Health>, Refusal> {
    Ok(control.table().healths(endpoints).await?.into_iter().collect())
}
