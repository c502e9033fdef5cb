//! Tickets, each for one live connection.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use manage::{
    ControlPlane, Refusal,
    live::{self, LivePass},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    error::{Error, Invalid},
    gate::Authenticated,
    origin::origin,
};

/// A new ticket.
#[derive(Serialize, ToSchema)]
pub(super) struct NewTicket {
    /// Value of the parameter `ticket` of an upgrade. The ticket is not shown again.
    ticket: String,
    /// Time from which the ticket opens nothing: 30 seconds after it was made.
    expires_at: String,
    /// URL that opens a connection with the ticket; null if the relay does not know its URL for live
    /// connections.
    url: Option<String>,
}

/// Makes a ticket, which opens one live connection within 30 seconds.
///
/// The connection hears all that the key sees, for two hours at most. If the request has an `Origin`, as
/// a browser's has, the upgrade must have the same. A ticket that a program asks for may be handed on.
#[utoipa::path(post, path = "/v1/live/tickets", operation_id = "create_live_ticket",
    responses((status = 201, body = NewTicket),
        (status = 422, description = "The `Origin` is `null`, or no origin.")))]
pub(super) async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let unreadable = || in_header("origin", "is not one origin".to_owned());
    let origin = origin(&headers).map_err(|_| unreadable())?;
    let made = live::create_ticket(&control, &principal, origin).await;
    let LivePass { text, expires_at, url } = made.map_err(|refusal| match refusal {
        Refusal::Invalid { field, why } => in_header(&field, why),
        other => other.into(),
    })?;
    let made = NewTicket { ticket: text, expires_at: expires_at.rfc3339(), url };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// The refusal of a header.
fn in_header(name: &str, why: String) -> Error {
    Error::Invalid(Invalid { at: vec!["header".to_owned(), name.to_owned()], why })
}
