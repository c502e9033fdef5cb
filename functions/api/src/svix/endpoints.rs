//! Endpoints: whom the events of an application are delivered to.

use std::sync::Arc;

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    endpoint::{Endpoint, MAX_ENDPOINTS, ORDERED_WEIGHT},
    health::Health,
    id::{ApplicationId, EndpointId, TaskId, is_identifier},
    secret::SecretKind,
};
use tracing::warn;
use utoipa_axum::routes;

use super::{
    endpoint_in::{self, EndpointIn, EndpointOut, EndpointPatch, EndpointUpdate},
    error::{HttpErrorOut, ValidationErrorOut},
    health_out,
    page::{self, ListResponse},
    patch::Fields,
    secrets::{self, Wanted},
    told,
};
use crate::web::{Routes, error::Error, idempotency::Keyed, input::Body, params::Params};
use manage::{ControlPlane, RequestKey, applications};

pub(super) fn routes() -> Routes {
    Routes::new()
        .admin(routes!(create))
        .read(routes!(list))
        .read(routes!(get))
        .admin(routes!(update))
        .admin(routes!(patch))
        .admin(routes!(delete))
}

/// The endpoint of an application that a path names by id or uid.
pub(super) async fn resolve(
    control: &ControlPlane,
    application: &ApplicationId,
    name: &str,
) -> Result<Endpoint, Error> {
    let found = match EndpointId::parse(name) {
        Ok(id) => control.table().endpoint(application, &id).await?,
        Err(_) if is_identifier(name, 256) => {
            control.table().endpoint_by_uid(application, name).await?
        }
        Err(_) => None,
    };
    found.ok_or(Error::NotFound)
}

/// Checks and keeps a new endpoint.
async fn make(
    control: &ControlPlane,
    app: &str,
    given: EndpointIn,
    key: RequestKey,
) -> Result<Endpoint, Error> {
    let application = applications::resolve(control, app).await?;
    let id = EndpointId::random(key.bytes());
    let mut endpoint = Endpoint::new(id, application.id, "", control.now());
    given.update.apply(&mut endpoint, control.rule(), control.vault())?;
    endpoint.uid.as_deref().map_or(Ok(()), checked_uid)?;
    endpoint_in::keepable(control, &endpoint)?;
    let wanted = Wanted {
        field: "secret",
        secret: given.secret.as_deref(),
        scheme: given.signature_scheme.as_deref(),
    };
    let secret = wanted.secret_for(&endpoint, SecretKind::Hmac)?;
    endpoint.owner_has_secret = given.secret.is_some();
    endpoint.secrets = vec![secrets::sealed(control, &endpoint, &secret)];
    has_room(control, &endpoint).await?;
    match told::create(control, &endpoint).await? {
        WriteOutcome::Done => Ok(endpoint),
        // Whoever had the same key and died may have made it.
        WriteOutcome::Refused => {
            let made = control.table().endpoint(&endpoint.application, &endpoint.id).await?;
            made.ok_or_else(uid_taken)
        }
    }
}

/// Whether an event can be recorded together with all deliveries, this endpoint's among them.
async fn has_room(control: &ControlPlane, endpoint: &Endpoint) -> Result<(), Error> {
    let others = control.table().endpoints(&endpoint.application).await?;
    let others = others.iter().filter(|other| other.id != endpoint.id).map(Endpoint::weight);
    if others.sum::<usize>() + endpoint.weight() <= MAX_ENDPOINTS {
        return Ok(());
    }
    let each = ORDERED_WEIGHT;
    let why = format!(
        "an application has at most {MAX_ENDPOINTS} endpoints, ordered ones counted {each} times"
    );
    Err(Error::Conflict(why))
}

fn uid_taken() -> Error {
    Error::Conflict("an endpoint with that uid exists already".to_owned())
}

/// Creates an endpoint.
#[utoipa::path(post, path = "/api/v1/app/{app}/endpoint", tag = "svix: endpoint", operation_id = "v1.endpoint.create",
    params(("app" = String, Path), ("idempotency-key" = Option<String>, Header)), request_body = EndpointIn,
    responses((status = 201, body = EndpointOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    Keyed(key): Keyed,
    Body(given): Body<EndpointIn>,
) -> Result<(StatusCode, Json<EndpointOut>), Error> {
    Ok((StatusCode::CREATED, Json(make(&control, &app, given, key).await?.into())))
}

/// The endpoints of an application.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint", tag = "svix: endpoint", operation_id = "v1.endpoint.list",
    params(("app" = String, Path), ("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("order" = Option<String>, Query)),
    responses((status = 200, body = ListResponse<EndpointOut>), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Path(app): Path<String>,
    params: Params,
) -> Result<Json<ListResponse<EndpointOut>>, Error> {
    let application = applications::resolve(&control, &app).await?;
    let mut endpoints = control.table().endpoints(&application.id).await?;
    endpoints.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    let id = |endpoint: &Endpoint| endpoint.id.to_string();
    let health = health_out::of_all(&control, &endpoints).await?;
    let well = Health::default();
    let show = |endpoint: Endpoint| {
        let health = health.get(endpoint.id.as_str()).unwrap_or(&well);
        EndpointOut::faring(endpoint, health)
    };
    page::part(endpoints, &params, id, show).map(Json)
}

/// One endpoint, by id or uid.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}", tag = "svix: endpoint", operation_id = "v1.endpoint.get",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")),
    responses((status = 200, body = EndpointOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<Json<EndpointOut>, Error> {
    let application = applications::resolve(&control, &app).await?;
    let endpoint = resolve(&control, &application.id, &endpoint).await?;
    health_out::shown(&control, endpoint).await.map(Json)
}

/// Replaces an endpoint, or creates it under a new uid. Its secrets stay.
#[utoipa::path(put, path = "/api/v1/app/{app}/endpoint/{endpoint}", tag = "svix: endpoint", operation_id = "v1.endpoint.update",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")), request_body = EndpointUpdate,
    responses((status = 200, body = EndpointOut), (status = 201, body = EndpointOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn update(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Body(mut given): Body<EndpointUpdate>,
) -> Result<(StatusCode, Json<EndpointOut>), Error> {
    let application = applications::resolve(&control, &app).await?;
    let known = match resolve(&control, &application.id, &name).await {
        Ok(known) => known,
        // A new uid is a new endpoint; an id that we never gave is none.
        Err(Error::NotFound) if EndpointId::parse(&name).is_err() && is_identifier(&name, 256) => {
            given.uid.get_or_insert(name);
            let made = make(&control, &app, EndpointIn::bare(given), RequestKey::default()).await?;
            return Ok((StatusCode::CREATED, Json(made.into())));
        }
        Err(error) => return Err(error),
    };
    let replaced = replace(&control, &known, given).await?;
    Ok((StatusCode::OK, Json(health_out::shown(&control, replaced).await?)))
}

/// Changes some of an endpoint: what is left out stays, null clears. Its secrets stay.
#[utoipa::path(patch, path = "/api/v1/app/{app}/endpoint/{endpoint}", tag = "svix: endpoint", operation_id = "patch_endpoint",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")), request_body = EndpointPatch,
    responses((status = 200, body = EndpointOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn patch(
    State(control): State<Arc<ControlPlane>>,
    Path((app, name)): Path<(String, String)>,
    Body(given): Body<Fields>,
) -> Result<Json<EndpointOut>, Error> {
    let application = applications::resolve(&control, &app).await?;
    let known = resolve(&control, &application.id, &name).await?;
    let given = EndpointUpdate::patched(&known, given)?;
    let replaced = replace(&control, &known, given).await?;
    health_out::shown(&control, replaced).await.map(Json)
}

/// Writes what was given over an endpoint as it was read.
async fn replace(
    control: &ControlPlane,
    known: &Endpoint,
    given: EndpointUpdate,
) -> Result<Endpoint, Error> {
    let mut next = known.clone();
    given.apply(&mut next, control.rule(), control.vault())?;
    endpoint_in::keepable(control, &next)?;
    if known.ordering.is_none() && next.ordering.is_some() {
        has_room(control, &next).await?;
    }
    next.updated_at = control.now();
    if known.uid != next.uid
        && let Some(uid) = &next.uid
    {
        checked_uid(uid)?;
        if control.table().endpoint_by_uid(&known.application, uid).await?.is_some() {
            return Err(uid_taken());
        }
    }
    if told::update(control, known, &next).await? == WriteOutcome::Refused {
        return Err(Error::Conflict("somebody else changed it at the same time".to_owned()));
    }
    next.version = known.version + 1;
    if known.disabled.is_some() && next.disabled.is_none() {
        wake(control, &next).await?;
    }
    Ok(next)
}

/// Whoever names an endpoint like an id of ours would never find it by that name.
fn checked_uid(uid: &str) -> Result<(), Error> {
    match EndpointId::parse(uid) {
        Ok(_) => Err(Error::field("uid", "must not look like an id of ours")),
        Err(_) => Ok(()),
    }
}

/// What waits for an endpoint that is enabled again may come. Its task is due, so a bell that is
/// not heard costs time only.
async fn wake(control: &ControlPlane, endpoint: &Endpoint) -> Result<(), Error> {
    let Some(task) = control.table().task(&TaskId::recovery(&endpoint.id)).await? else {
        return Ok(());
    };
    control.table().note_answering(&task, control.now()).await?;
    if let Err(error) = control.bells().task(&task.id).await {
        warn!(%error, "a task was not rung for; the sweep will");
    }
    Ok(())
}

/// Removes an endpoint. What is on its way to it ends as cancelled.
#[utoipa::path(delete, path = "/api/v1/app/{app}/endpoint/{endpoint}", tag = "svix: endpoint", operation_id = "v1.endpoint.delete",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")),
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let application = applications::resolve(&control, &app).await?;
    let endpoint = resolve(&control, &application.id, &endpoint).await?;
    match told::delete(&control, &endpoint).await? {
        WriteOutcome::Done => Ok(StatusCode::NO_CONTENT),
        WriteOutcome::Refused => {
            Err(Error::Conflict("somebody else changed it at the same time".to_owned()))
        }
    }
}
