//! Event types out of an OpenAPI document: each of its webhooks is one.

use std::{collections::BTreeMap, sync::Arc};

use adapters::table::WriteOutcome;
use axum::{Json, extract::State};
use domain::{event_type::EventType, id::is_identifier};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::{HttpErrorOut, ValidationErrorOut},
    event_types::{self, EventTypeUpdate},
};
use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};
use manage::ControlPlane;

pub(super) fn routes() -> Routes {
    Routes::new().admin(routes!(import))
}

/// A document to read event types from.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventTypeImportOpenApiIn {
    /// The document; its `webhooks` (or `x-webhooks`) are read.
    #[schema(value_type = Option<Object>)]
    spec: Option<Value>,
    /// The same as JSON text.
    spec_raw: Option<String>,
    /// Only says what would change.
    #[serde(default)]
    dry_run: bool,
    /// Archives every event type that is not in the document.
    #[serde(default)]
    replace_all: bool,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
struct EventTypeImportOpenApiOut {
    data: EventTypeImportOpenApiOutData,
}

/// What changed, or would.
#[derive(Serialize, ToSchema)]
struct EventTypeImportOpenApiOutData {
    /// The names of types that were changed; of a dry run, those that would be.
    modified: Vec<String>,
    /// What they would become; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_modify: Option<Vec<EventTypeFromOpenApi>>,
}

/// An event type as the document describes it.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventTypeFromOpenApi {
    name: String,
    description: String,
    deprecated: bool,
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    schemas: Option<BTreeMap<String, Map<String, Value>>>,
    feature_flags: Option<Vec<String>>,
    feature_flag: Option<String>,
    group_name: Option<String>,
}

impl From<EventTypeFromOpenApi> for EventTypeUpdate {
    fn from(read: EventTypeFromOpenApi) -> Self {
        Self {
            description: read.description,
            archived: false,
            deprecated: read.deprecated,
            schemas: read.schemas,
            feature_flags: read.feature_flags,
            feature_flag: None,
            group_name: read.group_name,
        }
    }
}

/// Creates or changes event types as an OpenAPI document describes them. Doing it again changes
/// nothing, so what a crash cut short is made good by asking again.
#[utoipa::path(post, path = "/api/v1/event-type/import/openapi", tag = "svix: event type", operation_id = "v1.event-type.import-openapi",
    params(("idempotency-key" = Option<String>, Header)), request_body = EventTypeImportOpenApiIn,
    responses((status = 200, body = EventTypeImportOpenApiOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn import(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<EventTypeImportOpenApiIn>,
) -> Result<Json<EventTypeImportOpenApiOut>, Error> {
    principal.must_see_all()?;
    let document = match (given.spec, given.spec_raw) {
        (Some(spec), _) => spec,
        (None, Some(text)) => serde_json::from_str(&text)
            .map_err(|_| Error::field("specRaw", "is not JSON; YAML is not read"))?,
        (None, None) => return Err(Error::field("spec", "or specRaw must be given")),
    };
    let read = read(&document)?;
    let known = control.table().event_types().await?;
    let now = control.now();
    let mut changed: Vec<EventType> = Vec::new();
    let mut said = Vec::new();
    for described in read {
        let found = known.iter().find(|kind| kind.name == described.name);
        let mut kind = found.cloned().unwrap_or_else(|| event_types::unknown(&described.name, now));
        let before = kind.updated_at;
        EventTypeUpdate::from(described.clone()).apply(&mut kind, before)?;
        if found != Some(&kind) {
            kind.updated_at = now;
            changed.push(kind);
            said.push(described);
        }
    }
    let mut modified: Vec<String> = changed.iter().map(|kind| kind.name.clone()).collect();
    if given.replace_all {
        let names = names(&document);
        for kind in &known {
            if !names.contains(&kind.name) && !kind.archived {
                changed.push(EventType { archived: true, updated_at: now, ..kind.clone() });
                modified.push(kind.name.clone());
            }
        }
    }
    if given.dry_run {
        let data = EventTypeImportOpenApiOutData { modified, to_modify: Some(said) };
        return Ok(Json(EventTypeImportOpenApiOut { data }));
    }
    let control = &control;
    let writes = changed.into_iter().map(|kind| async move {
        match control.table().put_event_type(&kind).await? {
            WriteOutcome::Done => Ok(()),
            WriteOutcome::Refused => {
                Err(Error::Conflict(format!("somebody else changes {} too", kind.name)))
            }
        }
    });
    stream::iter(writes).buffer_unordered(8).try_collect::<()>().await?;
    let data = EventTypeImportOpenApiOutData { modified, to_modify: None };
    Ok(Json(EventTypeImportOpenApiOut { data }))
}

/// The document's webhooks, in the place of either version.
fn webhooks(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let places = ["webhooks", "x-webhooks"];
    places.into_iter().filter_map(|place| document[place].as_object()).flatten()
}

fn names(document: &Value) -> Vec<String> {
    webhooks(document).map(|(name, _)| name.clone()).collect()
}

/// The event types that a document describes.
fn read(document: &Value) -> Result<Vec<EventTypeFromOpenApi>, Error> {
    let mut read = Vec::new();
    for (name, item) in webhooks(document) {
        if !is_identifier(name, 256) {
            let why = format!("the webhook {name:.80?} is not 1 to 256 of A-Z a-z 0-9 - _ .");
            return Err(Error::field("spec", why));
        }
        let methods = ["post", "put", "patch", "get"];
        let Some(operation) = methods.iter().map(|method| &item[method]).find(|op| op.is_object())
        else {
            return Err(Error::field("spec", format!("the webhook {name} has no operation")));
        };
        let told = ["description", "summary"].iter().find_map(|field| operation[field].as_str());
        let flags: Option<Vec<String>> = operation["x-feature-flags"]
            .as_array()
            .map(|flags| flags.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        read.push(EventTypeFromOpenApi {
            name: name.clone(),
            description: told.unwrap_or_default().to_owned(),
            deprecated: operation["deprecated"].as_bool().unwrap_or(false),
            schemas: schema(document, operation)
                .map(|schema| BTreeMap::from([("1".to_owned(), schema)])),
            feature_flag: flags.as_ref().and_then(|flags| flags.first().cloned()),
            feature_flags: flags,
            group_name: operation["x-group-name"].as_str().map(str::to_owned),
        });
    }
    Ok(read)
}

/// The schema of what a webhook carries, which stands by itself: what it refers to comes along.
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
