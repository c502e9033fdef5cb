//! Removes an application with all that belongs to it.
//!
//! One write hides the application and stops what is sent. Then its endpoints go, with their secrets,
//! and its API keys. A last write frees its uid. A removal that was cut short is completed by the next
//! request that deletes the application or wants its uid: each step may be done twice.

use adapters::{
    contested::{self, TryOutcome},
    table::WriteOutcome,
};
use domain::{application::Application, id::ApplicationId};
use futures::future::try_join_all;

use crate::{
    ControlPlane, Refusal,
    applications::{DEFAULT, replace},
};

/// Removes an application, or completes its removal.
pub(crate) async fn remove(control: &ControlPlane, known: Application) -> Result<(), Refusal> {
    if !known.is_there() {
        return finish(control, known).await;
    }
    if known.uid.as_deref() == Some(DEFAULT) {
        return Err(Refusal::Conflict("the application `default` is always there".to_owned()));
    }
    let sources = control.table().sources().await?;
    let its = sources.iter().filter(|source| source.application == known.id);
    let its: Vec<&str> = its.map(|source| source.name.as_str()).collect();
    if !its.is_empty() {
        let why = "belong to it: remove them first, or give them another application";
        return Err(Refusal::Conflict(format!("the sources {} {why}", its.join(", "))));
    }
    let now = control.now();
    let closed = Application { deleted_at: Some(now), updated_at: now, ..known.clone() };
    let closed = replace(control, &known, closed).await?;
    finish(control, closed).await
}

/// Tries to remove the endpoints of an application when other requests change them.
const TRIES: u32 = 8;
/// Endpoints that are read at a time.
const PAGE: usize = 500;
/// Endpoints that are removed at the same time.
const AT_ONCE: usize = 32;

/// Removes every endpoint of an application as it was read.
async fn remove_endpoints(
    control: &ControlPlane,
    application: &ApplicationId,
) -> Result<TryOutcome<()>, Refusal> {
    let (mut outcome, mut after) = (TryOutcome::Settled(()), None);
    loop {
        let page = control.table().endpoints_page(application, after.as_ref(), PAGE).await?;
        for some in page.endpoints.chunks(AT_ONCE) {
            let removed = some.iter().map(|endpoint| control.table().delete_endpoint(endpoint));
            if try_join_all(removed).await?.contains(&WriteOutcome::Refused) {
                outcome = TryOutcome::Refused;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(outcome);
        }
    }
}

/// Removes what belongs to a hidden application, and frees its uid.
pub(crate) async fn finish(control: &ControlPlane, closed: Application) -> Result<(), Refusal> {
    contested::write(TRIES, || remove_endpoints(control, &closed.id)).await?;
    for key in control.table().keys().await? {
        if key.application.as_ref() == Some(&closed.id) {
            // A refused delete means that another request has removed the key.
            control.table().delete_key(&key.id).await?.either_way();
        }
    }
    let removed = Application {
        removed: true,
        webhook_secret: None,
        updated_at: control.now(),
        ..closed.clone()
    };
    // A refused update means that another request has completed the removal.
    control.table().update_application(&closed, &removed).await?.either_way();
    Ok(())
}
