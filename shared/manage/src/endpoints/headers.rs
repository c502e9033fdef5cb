//! Headers that an endpoint's owner wants sent with every call.

use std::collections::{BTreeMap, BTreeSet};

use adapters::contested;
use domain::{
    endpoint::Endpoint,
    headers::{self, InvalidHeaders, StoredHeader},
};
use serde_json::{Map, Value};

use super::resolve;
use crate::{ControlPlane, Refusal, applications};

/// Tries of a change when other requests change the same endpoint.
const TRIES: u32 = 5;

/// Changes of an endpoint's headers; a header that is not named stays.
#[derive(Clone, Debug, Default)]
pub struct HeaderChanges {
    /// New values by name; a value of `***` is the present one.
    pub set: Map<String, Value>,
    /// Names of headers to be removed, in any case.
    pub remove: Vec<String>,
}

/// Replaces the headers of an endpoint. A value of `***` is the present one.
///
/// # Errors
///
/// [`Refusal::Invalid`] if a header cannot be sent, [`Refusal::NotFound`] if there is no such
/// application or endpoint, [`Refusal::Busy`] if other requests changed the endpoint during every
/// try.
pub async fn replace_headers(
    control: &ControlPlane,
    app: &str,
    name: &str,
    headers: Map<String, Value>,
) -> Result<(), Refusal> {
    let headers = headers::parse(&Value::Object(headers)).map_err(refused)?;
    write(control, app, name, |_| headers.clone()).await
}

/// Sets some headers of an endpoint and removes others.
///
/// # Errors
///
/// As [`replace_headers`]; the limits hold for all headers together.
pub async fn change_headers(
    control: &ControlPlane,
    app: &str,
    name: &str,
    changes: HeaderChanges,
) -> Result<(), Refusal> {
    let set = headers::parse(&Value::Object(changes.set)).map_err(refused)?;
    let removed: BTreeSet<String> =
        changes.remove.iter().map(|name| name.to_ascii_lowercase()).collect();
    write(control, app, name, |known| {
        // The shown form of a sealed header is a mask, which stands for its value.
        let shown = known.iter().map(|(name, kept)| (name.clone(), kept.shown().to_owned()));
        let stays = |name: &str| {
            let named = set.keys().any(|set| set.eq_ignore_ascii_case(name));
            !named && !removed.contains(&name.to_ascii_lowercase())
        };
        let mut next: BTreeMap<_, _> = shown.filter(|(name, _)| stays(name)).collect();
        next.extend(set.clone());
        next
    })
    .await
}

/// Writes the headers that follow from the present ones.
async fn write(
    control: &ControlPlane,
    app: &str,
    name: &str,
    next: impl Fn(&BTreeMap<String, StoredHeader>) -> BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let application = applications::resolve(control, app).await?;
    contested::write(TRIES, || async {
        let known = resolve(control, &application.id, name).await?;
        // Each header may be right and their number too large.
        let headers = headers::check(next(&known.headers)).map_err(refused)?;
        let owner = Endpoint::owner(&known.id);
        let mut changed = known.clone();
        changed.headers = control.vault().keep_headers(&owner, headers, &known.headers);
        changed.updated_at = control.now();
        Ok(control.table().update_endpoint(&known, &changed).await?.settles(()))
    })
    .await
}

fn refused(why: InvalidHeaders) -> Refusal {
    Refusal::field("headers", why)
}
