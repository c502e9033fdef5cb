//! Parts of the OpenAPI document that belong to no single route.

use serde::Serialize;
use utoipa::{
    Modify, OpenApi, ToSchema,
    openapi::{
        Content, Ref, RefOr,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

/// Title, description and security of the document.
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
pub(super) struct Head;

/// An error of our own API (RFC 9457).
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

/// Describes every error under `/v1` as a problem document.
pub(super) fn with_problems(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
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
