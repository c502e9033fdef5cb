//! Manages everything over HTTP: our own API under `/v1`, the Svix contract under `/api/v1`, OMTX's
//! routes under `/api/v3/webhooks`.
//!
//! A handler reads its input, asks the table and answers; whoever may not is stopped by the gate in
//! `auth` before any handler runs, and what fails leaves as an `error::Error` that takes its
//! shape (problem document, Svix's or OMTX's) in one place, by the path it was asked under.

mod auth;
mod batches;
mod dead_letters;
mod error;
mod events;
mod health;
mod idempotency;
mod inbound;
mod inject;
mod input;
mod jobs;
mod json_lines;
mod jwks;
mod keys;
mod letter;
mod letter_filter;
mod omtx;
mod outbound;
mod page;
mod platforms;
mod retry;
mod rules;
mod sources;
mod svix;
mod tasks;
mod webhook;
mod webhook_secret;
mod wepp;

use std::{sync::Arc, time::Duration};

use adapters::{
    bells::{Bells, Inbox},
    bucket::Bucket,
    clock::Clock,
    queue::Queue,
    table::Table,
    vault::Vault,
};
use axum::{Router, extract::DefaultBodyLimit, middleware};
use dispatch::{announce::Announcer, attempt::Attempts, redrive::Redrive};
use domain::{address::Rule, secret::Secret};
use utoipa_axum::router::OpenApiRouter;

/// Largest request body, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;

/// When the function that delivers ends, unless its template says otherwise: late enough for the
/// longest timeout that a policy may have.
const DELIVER_TIMEOUT: Duration = Duration::from_secs(360);

/// The API's shared state.
pub struct Api {
    /// Where everything is kept.
    pub table: Table,
    /// Where large bodies lie.
    pub bucket: Bucket,
    /// What seals and opens secrets.
    pub vault: Vault,
    /// Attempts a delivery while somebody waits.
    pub attempts: Attempts,
    /// Records what is published.
    pub announcer: Announcer,
    /// Puts dead letters back.
    pub redrive: Redrive,
    /// Where batches are rung for.
    pub inbox: Inbox,
    /// What time it is.
    pub clock: Clock,
    /// Where endpoints may be.
    pub rule: Rule,
    /// Where the whole relay is, for links.
    pub public_url: String,
    /// The first key, with or without its prefix `rk_admin_`.
    pub admin_key: Secret,
    /// When the function that delivers ends: no call may take longer.
    pub deliver_timeout: Duration,
}

impl Api {
    /// What attempts deliveries knows everything but the inbox and the first key.
    pub fn new(attempts: Attempts, inbox: Queue, admin_key: Secret, public_url: String) -> Self {
        let Attempts { table, bucket, bells, vault, caller, clock } = attempts.clone();
        Self {
            announcer: Announcer {
                table: table.clone(),
                outbox: bells.outbox.clone(),
                clock: clock.clone(),
            },
            inbox: Inbox(inbox.clone()),
            redrive: Redrive {
                table: table.clone(),
                bucket: bucket.clone(),
                outbox: bells.outbox,
                inbox,
                clock: clock.clone(),
            },
            rule: caller.rule().clone(),
            table,
            bucket,
            vault,
            attempts,
            clock,
            admin_key,
            public_url,
            deliver_timeout: DELIVER_TIMEOUT,
        }
    }

    /// The same where the function that delivers ends after this long.
    #[must_use]
    pub fn delivering_within(self, deliver_timeout: Duration) -> Self {
        Self { deliver_timeout, ..self }
    }

    fn bells(&self) -> &Bells {
        &self.attempts.bells
    }
}

type Routes = OpenApiRouter<Arc<Api>>;

/// What needs a key.
fn gated() -> Routes {
    Routes::new()
        .merge(sources::routes())
        .merge(inject::routes())
        .merge(jobs::routes())
        .merge(batches::routes())
        .merge(events::routes())
        .merge(dead_letters::routes())
        .merge(retry::routes())
        .merge(tasks::routes())
        .merge(keys::routes())
        .merge(webhook_secret::routes())
        .merge(omtx::routes())
        .merge(wepp::routes())
        .merge(svix::routes())
}

/// What needs none.
fn open() -> Routes {
    health::routes().merge(omtx::open_routes()).merge(jwks::routes())
}

/// The whole API, to be run by Lambda or served as it is.
pub fn router(api: Arc<Api>) -> Router {
    let (gated, _) = gated().split_for_parts();
    let (open, _) = open().split_for_parts();
    gated
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), idempotency::once))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&api), auth::gate))
        .merge(open)
        .fallback(async || error::Error::NotFound)
        .method_not_allowed_fallback(async || error::Error::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(error::shape))
        .with_state(api)
}

/// The API's own description, made from the routes that are served, and what senders post.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let routes = health::document().merge(open()).merge(gated());
    let signed = <inbound::Inbound as utoipa::OpenApi>::openapi();
    outbound::with_webhooks(health::with_problems(routes.into_openapi().merge_from(signed)))
}

#[cfg(test)]
mod tests;
