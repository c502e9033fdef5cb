//! Event types that an endpoint names, compared with those that there are.

use std::collections::BTreeSet;

use domain::{
    endpoint::{Endpoint, EndpointScope},
    operational, subscription,
};

use crate::{ControlPlane, Refusal};

/// Event types that an endpoint of an application names and that do not exist: they are neither in
/// the list of event types nor the relay's own. Wildcards are left out. Such an endpoint hears
/// nothing of these types until they are published, whether or not they are in the list by then.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn unknown_types(
    control: &ControlPlane,
    endpoint: &Endpoint,
) -> Result<Vec<String>, Refusal> {
    let ours =
        |name: &str| subscription::OURS.contains(&name) || operational::TYPES.contains(&name);
    let foreign = |name: &&String| !name.contains('*') && !ours(name.as_str());
    let named: Vec<&String> = endpoint.event_types.iter().filter(foreign).collect();
    if named.is_empty() || endpoint.scope != EndpointScope::Application {
        return Ok(Vec::new());
    }
    let known = control.table().event_types().await?;
    let known: BTreeSet<&str> = known.iter().map(|kind| kind.name.as_str()).collect();
    let unknown = named.into_iter().filter(|name| !known.contains(name.as_str()));
    Ok(unknown.cloned().collect())
}

/// Requires that every event type exists which a changed endpoint names, if the relay is strict about
/// that. Types that the endpoint named before stay.
///
/// # Errors
///
/// [`Refusal::Invalid`] that names the first type which does not exist.
pub(super) async fn must_exist(
    control: &ControlPlane,
    before: &[String],
    endpoint: &Endpoint,
) -> Result<(), Refusal> {
    if !control.is_strict_about_event_types() || before == endpoint.event_types {
        return Ok(());
    }
    let unknown = unknown_types(control, endpoint).await?;
    match unknown.iter().find(|name| !before.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let why = format!("there is no event type {name:?}: create it first");
            Err(Refusal::field("event_types", why))
        }
    }
}
