//! The OpenAPI document, and the routes that tell whether the API is up.

mod head;
mod health;
mod inbound;
mod outbound;

use std::sync::LazyLock;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;

#[cfg(test)]
pub(crate) use self::outbound::types as own_event_types;
use crate::web::{Contract, OpenRoutes, Routes, description::describe, problem};

/// The routes for everybody.
pub(crate) fn contract() -> Contract {
    Contract {
        base: "/",
        shape: problem::shape,
        errors: None,
        parameters: &[],
        idempotent: false,
        tolerant: false,
        routes: Routes::new(),
        open: health::routes().route("/openapi.json", axum::routing::get(serve)),
    }
}

/// The document, printed once.
static PRINTED: LazyLock<String> = LazyLock::new(|| crate::openapi().to_json().unwrap_or_default());

async fn serve() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], PRINTED.as_str()).into_response()
}

/// The document of these contracts, with what senders post and what subscribers receive.
pub(crate) fn openapi(contracts: Vec<Contract>) -> utoipa::openapi::OpenApi {
    let routes = contracts.into_iter().map(describe);
    let routes = routes.fold(OpenRoutes::with_openapi(head::Head::openapi()), OpenRoutes::merge);
    let signed = inbound::Inbound::openapi();
    outbound::with_webhooks(routes.into_openapi().merge_from(signed))
}
