//! Examples that fit a JSON Schema: the ones that the schema contains, or one made from its usual
//! keywords. Patterns are not followed.

mod check;

pub use self::check::fault;
use serde_json::{Map, Value, json};

/// Most values of a made example, so that a schema which refers to itself ends.
const MAX_PARTS: usize = 2000;
const MAX_DEPTH: usize = 12;

/// An example for a schema: the one with this index in the schema, else the schema's first, else a
/// made one.
pub fn example(schema: &Value, index: usize) -> Value {
    let given = schema["examples"].as_array();
    if let Some(example) = given.and_then(|given| given.get(index).or_else(|| given.first())) {
        return example.clone();
    }
    Maker { root: schema, parts: 0 }.make(schema, 0)
}

struct Maker<'s> {
    root: &'s Value,
    parts: usize,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, depth: usize) -> Value {
        self.parts += 1;
        if MAX_DEPTH < depth || MAX_PARTS < self.parts {
            return Value::Null;
        }
        for told in ["const", "example", "default"] {
            if let Some(value) = schema.get(told) {
                return value.clone();
            }
        }
        for list in ["examples", "enum"] {
            if let Some(first) = schema[list].as_array().and_then(|list| list.first()) {
                return first.clone();
            }
        }
        if let Some(pointer) = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            let root = self.root;
            return match root.pointer(pointer) {
                Some(schema) => self.make(schema, depth + 1),
                None => Value::Null,
            };
        }
        for choice in ["oneOf", "anyOf"] {
            let some = |schema: &&Value| schema["type"] != "null";
            if let Some(first) = schema[choice].as_array().and_then(|all| all.iter().find(some)) {
                return self.make(first, depth + 1);
            }
        }
        let mut whole = Map::new();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            match self.make(part, depth + 1) {
                Value::Object(fields) => whole.extend(fields),
                other if !other.is_null() => return other,
                _ => (),
            }
        }
        match kind(schema) {
            Some("object") => (),
            Some("array") => {
                let entry = self.make(&schema["items"], depth + 1);
                let count = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 10);
                return (0..count).map(|_| entry.clone()).collect();
            }
            Some("string") => return text(schema),
            Some("integer" | "number") => return number(schema),
            Some("boolean") => return Value::Bool(true),
            None if !whole.is_empty() => (),
            _ => return Value::Null,
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let value = self.make(field, depth + 1);
            whole.insert(name.clone(), value);
        }
        Value::Object(whole)
    }
}

/// The type that a schema describes: the one it names, or the one its keywords belong to.
fn kind(schema: &Value) -> Option<&str> {
    if let Some(kind) = schema["type"].as_str() {
        return Some(kind);
    }
    if let Some(kinds) = schema["type"].as_array() {
        return kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
    }
    [("properties", "object"), ("items", "array"), ("format", "string"), ("minimum", "number")]
        .into_iter()
        .find(|(keyword, _)| schema.get(*keyword).is_some())
        .map(|(_, kind)| kind)
}

fn text(schema: &Value) -> Value {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-01-02T03:04:05Z",
        Some("date") => "2026-01-02",
        Some("time") => "03:04:05Z",
        Some("uri" | "url") => "https://example.com/",
        Some("email") => "someone@example.com",
        Some("uuid") => "01234567-89ab-4cde-8f01-23456789abcd",
        Some("ipv4") => "192.0.2.1",
        Some("hostname") => "example.com",
        _ => "string",
    };
    let limit = |name: &str| schema[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let mut text = text.to_owned();
    while text.len() < limit("minLength").unwrap_or(0).min(256) {
        text.push('x');
    }
    text.truncate(limit("maxLength").unwrap_or(usize::MAX));
    Value::String(text)
}

fn number(schema: &Value) -> Value {
    let whole = kind(schema) == Some("integer");
    let minimum = &schema["minimum"];
    if minimum.is_number() {
        return minimum.clone();
    }
    let least = schema["exclusiveMinimum"].as_f64().map_or(1.0, |least| least + 1.0);
    let value = schema["maximum"].as_f64().map_or(least, |most| least.min(most));
    // Whole and small: a schema's bound, or 1.
    if whole { json!(value.floor() as i64) } else { json!(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_given_or_made() {
        for (schema, made) in [
            (json!({ "examples": [1, 2] }), json!(1)),
            (json!({ "type": "string", "format": "date" }), json!("2026-01-02")),
            (json!({ "type": "string", "minLength": 8 }), json!("stringxx")),
            (json!({ "type": "integer", "minimum": 3 }), json!(3)),
            (json!({ "type": ["null", "integer"] }), json!(1)),
            (json!({ "type": "array", "items": { "enum": ["a", "b"] } }), json!(["a"])),
            (
                json!({ "properties": { "a": { "const": 7 }, "b": { "$ref": "#/$defs/b" } },
                    "$defs": { "b": { "type": "boolean" } } }),
                json!({ "a": 7, "b": true }),
            ),
            (
                json!({ "allOf": [{ "properties": { "a": { "type": "null" } } }],
                    "properties": { "b": { "oneOf": [{ "type": "null" }, { "type": "number" }] } } }),
                json!({ "a": null, "b": 1.0 }),
            ),
            (json!({ "$ref": "#/nowhere" }), Value::Null),
            (json!({}), Value::Null),
            (json!(true), Value::Null),
        ] {
            assert_eq!(example(&schema, 0), made, "{schema}");
        }
    }

    #[test]
    fn a_schema_of_itself_ends() {
        let node = json!({ "properties": { "a": { "$ref": "#" }, "b": { "$ref": "#" } } });
        assert!(example(&node, 0)["a"]["b"].is_object());
    }
}
