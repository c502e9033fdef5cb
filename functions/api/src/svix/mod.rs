//! The Svix contract under `/api/v1`: their SDKs and their command line are our clients. Their
//! message is our event. What they do not know of an endpoint rides in additional fields.

pub(crate) mod applications;
mod attempts;
mod auth;
mod endpoint_headers;
mod endpoint_in;
mod endpoints;
pub(crate) mod error;
mod event_types;
mod import;
mod messages;
mod page;
mod patch;
mod resend;
pub(crate) mod secrets;
mod told;

use crate::Routes;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(applications::routes())
        .merge(endpoints::routes())
        .merge(auth::routes())
        .merge(event_types::routes())
        .merge(import::routes())
        .merge(secrets::routes())
        .merge(endpoint_headers::routes())
        .merge(messages::routes())
        .merge(attempts::routes())
        .merge(resend::routes())
}
