//! Request bodies of contracts that refuse unknown fields, as the document describes them.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::{
    OpenApi, RefOr, Schema, path::Operation as Described, schema::AdditionalProperties,
};

/// Names of the schemas that the body of a request is made of.
pub(super) fn body_schemas(described: &Described) -> BTreeSet<String> {
    described.request_body.iter().flat_map(referred).collect()
}

/// Says of the named schemas, and of those that they refer to, that they have no other fields than
/// those that are described.
pub(super) fn close(document: &mut OpenApi, names: BTreeSet<String>) {
    let Some(components) = &mut document.components else { return };
    let (mut waiting, mut closed) = (names, BTreeSet::new());
    while let Some(name) = waiting.pop_first() {
        let Some(RefOr::T(schema)) = components.schemas.get_mut(&name) else { continue };
        closed.insert(name);
        waiting.extend(referred(&*schema).into_iter().filter(|name| !closed.contains(name)));
        if let Schema::Object(object) = schema
            && !object.properties.is_empty()
        {
            let none = Box::new(AdditionalProperties::FreeForm(false));
            object.additional_properties.get_or_insert(none);
        }
    }
}

/// Names of the schemas that a part of the document refers to.
fn referred(part: &impl serde::Serialize) -> Vec<String> {
    fn collect(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                let name = fields.get("$ref").and_then(Value::as_str);
                names.extend(name.and_then(|name| name.rsplit('/').next()).map(str::to_owned));
                fields.values().for_each(|value| collect(value, names));
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
            _ => (),
        }
    }
    let mut names = Vec::new();
    collect(&serde_json::to_value(part).unwrap_or_default(), &mut names);
    names
}
