//! The Svix contract under `/api/v1`: their SDKs and their command line are our clients. Their
//! message is our event. What they do not know of an endpoint rides in additional fields.

mod application_in;
pub(crate) mod applications;
mod attempt_lists;
mod attempted;
mod attempts;
mod auth;
mod background_tasks;
mod breaker;
mod endpoint_headers;
mod endpoint_in;
mod endpoints;
pub(crate) mod error;
mod event_types;
mod example;
mod expunge;
mod health_out;
mod import;
mod messages;
mod page;
mod patch;
mod publish;
mod recover;
mod removal;
mod resend;
pub(crate) mod secrets;
mod stats;
mod told;

use crate::Routes;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(applications::routes())
        .merge(endpoints::routes())
        .merge(auth::routes())
        .merge(background_tasks::routes())
        .merge(recover::routes())
        .merge(event_types::routes())
        .merge(import::routes())
        .merge(example::routes())
        .merge(secrets::routes())
        .merge(endpoint_headers::routes())
        .merge(messages::routes())
        .merge(publish::routes())
        .merge(expunge::routes())
        .merge(attempts::routes())
        .merge(attempt_lists::routes())
        .merge(attempted::routes())
        .merge(stats::routes())
        .merge(resend::routes())
}
