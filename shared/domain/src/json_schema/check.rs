//! Whether a JSON value is a JSON Schema: each keyword that is known has a value of its kind.
//!
//! The keywords are those of the drafts 4 to 2020-12 and of OpenAPI 3.0, which differ in a few kinds;
//! either kind is taken. Unknown keywords are annotations and are taken as they are.

use serde_json::{Map, Value};

/// The kind of value that a keyword has.
#[derive(Clone, Copy)]
enum Kind {
    Schema,
    /// A schema, or a list of schemas as in older drafts.
    SchemaOrSchemas,
    /// A list of one or more schemas.
    Schemas,
    /// An object whose members are schemas.
    SchemasByName,
    Text,
    Flag,
    /// 0 or a larger whole number.
    Count,
    Number,
    /// A number larger than 0.
    Positive,
    /// A number, or a flag as in draft 4.
    NumberOrFlag,
    List,
    /// A list of texts, each once.
    Names,
    /// One of the seven types, or a list of them.
    Type,
    /// An object of lists of names.
    NamesByName,
}

const KEYWORDS: &[(Kind, &[&str])] = &[
    (
        Kind::Schema,
        &[
            "additionalItems",
            "additionalProperties",
            "contains",
            "else",
            "if",
            "not",
            "propertyNames",
            "then",
            "unevaluatedItems",
            "unevaluatedProperties",
        ],
    ),
    (Kind::SchemaOrSchemas, &["items"]),
    (Kind::Schemas, &["allOf", "anyOf", "oneOf", "prefixItems"]),
    (
        Kind::SchemasByName,
        &["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"],
    ),
    (
        Kind::Text,
        &[
            "$anchor",
            "$comment",
            "$dynamicAnchor",
            "$dynamicRef",
            "$id",
            "$ref",
            "$schema",
            "contentEncoding",
            "contentMediaType",
            "description",
            "format",
            "pattern",
            "title",
        ],
    ),
    (Kind::Flag, &["deprecated", "nullable", "readOnly", "uniqueItems", "writeOnly"]),
    (
        Kind::Count,
        &[
            "maxContains",
            "maxItems",
            "maxLength",
            "maxProperties",
            "minContains",
            "minItems",
            "minLength",
            "minProperties",
        ],
    ),
    (Kind::Number, &["maximum", "minimum"]),
    (Kind::Positive, &["multipleOf"]),
    (Kind::NumberOrFlag, &["exclusiveMaximum", "exclusiveMinimum"]),
    (Kind::List, &["enum", "examples"]),
    (Kind::Names, &["required"]),
    (Kind::Type, &["type"]),
    (Kind::NamesByName, &["dependentRequired"]),
];

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// The first fault of a schema, with the place where it stands; `None` if there is none. Names of
/// keywords and properties are quoted, values are not.
pub fn fault(schema: &Map<String, Value>) -> Option<String> {
    of_object(schema, "")
}

fn of_object(schema: &Map<String, Value>, at: &str) -> Option<String> {
    schema.iter().find_map(|(name, value)| {
        let (kind, _) = KEYWORDS.iter().find(|(_, names)| names.contains(&name.as_str()))?;
        of_keyword(*kind, value, &format!("{at}/{name}"))
    })
}

fn of_schema(value: &Value, at: &str) -> Option<String> {
    match value {
        Value::Object(schema) => of_object(schema, at),
        Value::Bool(_) => None,
        _ => Some(format!("{at} is a schema: an object, true or false")),
    }
}

fn of_list(list: &[Value], at: &str) -> Option<String> {
    let mut schemas = list.iter().enumerate();
    schemas.find_map(|(index, schema)| of_schema(schema, &format!("{at}/{index}")))
}

fn of_keyword(kind: Kind, value: &Value, at: &str) -> Option<String> {
    let unless = |fits: bool, what: &str| (!fits).then(|| format!("{at} is {what}"));
    match kind {
        Kind::Schema => of_schema(value, at),
        Kind::SchemaOrSchemas => match value {
            Value::Array(list) => of_list(list, at),
            other => of_schema(other, at),
        },
        Kind::Schemas => match value {
            Value::Array(list) if !list.is_empty() => of_list(list, at),
            _ => Some(format!("{at} is a list of one or more schemas")),
        },
        Kind::SchemasByName => match value {
            Value::Object(named) => {
                named.iter().find_map(|(name, schema)| of_schema(schema, &format!("{at}/{name}")))
            }
            _ => Some(format!("{at} is an object of schemas")),
        },
        Kind::Text => unless(value.is_string(), "a text"),
        Kind::Flag => unless(value.is_boolean(), "true or false"),
        Kind::Count => {
            let whole = value.as_f64().is_some_and(|count| 0.0 <= count && count.fract() == 0.0);
            unless(whole, "0 or a larger whole number")
        }
        Kind::Number => unless(value.is_number(), "a number"),
        Kind::Positive => {
            unless(value.as_f64().is_some_and(|number| 0.0 < number), "a number larger than 0")
        }
        Kind::NumberOrFlag => unless(value.is_number() || value.is_boolean(), "a number"),
        Kind::List => unless(value.is_array(), "a list"),
        Kind::Names => unless(are_names(value), "a list of names, each once"),
        Kind::Type => {
            let known = |value: &Value| value.as_str().is_some_and(|word| TYPES.contains(&word));
            let fits = match value {
                Value::Array(list) => !list.is_empty() && list.iter().all(known),
                one => known(one),
            };
            unless(fits, "array, boolean, integer, null, number, object or string")
        }
        Kind::NamesByName => {
            let fits = value.as_object().is_some_and(|named| named.values().all(are_names));
            unless(fits, "an object of lists of names")
        }
    }
}

/// Whether a value is a list of texts, each once.
fn are_names(value: &Value) -> bool {
    let Some(list) = value.as_array() else { return false };
    let names: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    names.is_some_and(|mut names| {
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() == count
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(schema: Value) -> Option<String> {
        fault(schema.as_object().expect("an object"))
    }

    #[test]
    fn a_keyword_with_a_value_of_another_kind_is_a_fault_wherever_it_stands() {
        for (schema, place) in [
            (json!({ "readOnly": 15 }), "/readOnly"),
            (json!({ "type": "text" }), "/type"),
            (json!({ "type": [] }), "/type"),
            (json!({ "type": ["object", 1] }), "/type"),
            (json!({ "properties": [] }), "/properties"),
            (json!({ "properties": { "a": 1 } }), "/properties/a"),
            (json!({ "properties": { "a": { "title": 1 } } }), "/properties/a/title"),
            (json!({ "items": { "minLength": -1 } }), "/items/minLength"),
            (json!({ "items": [true, { "maxItems": 1.5 }] }), "/items/1/maxItems"),
            (json!({ "allOf": [] }), "/allOf"),
            (json!({ "anyOf": [{ "not": "x" }] }), "/anyOf/0/not"),
            (json!({ "$defs": { "a": { "multipleOf": 0 } } }), "/$defs/a/multipleOf"),
            (json!({ "required": true }), "/required"),
            (json!({ "required": ["a", "a"] }), "/required"),
            (json!({ "required": ["a", 1] }), "/required"),
            (json!({ "enum": "a" }), "/enum"),
            (json!({ "minimum": "1" }), "/minimum"),
            (json!({ "exclusiveMinimum": "1" }), "/exclusiveMinimum"),
            (json!({ "dependentRequired": { "a": "b" } }), "/dependentRequired"),
            (json!({ "$ref": 1 }), "/$ref"),
        ] {
            let fault = said(schema.clone()).unwrap_or_else(|| panic!("{schema} is taken"));
            assert!(fault.starts_with(&format!("{place} is ")), "{schema}: {fault}");
        }
    }

    #[test]
    fn schemas_of_every_draft_are_taken() {
        for schema in [
            json!({}),
            json!({ "$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": true, "minimum": 0 }),
            json!({ "type": ["object", "null"], "properties": { "readOnly": { "readOnly": true } }, "required": [] }),
            json!({ "items": [{}, true], "additionalItems": false, "maxItems": 2.0 }),
            json!({ "example": 1, "x-own": { "type": 15 }, "nullable": true, "default": { "type": 15 } }),
            json!({ "const": { "type": 15 }, "examples": [{ "type": 15 }], "enum": [1, null] }),
            json!({ "if": true, "then": {}, "else": false, "prefixItems": [true], "multipleOf": 0.1 }),
        ] {
            assert_eq!(said(schema.clone()), None, "{schema}");
        }
    }
}
