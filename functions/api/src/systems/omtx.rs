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

use adapters::table::Table;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    event::{Event, Origin},
    id::ApplicationId,
    source::Source,
    time::Timestamp,
};
use serde_json::json;

use crate::web::{Contract, Routes, error::Error};
use manage::{ControlPlane, Principal};

/// What all of its routes begin with.
pub(crate) const BASE: &str = "/api/v3/webhooks";

/// The source that its completion route belongs to.
const SOURCE: &str = "modal-omtx";
/// The profiles of sources that stand for Modal apps.
const PROFILES: [&str; 2] = ["modal-omtx", "modal"];
/// What the call and the job of a test begin with.
const TEST_PREFIX: &str = "relay-test-";
/// Most events of one application, and most jobs, that one request looks at.
const MAX_SEEN: usize = 10_000;
/// Read at a time.
const PAGE: usize = 500;

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

/// The sources that stand for Modal apps, as far as somebody sees them.
async fn sources(control: &ControlPlane, principal: &Principal) -> Result<Vec<Source>, Error> {
    let mut sources = control.table().sources().await?;
    sources.retain(|source| {
        PROFILES.contains(&source.profile.as_str())
            && principal.sees(&ApplicationId::named(&source.application))
    });
    Ok(sources)
}

/// Whether at least one of a source's secrets opens: without one, nobody passes.
fn is_usable(control: &ControlPlane, source: &Source) -> bool {
    let owner = Source::owner(&source.name);
    source.secrets.iter().any(|sealed| control.vault().unseal(&owner, sealed).is_ok())
}

/// A moment as Python's `time.time()` has it.
fn seconds(at: Timestamp) -> f64 {
    std::time::Duration::from_millis(at.0).as_secs_f64()
}

/// Where an event came from, if that is one of these sources and it is no test of ours.
fn origin<'e>(event: &'e Event, sources: &'e [Source]) -> Option<&'e Source> {
    let Origin::Source { name, key, .. } = &event.origin else { return None };
    let test = key.strip_prefix("job:").is_some_and(|key| key.starts_with(TEST_PREFIX));
    sources.iter().find(|source| !test && source.name == *name)
}

/// Shows the events of these sources, newest first within each application, until somebody has seen
/// enough. Whether there are older ones that were not looked at.
async fn each_event(
    control: &ControlPlane,
    sources: &[Source],
    mut show: impl FnMut(Event, &Source) -> bool,
) -> Result<bool, Error> {
    let mut applications: Vec<_> =
        sources.iter().map(|source| ApplicationId::named(&source.application)).collect();
    applications.sort();
    applications.dedup();
    let mut truncated = false;
    for application in applications {
        let (mut cursor, mut seen) = (None, 0);
        loop {
            let page = control.table().events(&application, cursor.as_deref(), PAGE, false).await?;
            seen += page.items.len();
            cursor = page.items.last().map(Table::event_cursor);
            let mut go_on = true;
            for event in page.items {
                if let Some(source) = origin(&event, sources).cloned() {
                    go_on = show(event, &source);
                }
                if !go_on {
                    break;
                }
            }
            if page.next.is_none() || !go_on {
                break;
            }
            if MAX_SEEN <= seen {
                truncated = true;
                break;
            }
        }
    }
    Ok(truncated)
}
