//! Event types from an OpenAPI document: each of the document's webhooks is one.

use std::collections::BTreeMap;

use adapters::table::WriteOutcome;
use domain::{event_type::EventType, id::is_identifier};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};

use super::{EventTypeDraft, blank};
use crate::{ControlPlane, Principal, Refusal, names::MAX_EVENT_TYPE};

/// Writes of one import that run at the same time.
const PARALLEL_WRITES: usize = 8;

/// An event type as a document describes it.
#[derive(Clone, Debug)]
pub struct ImportedEventType {
    /// Name that the document gives the webhook.
    pub name: String,
    /// Draft that the webhook's operation gives.
    pub draft: EventTypeDraft,
}

/// Result of an import, or of one that is only tried.
#[derive(Clone, Debug)]
pub struct Import {
    /// Names of the event types that change.
    pub modified: Vec<String>,
    /// Event types of the document that change, as they become.
    pub described: Vec<ImportedEventType>,
}

/// Creates or changes event types as an OpenAPI document describes them. With `replace_all`, types
/// that the document does not have are archived; with `dry_run`, nothing is written. A repeated
/// import changes nothing, so that an import that was cut short is completed by the next.
///
/// # Errors
///
/// [`Refusal::Forbidden`] for a tenant's key, [`Refusal::Invalid`] of `spec` for a webhook that is
/// no event type, [`Refusal::Conflict`] if one of the types changed at the same time.
pub async fn import(
    control: &ControlPlane,
    principal: &Principal,
    document: &Value,
    replace_all: bool,
    dry_run: bool,
) -> Result<Import, Refusal> {
    principal.must_see_all()?;
    let known = control.table().event_types().await?;
    let now = control.now();
    let (mut changed, mut described) = (Vec::new(), Vec::new());
    for imported in read(document)? {
        let found = known.iter().find(|kind| kind.name == imported.name);
        let mut kind = found.cloned().unwrap_or_else(|| blank(&imported.name, now));
        let before = kind.updated_at;
        imported.draft.clone().apply(&mut kind, before)?;
        if found != Some(&kind) {
            kind.updated_at = now;
            changed.push(kind);
            described.push(imported);
        }
    }
    if replace_all {
        let names: Vec<&String> = webhooks(document).map(|(name, _)| name).collect();
        let gone = known.iter().filter(|kind| !names.contains(&&kind.name) && !kind.archived);
        let archive =
            |kind: &EventType| EventType { archived: true, updated_at: now, ..kind.clone() };
        changed.extend(gone.map(archive));
    }
    let modified = changed.iter().map(|kind| kind.name.clone()).collect();
    if !dry_run {
        let writes = changed.into_iter().map(|kind| write(control, kind));
        stream::iter(writes).buffer_unordered(PARALLEL_WRITES).try_collect::<()>().await?;
    }
    Ok(Import { modified, described })
}

async fn write(control: &ControlPlane, kind: EventType) -> Result<(), Refusal> {
    match control.table().put_event_type(&kind).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => {
            Err(Refusal::Conflict(format!("somebody else changes {} too", kind.name)))
        }
    }
}

/// The document's webhooks, which stand in one of two places by the version of OpenAPI.
fn webhooks(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let places = ["webhooks", "x-webhooks"];
    places.into_iter().filter_map(|place| document[place].as_object()).flatten()
}

/// The event types that a document describes.
fn read(document: &Value) -> Result<Vec<ImportedEventType>, Refusal> {
    webhooks(document).map(|(name, item)| read_webhook(document, name, item)).collect()
}

fn read_webhook(document: &Value, name: &str, item: &Value) -> Result<ImportedEventType, Refusal> {
    if !is_identifier(name, MAX_EVENT_TYPE) {
        let why =
            format!("the webhook {name:.80?} is not 1 to {MAX_EVENT_TYPE} of A-Z a-z 0-9 - _ .");
        return Err(Refusal::field("spec", why));
    }
    let methods = ["post", "put", "patch", "get"];
    let operation = methods.iter().map(|method| &item[method]).find(|found| found.is_object());
    let Some(operation) = operation else {
        return Err(Refusal::field("spec", format!("the webhook {name} has no operation")));
    };
    let text = |field: &str| operation[field].as_str();
    let flags = operation["x-feature-flags"].as_array().into_iter().flatten();
    let draft = EventTypeDraft {
        description: text("description").or_else(|| text("summary")).unwrap_or_default().to_owned(),
        archived: false,
        deprecated: operation["deprecated"].as_bool().unwrap_or(false),
        schemas: schema(document, operation)
            .map(|schema| BTreeMap::from([("1".to_owned(), schema)])),
        feature_flags: flags.filter_map(Value::as_str).map(str::to_owned).collect(),
        group_name: text("x-group-name").map(str::to_owned),
    };
    Ok(ImportedEventType { name: name.to_owned(), draft })
}

/// The schema of a webhook's body, with copies of the schemas that it refers to in its own `$defs`.
fn schema(document: &Value, operation: &Value) -> Option<Map<String, Value>> {
    let content = &operation["requestBody"]["content"]["application/json"];
    let mut schema = content["schema"].as_object()?.clone();
    if !schema.contains_key("examples") {
        let named = content["examples"].as_object().into_iter().flat_map(Map::values);
        let mut examples: Vec<Value> = named.map(|example| example["value"].clone()).collect();
        examples.extend(content.get("example").cloned());
        if !examples.is_empty() {
            schema.insert("examples".to_owned(), examples.into());
        }
    }
    let (mut wanted, mut definitions) = (Vec::new(), Map::new());
    let mut whole = Value::Object(schema);
    refer_to_own(&mut whole, &mut wanted);
    while let Some(name) = wanted.pop() {
        if definitions.contains_key(&name) {
            continue;
        }
        let mut part = document["components"]["schemas"][&name].clone();
        refer_to_own(&mut part, &mut wanted);
        definitions.insert(name, part);
    }
    if !definitions.is_empty() {
        whole["$defs"] = Value::Object(definitions);
    }
    match whole {
        Value::Object(schema) => Some(schema),
        _ => None,
    }
}

/// Turns references to the document's schemas into references to the schema's own.
fn refer_to_own(value: &mut Value, wanted: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/components/schemas/")
            {
                wanted.push(name.to_owned());
                *reference = format!("#/$defs/{name}");
            }
            fields.values_mut().for_each(|value| refer_to_own(value, wanted));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| refer_to_own(value, wanted)),
        _ => (),
    }
}
