//! The sources that stand for OMTX-Hub's Modal apps, and their events.

use domain::{
    event::{Event, Origin},
    source::Source,
    time::Timestamp,
};
use manage::{ControlPlane, Principal, activity};

use crate::web::error::Error;

/// The prefix that all of OMTX-Hub's routes have.
pub(super) const BASE: &str = "/api/v3/webhooks";
/// The source that its completion route belongs to.
pub(super) const SOURCE: &str = "modal-omtx";
/// The profiles of sources that stand for Modal apps.
pub(super) const PROFILES: [&str; 2] = ["modal-omtx", "modal"];
/// Prefix of the call id and the job id of a test.
pub(super) const TEST_PREFIX: &str = "relay-test-";

/// The sources that stand for Modal apps and that the caller sees.
pub(super) async fn sources(
    control: &ControlPlane,
    principal: &Principal,
) -> Result<Vec<Source>, Error> {
    let mut sources = manage::sources::list(control, principal).await?;
    sources.retain(|source| PROFILES.contains(&source.profile.as_str()));
    Ok(sources)
}

/// A moment as Python's `time.time()` has it.
pub(super) fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(at.0).as_secs_f64()
}

/// The source of an event, if it is one of these and the event is no test.
fn origin<'s>(event: &Event, sources: &'s [Source]) -> Option<&'s Source> {
    let Origin::Source { id, key, .. } = &event.origin else { return None };
    let test = key.strip_prefix("job:").is_some_and(|key| key.starts_with(TEST_PREFIX));
    let theirs = |source: &&Source| source.id == *id && source.application == event.application;
    sources.iter().find(theirs).filter(|_| !test)
}

/// Passes the events of these sources to `show`, newest first within each application, until `show`
/// returns false. Returns whether there are older events that were not read.
pub(super) async fn each_event(
    control: &ControlPlane,
    sources: &[Source],
    mut show: impl FnMut(Event, &Source) -> bool,
) -> Result<bool, Error> {
    let show = |event: Event| match origin(&event, sources) {
        Some(source) => show(event, source),
        None => true,
    };
    Ok(activity::each_event(control, sources, show).await?)
}
