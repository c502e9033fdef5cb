//! Names of applications that callers give, and the names by which applications are shown.

use std::collections::{BTreeMap, BTreeSet};

use adapters::table::Table;
use domain::id::{ApplicationId, is_identifier};
use futures::future::try_join_all;

use crate::{ControlPlane, Principal, Refusal};

/// Longest uid, in characters; ids are shorter.
pub const MAX_UID: usize = 256;

/// The id that an id or uid stands for: an id stands for itself, a uid for the application that bears
/// it now, or else for the one that would be made under it. Every name of an application that a
/// caller gives is read here or by the function `resolve`.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the name can be neither an id nor a uid, or nobody bears the uid and the
/// id that it first stood for is that of a renamed or deleted application.
pub async fn id_of(table: &Table, name: &str) -> Result<ApplicationId, Refusal> {
    if !is_identifier(name, MAX_UID) {
        return Err(Refusal::NotFound);
    }
    if let Ok(id) = ApplicationId::parse(name) {
        return Ok(id);
    }
    if let Some(known) = table.application_named(name).await? {
        return Ok(known.id);
    }
    let first = ApplicationId::named(name);
    match table.application_record(&first).await? {
        None => Ok(first),
        Some(_) => Err(Refusal::NotFound),
    }
}

/// The names by which callers know these applications: uids, and ids of those without one.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn names(
    control: &ControlPlane,
    ids: impl IntoIterator<Item = &ApplicationId>,
) -> Result<BTreeMap<ApplicationId, String>, Refusal> {
    let ids: BTreeSet<&ApplicationId> = ids.into_iter().collect();
    let read = ids.into_iter().map(|id| async move {
        let known = control.table().application(id).await?;
        let uid = known.and_then(|known| known.uid);
        Ok::<_, Refusal>((id.clone(), uid.unwrap_or_else(|| id.to_string())))
    });
    try_join_all(read).await.map(|names| names.into_iter().collect())
}

/// Requires that the caller sees the application of this id or uid, which may not be there yet.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the name cannot be one, or belongs to another tenant.
pub async fn must_see(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
) -> Result<(), Refusal> {
    if !is_identifier(name, MAX_UID) {
        return Err(Refusal::NotFound);
    }
    if principal.application.is_some() {
        // A uid may have belonged to another application before.
        principal.must_see(&id_of(control.table(), name).await?)?;
    }
    Ok(())
}
