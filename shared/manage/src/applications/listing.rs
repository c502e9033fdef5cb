//! The list of applications, and the only one or the first ones of it.

use adapters::table::Table;
use domain::{
    application::Application,
    id::{ApplicationId, is_identifier},
};

use super::{DEFAULT, MAX_UID};
use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk, walk};

/// The position of an application in the list, from which a later page goes on.
pub fn place(application: &Application) -> String {
    Table::application_cursor(application)
}

/// The position in the list of the application with this id or uid; `None` if there is no such application,
/// or the caller may not see it.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn place_of(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<Option<String>, Refusal> {
    if !is_identifier(name, MAX_UID) {
        return Ok(None);
    }
    let known = control.table().application_named(name).await?;
    Ok(known.filter(|known| principal.sees(&known.id)).as_ref().map(place))
}

/// A part of the list of applications that the caller sees, newest first unless `oldest_first`.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    oldest_first: bool,
    page: PageRequest,
) -> Result<Walk<Application>, Refusal> {
    if let Some(own) = &principal.application {
        // The only one that a tenant sees is read as it is, and not looked for among the others.
        let own = control.table().application(own).await?;
        let behind = |application: &Application| {
            let place = Table::application_cursor(application);
            let cursor = page.cursor.as_ref();
            cursor.is_none_or(|at| if oldest_first { *at < place } else { place < *at })
        };
        let items: Vec<_> = own.into_iter().filter(behind).collect();
        return Ok(Walk { scanned: items.len(), items, next: None });
    }
    super::resolve(control, DEFAULT).await?;
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().applications_page(cursor.as_deref(), limit, oldest_first).await
    };
    let place = Table::application_cursor;
    Ok(walk(page.cursor, page.limit, fetch, |_| true, |_| true, place).await?)
}

/// The applications that the caller sees, oldest first, `most` at most: what a use case over all of them
/// reads that refuses to go beyond a bound.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn first(
    control: &ControlPlane,
    principal: &Principal,
    most: usize,
) -> Result<Vec<Application>, Refusal> {
    let page = PageRequest { cursor: None, back: false, limit: most };
    Ok(list(control, principal, true, page).await?.items)
}

/// The only application that the caller sees.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `application` if there are several.
pub async fn only(control: &ControlPlane, principal: &Principal) -> Result<ApplicationId, Refusal> {
    if let Some(own) = &principal.application {
        return Ok(own.clone());
    }
    let mut two = first(control, principal, 2).await?;
    match two.len() {
        1 => Ok(two.remove(0).id),
        _ => Err(Refusal::field("application", "must be named, for there are several of them")),
    }
}
