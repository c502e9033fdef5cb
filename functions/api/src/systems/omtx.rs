//! The routes that OMTX-Hub's clients know (R0.6 to R0.19), over the sources that stand for its
//! Modal apps. Paths, fields and words are theirs; the numbers are ours, and what we cannot know is
//! null. Its completion route belongs to `ingest`.

mod cancel;
mod configure;
mod executions;
mod logs;
mod metrics;
mod status;
mod trial;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    event::{Event, Origin},
    source::Source,
    time::Timestamp,
};
use manage::{ControlPlane, Principal, activity};
use serde_json::json;

use crate::web::{Contract, Routes, error::Error};

/// Prefix of its routes.
pub(crate) const BASE: &str = "/api/v3/webhooks";

/// The source that its completion route belongs to.
const SOURCE: &str = "modal-omtx";
/// The profiles of sources that stand for Modal apps.
const PROFILES: [&str; 2] = ["modal-omtx", "modal"];
/// Prefix of the call id and the job id of a test.
const TEST_PREFIX: &str = "relay-test-";
/// The contract.
pub(super) fn contract() -> Contract {
    Contract {
        base: BASE,
        shape,
        idempotent: false,
        tolerant: false,
        routes: Routes::new()
            .merge(configure::routes())
            .merge(status::routes())
            .merge(trial::routes())
            .merge(executions::routes())
            .merge(cancel::routes())
            .merge(metrics::routes())
            .merge(logs::routes()),
        open: trial::open_routes(),
    }
}

/// An error as FastAPI has them.
fn shape(error: &Error) -> Response {
    let body = Json(json!({ "detail": error.detail() }));
    let mut response = (error.status(), body).into_response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// The sources that stand for Modal apps and that the caller sees.
async fn sources(control: &ControlPlane, principal: &Principal) -> Result<Vec<Source>, Error> {
    let mut sources = manage::sources::list(control, principal).await?;
    sources.retain(|source| PROFILES.contains(&source.profile.as_str()));
    Ok(sources)
}

/// A moment as Python's `time.time()` has it.
fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(at.0).as_secs_f64()
}

/// The source of an event, if it is one of these and the event is no test.
fn origin<'s>(event: &Event, sources: &'s [Source]) -> Option<&'s Source> {
    let Origin::Source { name, key, .. } = &event.origin else { return None };
    let test = key.strip_prefix("job:").is_some_and(|key| key.starts_with(TEST_PREFIX));
    sources.iter().find(|source| !test && source.name == *name)
}

/// Passes the events of these sources to `show`, newest first within each application, until `show`
/// returns false. Returns whether there are older events that were not read.
async fn each_event(
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
