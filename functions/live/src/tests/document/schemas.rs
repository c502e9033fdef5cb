//! Schemas of messages, made from the types that are read and written.

use domain::live::{action::Action, message::LiveEvent};
use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value};

/// The schema of one message.
pub(super) struct MessageSchema {
    pub(super) name: String,
    pub(super) summary: String,
    /// A schema of JSON Schema draft 7, of which AsyncAPI's own schemas are a superset.
    pub(super) payload: Value,
}

/// Schemas of the actions, in the order of their declaration.
pub(super) fn action_schemas() -> Vec<MessageSchema> {
    schemas::<Action>(settings().for_deserialize(), "action")
}

/// Schemas of the messages to clients, in the order of their declaration.
pub(super) fn event_schemas() -> Vec<MessageSchema> {
    // A field that may be left out is never null.
    let settings = settings().for_serialize();
    schemas::<LiveEvent>(settings.with_transform(RecursiveTransform(without_null)), "event")
}

/// Every payload is a schema by itself, so that it can be taken out of the document.
fn settings() -> SchemaSettings {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.with_transform(RecursiveTransform(plain))
}

fn schemas<T: JsonSchema>(settings: SchemaSettings, tag: &str) -> Vec<MessageSchema> {
    let root = settings.into_generator().into_root_schema_for::<T>();
    let one_of = root.as_value()["oneOf"].as_array().expect("one schema per message");
    one_of.iter().map(|schema| message(schema.clone(), tag)).collect()
}

fn message(mut payload: Value, tag: &str) -> MessageSchema {
    let name = payload["properties"][tag]["const"].as_str().expect("a name").to_owned();
    let fields = payload.as_object_mut().expect("an object");
    let summary = fields.remove("description").expect("a description");
    MessageSchema { name, summary: summary.as_str().expect("a text").to_owned(), payload }
}

/// Leaves out what is no JSON Schema, and breaks of lines in descriptions.
fn plain(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.contains("int")) {
        fields.remove("format");
    }
    if fields.get("default") == Some(&Value::Null) {
        fields.remove("default");
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

/// Takes `null` from the fields of an object that may be left out.
fn without_null(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    let required = fields.get("required").cloned().unwrap_or_default();
    let is_required =
        |name: &String| required.as_array().is_some_and(|all| all.iter().any(|it| it == name));
    let properties = fields.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object_mut().filter(|_| !is_required(name)) else {
            continue;
        };
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|kind| kind != "null");
        }
        let Some(Value::Array(mut choices)) = property.remove("anyOf") else { continue };
        choices.retain(|choice| choice["type"] != "null");
        let only: Option<Map<String, Value>> =
            choices.pop().and_then(|choice| choice.as_object().cloned());
        for (keyword, value) in only.into_iter().flatten() {
            property.entry(keyword).or_insert(value);
        }
    }
}
