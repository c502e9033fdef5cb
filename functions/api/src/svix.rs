//! The Svix contract under `/api/v1`, for Svix's SDKs and command line. A message of Svix is an event
//! of the relay. Settings of an endpoint that Svix does not have are additional fields.

mod application_in;
mod applications;
mod attempt_lists;
mod attempted;
mod attempts;
mod auth;
mod background_tasks;
mod endpoint_headers;
mod endpoint_out;
mod endpoints;
mod error;
mod event_type_in;
mod event_types;
mod example;
mod expunge;
mod health;
mod health_out;
mod import;
mod messages;
mod page;
mod publish;
mod queries;
mod recover;
mod resend;
mod secrets;
mod stats;

use crate::web::{Contract, Routes};

/// The contract. Svix's SDKs may send fields that this relay does not know, so such fields are
/// tolerated and named.
pub(crate) fn contract() -> Contract {
    Contract {
        base: "/api/v1",
        shape: error::shape,
        errors: Some(error::bodies()),
        parameters: &[
            ("app", "Id or uid of the application."),
            ("endpoint", "Id or uid of the endpoint."),
            ("msg", "Id of the message, or the `eventId` that its publisher gave it."),
            ("attempt", "Id of the attempt."),
            ("name", "Name of the event type."),
            ("id", "Id of the background task."),
        ],
        idempotent: true,
        tolerant: true,
        open_to_pages: false,
        routes: Routes::new()
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
            .merge(resend::routes()),
        open: health::routes(),
    }
}
