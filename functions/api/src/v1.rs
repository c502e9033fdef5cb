//! Our own API under `/v1`: sources, jobs, batches, events, endpoints, dead letters, tasks, keys, sessions,
//! listeners and statistics. `/metrics` belongs to it, where monitoring systems look for it.

mod batches;
mod dead_letters;
mod endpoints;
mod events;
mod inject;
mod jobs;
mod jwks;
mod keys;
mod letter;
mod letter_filter;
mod listeners;
mod live;
mod profiles;
mod queries;
mod refusals;
mod retry;
mod search;
mod sessions;
mod sources;
mod stats;
mod status;
mod tasks;
mod webhook;
mod webhook_secret;

use crate::web::{Contract, Routes, problem};

/// The relay's own contract: its routes, and the shape of its errors.
pub(crate) fn contract() -> Contract {
    Contract {
        base: "/v1",
        shape: problem::shape,
        errors: Some(problem::bodies()),
        parameters: &[
            ("app", "Id or uid of the application."),
            ("endpoint", "Id of the endpoint."),
            ("listener", "Name of the listener."),
            ("name", "Name of the source."),
        ],
        idempotent: true,
        tolerant: false,
        open_to_pages: true,
        routes: Routes::new()
            .merge(sources::routes())
            .merge(profiles::routes())
            .merge(refusals::routes())
            .merge(inject::routes())
            .merge(jobs::routes())
            .merge(batches::routes())
            .merge(events::routes())
            .merge(dead_letters::routes())
            .merge(retry::routes())
            .merge(tasks::routes())
            .merge(stats::routes())
            .merge(status::routes())
            .merge(keys::routes())
            .merge(webhook_secret::routes())
            .merge(endpoints::routes())
            .merge(sessions::routes())
            .merge(search::routes())
            .merge(live::routes())
            .merge(listeners::routes()),
        open: jwks::routes().merge(sessions::open_routes()),
    }
}
