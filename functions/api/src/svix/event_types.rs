//! Event types: what publishers say of them, the same for all applications. Keys of one application
//! may read them. What the relay itself tells (`job.*`, `batch.*`) is not among them until it is
//! imported from our own document; examples of it are sent all the same.

use std::{collections::BTreeMap, sync::Arc};

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{event_type::EventType, id::is_identifier, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::{HttpErrorOut, ValidationErrorOut},
    page::{self, ListResponse},
    patch::{self, Fields},
};
use crate::web::{
    Routes, error::Error, gate::Authenticated, idempotency::Keyed, input::Body, params::Params,
};
use manage::ControlPlane;

pub(super) fn routes() -> Routes {
    Routes::new()
        .admin(routes!(create))
        .read(routes!(list))
        .read(routes!(get))
        .admin(routes!(update))
        .admin(routes!(patch))
        .admin(routes!(delete))
}

/// Largest schemas of one type, in bytes as JSON: an item of the table holds 400 KB.
const MAX_SCHEMAS: usize = 300_000;

/// A new event type.
#[derive(Deserialize, ToSchema)]
struct EventTypeIn {
    /// Such as `invoice.paid`.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    name: String,
    #[serde(flatten)]
    update: EventTypeUpdate,
}

/// What of an event type can be changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventTypeUpdate {
    /// For people.
    pub(super) description: String,
    /// It is out of use; lists leave it out unless asked.
    #[serde(default)]
    pub(super) archived: bool,
    /// It will go out of use.
    #[serde(default)]
    pub(super) deprecated: bool,
    /// JSON Schemas of its payload, by version. Their `examples` are what `send-example` sends.
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    pub(super) schemas: Option<BTreeMap<String, Map<String, Value>>>,
    /// Who is to see it.
    pub(super) feature_flags: Option<Vec<String>>,
    /// The same, as older clients call it.
    pub(super) feature_flag: Option<String>,
    /// What it is listed under.
    #[schema(max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    pub(super) group_name: Option<String>,
}

/// What of an event type can be changed, of which everything can be left out.
type EventTypePatch = patch::Patch<EventTypeUpdate>;

/// An event type as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventTypeOut {
    name: String,
    description: String,
    archived: bool,
    deprecated: bool,
    #[schema(value_type = Option<BTreeMap<String, Object>>)]
    schemas: Option<BTreeMap<String, Map<String, Value>>>,
    feature_flags: Option<Vec<String>>,
    feature_flag: Option<String>,
    group_name: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<EventType> for EventTypeOut {
    fn from(kind: EventType) -> Self {
        let flags = kind.feature_flags;
        Self {
            name: kind.name,
            description: kind.description,
            archived: kind.archived,
            deprecated: kind.deprecated,
            schemas: kind.schemas,
            feature_flag: flags.first().cloned(),
            feature_flags: (!flags.is_empty()).then_some(flags),
            group_name: kind.group_name,
            created_at: kind.created_at.rfc3339(),
            updated_at: kind.updated_at.rfc3339(),
        }
    }
}

impl EventTypeUpdate {
    /// A patch laid over an event type.
    fn patched(known: &EventType, patch: Fields) -> Result<Self, Error> {
        const SAME: [patch::Spellings; 1] = [["featureFlags", "featureFlag"]];
        const CLEARABLE: [&str; 4] = ["schemas", "featureFlags", "featureFlag", "groupName"];
        let mut whole = patch::fields(json!({
            "description": known.description,
            "archived": known.archived,
            "deprecated": known.deprecated,
            "schemas": known.schemas,
            "featureFlags": known.feature_flags,
            "groupName": known.group_name,
        }))?;
        whole.retain(|_, value| !value.is_null());
        patch::lay_over(whole, patch, &SAME, &CLEARABLE)
    }

    /// Writes itself over an event type, if all of it can be used.
    pub(super) fn apply(self, kind: &mut EventType, now: Timestamp) -> Result<(), Error> {
        let flags = self.feature_flags.or_else(|| self.feature_flag.map(|flag| vec![flag]));
        let flags = flags.unwrap_or_default();
        if !flags.iter().all(|flag| is_identifier(flag, 256)) {
            return Err(Error::field("featureFlags", "are 1 to 256 of A-Z a-z 0-9 - _ . each"));
        }
        if self.group_name.as_ref().is_some_and(|name| !is_identifier(name, 256)) {
            return Err(Error::field("groupName", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
        }
        let size = serde_json::to_string(&self.schemas).map_or(0, |text| text.len());
        if MAX_SCHEMAS < size {
            let why = format!("are {MAX_SCHEMAS} bytes at most, together");
            return Err(Error::field("schemas", why));
        }
        kind.description = self.description;
        kind.archived = self.archived;
        kind.deprecated = self.deprecated;
        kind.schemas = self.schemas;
        kind.feature_flags = flags;
        kind.group_name = self.group_name;
        kind.updated_at = now;
        Ok(())
    }
}

/// An event type of which nothing is known yet.
pub(super) fn unknown(name: &str, now: Timestamp) -> EventType {
    EventType {
        name: name.to_owned(),
        description: String::new(),
        archived: false,
        deprecated: false,
        schemas: None,
        feature_flags: Vec::new(),
        group_name: None,
        made_by: None,
        created_at: now,
        updated_at: now,
        version: 0,
    }
}

async fn resolve(control: &ControlPlane, name: &str) -> Result<EventType, Error> {
    if !is_identifier(name, 256) {
        return Err(Error::NotFound);
    }
    control.table().event_type(name).await?.ok_or(Error::NotFound)
}

async fn keep(control: &ControlPlane, kind: &EventType) -> Result<(), Error> {
    match control.table().put_event_type(kind).await? {
        WriteOutcome::Done => Ok(()),
        WriteOutcome::Refused => {
            Err(Error::Conflict("somebody else changed it at the same time".to_owned()))
        }
    }
}

/// Creates an event type, or brings one back that is archived.
#[utoipa::path(post, path = "/api/v1/event-type", tag = "svix: event type", operation_id = "v1.event-type.create",
    params(("idempotency-key" = Option<String>, Header)), request_body = EventTypeIn,
    responses((status = 201, body = EventTypeOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Keyed(key): Keyed,
    Body(given): Body<EventTypeIn>,
) -> Result<(StatusCode, Json<EventTypeOut>), Error> {
    principal.must_see_all()?;
    if !is_identifier(&given.name, 256) {
        return Err(Error::field("name", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
    }
    let now = control.now();
    let mut kind = match control.table().event_type(&given.name).await? {
        None => unknown(&given.name, now),
        Some(known) if known.archived => known,
        // Whoever had the same key and died made it.
        Some(made) if made.made_by.is_some() && made.made_by == key.0 => {
            return Ok((StatusCode::CREATED, Json(made.into())));
        }
        Some(_) => {
            return Err(Error::Conflict("an event type with that name exists already".to_owned()));
        }
    };
    given.update.apply(&mut kind, now)?;
    kind.made_by = key.0;
    keep(&control, &kind).await?;
    Ok((StatusCode::CREATED, Json(kind.into())))
}

/// The event types, by name.
#[utoipa::path(get, path = "/api/v1/event-type", tag = "svix: event type", operation_id = "v1.event-type.list",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("order" = Option<String>, Query),
        ("include_archived" = Option<bool>, Query), ("with_content" = Option<bool>, Query, description = "Whether schemas are shown.")),
    responses((status = 200, body = ListResponse<EventTypeOut>), (status = 401, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    params: Params,
) -> Result<Json<ListResponse<EventTypeOut>>, Error> {
    let archived = params.flag("include_archived", false)?;
    let with_content = params.flag("with_content", false)?;
    let mut kinds = control.table().event_types().await?;
    kinds.retain(|kind| archived || !kind.archived);
    let show = |mut kind: EventType| {
        kind.schemas = kind.schemas.filter(|_| with_content);
        EventTypeOut::from(kind)
    };
    page::part(kinds, &params, |kind| kind.name.clone(), show).map(Json)
}

/// One event type.
#[utoipa::path(get, path = "/api/v1/event-type/{name}", tag = "svix: event type", operation_id = "v1.event-type.get",
    params(("name" = String, Path)),
    responses((status = 200, body = EventTypeOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
) -> Result<Json<EventTypeOut>, Error> {
    Ok(Json(resolve(&control, &name).await?.into()))
}

/// Replaces an event type, or creates it.
#[utoipa::path(put, path = "/api/v1/event-type/{name}", tag = "svix: event type", operation_id = "v1.event-type.update",
    params(("name" = String, Path)), request_body = EventTypeUpdate,
    responses((status = 200, body = EventTypeOut), (status = 201, body = EventTypeOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn update(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Body(given): Body<EventTypeUpdate>,
) -> Result<(StatusCode, Json<EventTypeOut>), Error> {
    principal.must_see_all()?;
    let now = control.now();
    let (status, mut kind) = match resolve(&control, &name).await {
        Ok(known) => (StatusCode::OK, known),
        Err(Error::NotFound) if is_identifier(&name, 256) => {
            (StatusCode::CREATED, unknown(&name, now))
        }
        Err(error) => return Err(error),
    };
    given.apply(&mut kind, now)?;
    keep(&control, &kind).await?;
    Ok((status, Json(kind.into())))
}

/// Changes some of an event type: what is left out stays, null clears.
#[utoipa::path(patch, path = "/api/v1/event-type/{name}", tag = "svix: event type", operation_id = "patch_event_type",
    params(("name" = String, Path)), request_body = EventTypePatch,
    responses((status = 200, body = EventTypeOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn patch(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    Body(given): Body<Fields>,
) -> Result<Json<EventTypeOut>, Error> {
    principal.must_see_all()?;
    let mut kind = resolve(&control, &name).await?;
    EventTypeUpdate::patched(&kind, given)?.apply(&mut kind, control.now())?;
    keep(&control, &kind).await?;
    Ok(Json(kind.into()))
}

/// Archives an event type, or removes it with `expunge`. Endpoints that name it go on naming it.
#[utoipa::path(delete, path = "/api/v1/event-type/{name}", tag = "svix: event type", operation_id = "v1.event-type.delete",
    params(("name" = String, Path), ("expunge" = Option<bool>, Query, description = "Whether it is removed and not only archived.")),
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Path(name): Path<String>,
    params: Params,
) -> Result<StatusCode, Error> {
    principal.must_see_all()?;
    let expunge = params.flag("expunge", false)?;
    let mut kind = resolve(&control, &name).await?;
    if !expunge {
        kind.archived = true;
        kind.updated_at = control.now();
        keep(&control, &kind).await?;
    } else if control.table().delete_event_type(&kind).await? == WriteOutcome::Refused {
        return Err(Error::Conflict("somebody else changed it at the same time".to_owned()));
    }
    Ok(StatusCode::NO_CONTENT)
}
