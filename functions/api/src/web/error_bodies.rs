//! Errors of operations, as the document describes them.

use std::borrow::Cow;

use domain::key::KeyScope;
use utoipa::{
    ToSchema,
    openapi::{
        Content, Ref, RefOr, Response, Schema,
        path::{Operation as Described, ParameterIn},
    },
};

/// Bodies of a contract's errors, as the document describes them.
pub(crate) struct ErrorBodies {
    media_type: &'static str,
    /// Name of the schema of an error with status 422.
    invalid: Cow<'static, str>,
    /// Name of the schema of every other error.
    other: Cow<'static, str>,
    /// Schemas of the bodies, by name.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
}

impl ErrorBodies {
    /// Errors that all have one body.
    pub(crate) fn of<Body: ToSchema>(media_type: &'static str) -> Self {
        Self::by_kind::<Body, Body>(media_type)
    }

    /// Errors that have one body with status 422 and another one with every other status.
    pub(crate) fn by_kind<Invalid: ToSchema, Other: ToSchema>(media_type: &'static str) -> Self {
        let mut schemas = vec![
            (Invalid::name().into_owned(), Invalid::schema()),
            (Other::name().into_owned(), Other::schema()),
        ];
        Invalid::schemas(&mut schemas);
        Other::schemas(&mut schemas);
        Self { media_type, invalid: Invalid::name(), other: Other::name(), schemas }
    }

    /// Describes the errors of an operation: those that it states, and those that follow from its
    /// path, its input and the scope of keys that may call it. `None` is the scope of an operation
    /// that needs no key.
    pub(super) fn describe(&self, path: &str, scope: Option<KeyScope>, described: &mut Described) {
        let parameters = described.parameters.iter().flatten();
        let mut query = parameters
            .filter(|one| matches!(one, RefOr::T(one) if one.parameter_in == ParameterIn::Query));
        let body = described.request_body.is_some();
        let input = body || query.next().is_some();
        let responses = &mut described.responses.responses;
        if let Some(scope) = scope {
            let derived = [
                ("400", body),
                ("401", true),
                ("403", scope != KeyScope::Read),
                ("404", path.contains('{')),
                ("413", body),
                ("422", input),
            ];
            for (status, _) in derived.into_iter().filter(|(_, applies)| *applies) {
                responses.entry(status.to_owned()).or_insert(RefOr::T(Response::new("")));
            }
        }
        for (status, response) in responses {
            let RefOr::T(response) = response else { continue };
            if status.as_str() < "400" {
                continue;
            }
            if response.description.is_empty() {
                meaning(status).clone_into(&mut response.description);
            }
            let name = if status == "422" { &self.invalid } else { &self.other };
            let content = Content::new(Some(Ref::from_schema_name(name.as_ref())));
            response.content.insert(self.media_type.to_owned(), RefOr::T(content));
        }
    }
}

/// Meaning of an error's status, where an operation does not state a meaning of its own.
fn meaning(status: &str) -> &'static str {
    match status {
        "400" => "The request cannot be read.",
        "401" => "The request has no API key, or one that is not valid.",
        "403" => "The scope or the application of the API key does not allow the request.",
        "404" => "A thing that the path names does not exist, or the API key may not see it.",
        "409" => "The request contradicts the present state.",
        "413" => "The body is larger than 1 MiB.",
        "429" => "The caller sends more than it may; `Retry-After` says when to send again.",
        "422" => "A field or parameter cannot be used; the answer names it.",
        "501" => "The operation is not available yet.",
        _ => "",
    }
}
