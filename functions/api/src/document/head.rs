//! Parts of the OpenAPI document that belong to no single route.

use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
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
    modifiers(&Bearer),
)]
pub(super) struct Head;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut key = Http::new(HttpAuthScheme::Bearer);
        key.description =
            Some("An API key, rk_<id>_<secret>, or a session, rs_<secret>.".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key));
    }
}
