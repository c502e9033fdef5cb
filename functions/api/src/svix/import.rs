//! Import of event types from an OpenAPI document.

use std::sync::Arc;

use axum::{Json, extract::State};
use manage::{
    ControlPlane,
    event_types::{self, ImportedEventType, Schemas},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::bodies::spelt;
use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: event type").admin(routes!(import))
}

/// A document to read event types from.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventTypeImportOpenApiIn {
    /// The document as an object; its `webhooks` (or `x-webhooks`) are read.
    #[schema(value_type = Option<Object>)]
    spec: Option<Value>,
    /// The document as JSON text.
    spec_raw: Option<String>,
    /// Whether the answer only says what would change.
    #[serde(default)]
    dry_run: bool,
    /// Whether event types that are not in the document are archived.
    #[serde(default)]
    replace_all: bool,
}

/// The result of an import.
#[derive(Serialize, ToSchema)]
struct EventTypeImportOpenApiOut {
    data: EventTypeImportOpenApiOutData,
}

/// The changes of an import.
#[derive(Serialize, ToSchema)]
struct EventTypeImportOpenApiOutData {
    /// Names of the types that were changed; of a dry run, those that would be.
    modified: Vec<String>,
    /// The types as they would become; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_modify: Option<Vec<EventTypeFromOpenApi>>,
}

/// An event type as the document describes it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EventTypeFromOpenApi {
    name: String,
    description: String,
    deprecated: bool,
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    schemas: Option<Schemas>,
    feature_flags: Option<Vec<String>>,
    feature_flag: Option<String>,
    group_name: Option<String>,
}

impl From<ImportedEventType> for EventTypeFromOpenApi {
    fn from(ImportedEventType { name, draft }: ImportedEventType) -> Self {
        let flags = draft.feature_flags;
        Self {
            name,
            description: draft.description,
            deprecated: draft.deprecated,
            schemas: draft.schemas,
            feature_flag: flags.first().cloned(),
            feature_flags: (!flags.is_empty()).then_some(flags),
            group_name: draft.group_name,
        }
    }
}

/// Creates or changes event types as an OpenAPI document describes them. Doing it again changes
/// nothing, so what a crash cut short is made good by asking again.
#[utoipa::path(post, path = "/api/v1/event-type/import/openapi",
    operation_id = "v1.event-type.import-openapi", request_body = EventTypeImportOpenApiIn,
    responses((status = 200, body = EventTypeImportOpenApiOut), (status = 409)))]
async fn import(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<EventTypeImportOpenApiIn>,
) -> Result<Json<EventTypeImportOpenApiOut>, Error> {
    let EventTypeImportOpenApiIn { spec, spec_raw, dry_run, replace_all } = given;
    principal.must_see_all()?;
    let document = match (spec, spec_raw) {
        (Some(spec), _) => spec,
        (None, Some(text)) => serde_json::from_str(&text)
            .map_err(|_| Error::field("specRaw", "is not JSON; YAML is not read"))?,
        (None, None) => return Err(Error::field("spec", "or specRaw must be given")),
    };
    let imported = event_types::import(&control, &principal, &document, replace_all, dry_run).await;
    let imported = imported.map_err(spelt)?;
    let described = imported.described.into_iter().map(EventTypeFromOpenApi::from);
    let data = EventTypeImportOpenApiOutData {
        modified: imported.modified,
        to_modify: dry_run.then(|| described.collect()),
    };
    Ok(Json(EventTypeImportOpenApiOut { data }))
}
