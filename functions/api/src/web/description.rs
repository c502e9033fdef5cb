//! Parts of an operation's description that follow from how the operation was added: the parameters
//! of its path, the header `Idempotency-Key`, whether it needs a key, and its errors.

use std::collections::BTreeSet;

use axum::http::Method;
use utoipa::{
    PartialSchema,
    openapi::{
        Components, OpenApi, RefOr, Required, Response,
        path::{Operation as Described, Parameter, ParameterBuilder, ParameterIn},
        security::SecurityRequirement,
    },
};

use super::{
    idempotency,
    routes::{Contract, OpenRoutes, Operation, Operations, operations},
    strict,
};

/// The routes of a contract, without and with a key, with what the document says of them completed.
pub(crate) fn describe(contract: Contract) -> OpenRoutes {
    let Contract { mut open, routes, errors, idempotent, tolerant, parameters, .. } = contract;
    let (mut keyed, operations) = (routes.router, routes.operations);
    for router in [&mut open, &mut keyed] {
        let document = router.get_openapi_mut();
        let mut bodies = BTreeSet::new();
        for_each(document, |path, method, described| {
            let operation = find(&operations, path, &method);
            if operation.is_none() {
                described.security = Some(vec![SecurityRequirement::default()]);
            }
            bodies.extend(strict::body_schemas(described));
            describe_path_parameters(path, described, parameters);
            if idempotent && method == Method::POST && operation.is_some_and(|op| !op.repeatable) {
                let key = RefOr::T(idempotency_key());
                described.parameters.get_or_insert_default().push(key);
                // The key is in use by a request that is being carried out, or cannot be a key.
                for status in ["409", "422"] {
                    let responses = &mut described.responses.responses;
                    responses.entry(status.to_owned()).or_insert(RefOr::T(Response::new("")));
                }
            }
            if let Some(errors) = &errors {
                errors.describe(path, operation.map(|operation| operation.scope), described);
            }
        });
        if !tolerant {
            strict::close(document, bodies);
        }
    }
    if let Some(errors) = errors {
        let components = open.get_openapi_mut().components.get_or_insert_with(Components::new);
        components.schemas.extend(errors.schemas);
    }
    open.merge(keyed)
}

fn find<'o>(operations: &'o Operations, path: &str, method: &Method) -> Option<&'o Operation> {
    operations.get(&(path.to_owned(), method.clone()))
}

fn for_each(document: &mut OpenApi, mut change: impl FnMut(&str, Method, &mut Described)) {
    for (path, item) in &mut document.paths.paths {
        operations(item).for_each(|(method, described)| change(path, method, described));
    }
}

/// Describes the parameters of a path that the operation itself does not describe, first of all.
fn describe_path_parameters(
    path: &str,
    described: &mut Described,
    meanings: &[(&str, &'static str)],
) {
    let names = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0));
    let stated = described.parameters.take().unwrap_or_default();
    let is_stated = |name: &str| {
        stated.iter().any(|one| matches!(one, RefOr::T(one) if one.name == name && is_path(one)))
    };
    let missing = names.filter(|name| !is_stated(name)).map(|name| {
        let meaning = meanings.iter().find(|(known, _)| *known == name);
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(meaning.map(|(_, meaning)| *meaning))
            .schema(Some(String::schema()));
        RefOr::T(parameter.build())
    });
    let all: Vec<_> = missing.collect::<Vec<_>>().into_iter().chain(stated).collect();
    described.parameters = (!all.is_empty()).then_some(all);
}

fn is_path(parameter: &Parameter) -> bool {
    parameter.parameter_in == ParameterIn::Path
}

/// The header of a POST that is to be carried out once.
fn idempotency_key() -> Parameter {
    let meaning = "1 to 255 printable ASCII characters. A repeated request with the same key is not \
        carried out again; it gets the first answer, for 24 hours.";
    ParameterBuilder::new()
        .name(idempotency::HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(meaning))
        .schema(Some(String::schema()))
        .build()
}
