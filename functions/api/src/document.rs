//! The OpenAPI document, and the routes that tell whether the API is up.

mod head;
mod health;
mod inbound;
mod outbound;

use std::{future::ready, sync::OnceLock};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::OpenApi;

#[cfg(test)]
pub(crate) use self::outbound::types as own_event_types;
use crate::web::{Contract, OpenRoutes, Routes, description::describe, problem};

/// The AsyncAPI document of live updates, as a test of `live` makes it: its types' schemas are not
/// linked here.
const ASYNCAPI: &str = include_str!("../../../asyncapi.json");

/// The routes that need no key: health, and the documents. A function makes the OpenAPI document.
pub(crate) fn contract(document: fn() -> utoipa::openapi::OpenApi) -> Contract {
    Contract {
        base: "/",
        shape: problem::shape,
        errors: None,
        parameters: &[],
        idempotent: false,
        tolerant: false,
        open_to_pages: false,
        routes: Routes::new(),
        open: health::routes()
            .route("/openapi.json", axum::routing::get(move || ready(serve(document))))
            .route("/asyncapi.json", axum::routing::get(|| ready(json(ASYNCAPI)))),
    }
}

fn serve(document: fn() -> utoipa::openapi::OpenApi) -> Response {
    static PRINTED: OnceLock<String> = OnceLock::new();
    json(PRINTED.get_or_init(|| document().to_json().unwrap_or_default()))
}

fn json(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// The document of these contracts, with what senders post and what subscribers receive.
pub(crate) fn openapi(contracts: Vec<Contract>) -> utoipa::openapi::OpenApi {
    let routes = contracts.into_iter().map(describe);
    let routes = routes.fold(OpenRoutes::with_openapi(head::Head::openapi()), OpenRoutes::merge);
    let signed = inbound::Inbound::openapi();
    outbound::with_webhooks(routes.into_openapi().merge_from(signed))
}
