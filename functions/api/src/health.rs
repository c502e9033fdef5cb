//! What needs no key: whether we are up, and what we can do.

use std::sync::LazyLock;

use axum::{
    Json,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        Content, Ref, RefOr,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Routes;

/// Of the document, what is not about one route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Webhook relay",
        description = "Receives signed webhooks, keeps what was said once, and tells every subscriber until it arrives. \
            Errors under /v1 are RFC 9457 problem documents; under /api/v1 they are as the Svix contract has them.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    security(("key" = [])),
    components(schemas(Problem)),
    modifiers(&Bearer),
)]
struct Document;

/// What an error of our own looks like (RFC 9457).
#[derive(Serialize, ToSchema)]
struct Problem {
    /// Always `about:blank`.
    r#type: String,
    /// What the status means.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request.
    detail: String,
}

/// Says of every error under `/v1` that it is a problem.
pub(crate) fn with_problems(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let ours = document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/"));
    for operation in ours.flat_map(|(_, item)| {
        [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
    }) {
        for (status, response) in &mut operation.responses.responses {
            let RefOr::T(response) = response else { continue };
            if status.starts_with('4') {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                response.content.insert("application/problem+json".to_owned(), RefOr::T(problem));
            }
        }
    }
    document
}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut key = Http::new(HttpAuthScheme::Bearer);
        key.description = Some("An API key, rk_<id>_<secret>.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
    }
}

pub(crate) fn document() -> Routes {
    OpenApiRouter::with_openapi(Document::openapi())
}

pub(crate) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(health))
        .routes(routes!(posted_health))
        .routes(routes!(svix_health))
        .routes(routes!(svix_ping))
        .route("/openapi.json", axum::routing::get(openapi))
}

/// That we are up.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `healthy`.
    status: &'static str,
}

/// Whether the API is up.
#[utoipa::path(get, path = "/health", tag = "health", security(()), responses((status = 200, body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { status: "healthy" })
}

/// Whether the API is up, as those ask it who try out a webhook: with `{"test": true}`, which is not
/// looked at.
#[utoipa::path(post, path = "/health", tag = "health", operation_id = "posted_health", security(()), responses((status = 200, body = Health)))]
async fn posted_health() -> Json<Health> {
    health().await
}

/// Whether the API is up, as Svix clients ask it.
#[utoipa::path(get, path = "/api/v1/health", tag = "health", operation_id = "v1.health.get", security(()), responses((status = 204)))]
async fn svix_health() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The same, as their command line asks it.
#[utoipa::path(get, path = "/api/v1/health/ping", tag = "health", operation_id = "v1.health.ping", security(()), responses((status = 204)))]
async fn svix_ping() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The document, printed once.
static PRINTED: LazyLock<String> = LazyLock::new(|| crate::openapi().to_json().unwrap_or_default());

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], PRINTED.as_str())
}
