//! Removing an application. One write makes it not there for anybody and stops what is sent; then
//! its endpoints go, with their secrets, and its keys; a last write frees its uid. Whatever cuts this
//! short is made good by whoever deletes it again, or wants its uid: every step may be done twice.

use adapters::table::WriteOutcome;
use domain::{application::Application, id::ApplicationId};

use super::applications::{self, DEFAULT};
use crate::{Api, error::Error};

/// Removes an application, or goes on with that.
pub(super) async fn remove(api: &Api, known: Application) -> Result<(), Error> {
    if !known.is_there() {
        return finish(api, known).await;
    }
    if known.uid.as_deref() == Some(DEFAULT) {
        return Err(Error::Conflict("the application `default` is always there".to_owned()));
    }
    let sources = api.table.sources().await?;
    let its = sources.iter().filter(|s| ApplicationId::named(&s.application) == known.id);
    let its: Vec<&str> = its.map(|source| source.name.as_str()).collect();
    if !its.is_empty() {
        let why = "belong to it: remove them first, or give them another application";
        return Err(Error::Conflict(format!("the sources {} {why}", its.join(", "))));
    }
    let now = api.clock.now();
    let closed = Application { deleted_at: Some(now), updated_at: now, ..known.clone() };
    let closed = applications::replace(api, &known, closed).await?;
    finish(api, closed).await
}

/// What follows once it is not there any more.
pub(super) async fn finish(api: &Api, closed: Application) -> Result<(), Error> {
    for endpoint in api.table.endpoints(&closed.id).await? {
        api.table.delete_endpoint(&endpoint).await?;
    }
    for key in api.table.keys().await? {
        if key.application.as_deref() == Some(closed.id.as_str()) {
            // Refused: somebody else has removed it.
            api.table.delete_key(&key.id).await?;
        }
    }
    let removed = Application {
        removed: true,
        webhook_secret: None,
        updated_at: api.clock.now(),
        ..closed.clone()
    };
    match api.table.update_application(&closed, &removed).await? {
        // Refused: somebody else has come to the end.
        WriteOutcome::Done | WriteOutcome::Refused => Ok(()),
    }
}
