//! Applications: one per tenant. `default` is always there, and a source or a uid that somebody
//! names is there from then on.

use std::sync::Arc;

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    application::Application,
    id::{ApplicationId, is_identifier},
};
use utoipa_axum::routes;

use super::{
    application_in::{ApplicationIn, ApplicationOut, ApplicationPatch},
    error::{HttpErrorOut, ValidationErrorOut},
    page::{self, ListResponse},
    patch::{self, Fields},
    removal,
};
use crate::{
    Api, Routes,
    auth::Asker,
    error::Error,
    idempotency::Keyed,
    input::{Body, Params},
};

/// The uid of the application that is always there.
pub(crate) const DEFAULT: &str = "default";

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(create, list)).routes(routes!(get, update, patch, delete))
}

/// The application that a path names; `default` comes into being when it is first asked for.
pub(crate) async fn resolve(api: &Api, name: &str) -> Result<Application, Error> {
    if name == DEFAULT {
        return ensure(api, name).await;
    }
    let known = api.table.application_named(name).await?;
    known.filter(Application::is_there).ok_or(Error::NotFound)
}

/// The id of the application that a name stands for, whether it is there or not.
pub(crate) async fn id_of(api: &Api, name: &str) -> Result<ApplicationId, Error> {
    if !is_identifier(name, 256) {
        return Err(Error::NotFound);
    }
    let known = api.table.application_named(name).await?;
    Ok(known.map_or_else(|| ApplicationId::named(name), |known| known.id))
}

/// The application of this id or uid, created if nobody has and if whoever asks may see it; how it
/// is to be called by what keeps a name of it.
pub(crate) async fn ensure_seen(api: &Api, asker: &Asker, name: String) -> Result<String, Error> {
    asker.must_see(&id_of(api, &name).await?)?;
    let application = ensure(api, &name).await?;
    asker.must_see(&application.id)?;
    Ok(application.called(&name))
}

/// The application of this id or uid, created if nobody has.
async fn ensure(api: &Api, name: &str) -> Result<Application, Error> {
    for _ in 0..3 {
        let uid = ApplicationId::parse(name).is_err().then(|| name.to_owned());
        match bearer(api, name).await? {
            Some(known) => return Ok(known),
            None => {
                let id = free_id(api, uid.as_deref(), &Keyed::default()).await?;
                let id = if uid.is_none() { ApplicationId::named(name) } else { id };
                let mut implicit = Application::new(id, uid, name, api.clock.now());
                implicit.implicit = true;
                if api.table.create_application(&implicit).await? == WriteOutcome::Done {
                    return Ok(implicit);
                }
            }
        }
        if ApplicationId::parse(name).is_ok() {
            // An id of one that was deleted is nobody's.
            break;
        }
    }
    Err(Error::NotFound)
}

/// The application that bears a name. One whose removal was cut short is removed first, so that
/// its uid is free.
async fn bearer(api: &Api, name: &str) -> Result<Option<Application>, Error> {
    match api.table.application_named(name).await? {
        Some(known) if !known.is_there() => {
            removal::finish(api, known).await?;
            Ok(None)
        }
        known => Ok(known),
    }
}

/// The application that a path names, made of what came along should it not be there.
pub(super) async fn resolve_or_create(
    api: &Api,
    asker: &Asker,
    name: &str,
    given: Option<ApplicationIn>,
) -> Result<Application, Error> {
    let found = resolve(api, name).await;
    let (Err(Error::NotFound), Some(given)) = (&found, given) else { return found };
    if ApplicationId::parse(name).is_ok() {
        // An id that we never gave.
        return found;
    }
    if given.uid.as_deref().is_some_and(|uid| uid != name) {
        return Err(Error::field("application", "has another uid than the path"));
    }
    let mut given = given;
    given.uid = Some(name.to_owned());
    make(api, asker, given, Keyed::default()).await.map(|(_, application)| application)
}

/// The id of a new application: derived from its uid, unless that was another's before.
async fn free_id(api: &Api, uid: Option<&str>, keyed: &Keyed) -> Result<ApplicationId, Error> {
    if let Some(uid) = uid {
        let derived = ApplicationId::named(uid);
        if api.table.application_record(&derived).await?.is_none() {
            return Ok(derived);
        }
    }
    Ok(ApplicationId::random(keyed.bytes()))
}

/// Writes an application over the one that was read.
pub(crate) async fn replace(
    api: &Api,
    known: &Application,
    next: Application,
) -> Result<Application, Error> {
    match api.table.update_application(known, &next).await? {
        WriteOutcome::Done => Ok(Application { version: known.version + 1, ..next }),
        WriteOutcome::Refused if known.uid != next.uid => Err(uid_taken()),
        WriteOutcome::Refused => {
            Err(Error::Conflict("somebody else changed it at the same time".to_owned()))
        }
    }
}

fn uid_taken() -> Error {
    Error::Conflict("an application with that uid exists already".to_owned())
}

/// Creates an application.
#[utoipa::path(post, path = "/api/v1/app", tag = "svix: application", operation_id = "v1.application.create",
    params(("get_if_exists" = Option<bool>, Query, description = "Whether an application that exists is an answer and not a conflict."),
        ("idempotency-key" = Option<String>, Header)),
    request_body = ApplicationIn,
    responses((status = 200, body = ApplicationOut), (status = 201, body = ApplicationOut), (status = 401, body = HttpErrorOut),
        (status = 403, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn create(
    State(api): State<Arc<Api>>,
    asker: Asker,
    keyed: Keyed,
    params: Params,
    Body(given): Body<ApplicationIn>,
) -> Result<(StatusCode, Json<ApplicationOut>), Error> {
    let get_if_exists = params.flag("get_if_exists", false)?;
    let (made, known) = make(&api, &asker, given, keyed).await?;
    match (made, get_if_exists) {
        (true, _) => Ok((StatusCode::CREATED, Json(known.into()))),
        (false, true) => Ok((StatusCode::OK, Json(known.into()))),
        (false, false) => Err(uid_taken()),
    }
}

/// The application as it was given, and whether it was created by that.
async fn make(
    api: &Api,
    asker: &Asker,
    given: ApplicationIn,
    keyed: Keyed,
) -> Result<(bool, Application), Error> {
    let now = api.clock.now();
    // Checked before anything else is looked at.
    let draft = ApplicationId::random(keyed.bytes());
    let mut application = Application::new(draft, None, "", now);
    given.apply(&mut application, now)?;
    application.made_by.clone_from(&keyed.0);
    for _ in 0..3 {
        if let Some(uid) = &application.uid
            && let Some(known) = bearer(api, uid).await?
        {
            if !asker.sees(&known.id) {
                return Err(Error::Forbidden("this key is for one application only"));
            }
            if known.implicit {
                // It came into being because somebody named it; now somebody means it.
                let adopted = Application {
                    id: known.id.clone(),
                    created_at: known.created_at,
                    webhook_secret: known.webhook_secret.clone(),
                    ..application
                };
                return Ok((true, replace(api, &known, adopted).await?));
            }
            // Whoever had the same key and died made it.
            let ours = known.made_by.is_some() && known.made_by == keyed.0;
            return Ok((ours, known));
        }
        application.id = free_id(api, application.uid.as_deref(), &keyed).await?;
        if !asker.sees(&application.id) {
            return Err(Error::Forbidden("this key is for one application only"));
        }
        if api.table.create_application(&application).await? == WriteOutcome::Done {
            return Ok((true, application));
        }
        if application.uid.is_none()
            && let Some(known) = api.table.application(&application.id).await?
        {
            return Ok((true, known));
        }
    }
    Err(Error::Conflict("others create the same application; please try again".to_owned()))
}

/// Replaces an application, or creates it under a new uid.
#[utoipa::path(put, path = "/api/v1/app/{app}", tag = "svix: application", operation_id = "v1.application.update",
    params(("app" = String, Path, description = "Its id or uid.")), request_body = ApplicationIn,
    responses((status = 200, body = ApplicationOut), (status = 201, body = ApplicationOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn update(
    State(api): State<Arc<Api>>,
    asker: Asker,
    Path(name): Path<String>,
    Body(mut given): Body<ApplicationIn>,
) -> Result<(StatusCode, Json<ApplicationOut>), Error> {
    let named_by_uid = ApplicationId::parse(&name).is_err();
    if named_by_uid {
        // Whoever names it by its uid and gives none means that one: doing it again is the same.
        given.uid.get_or_insert_with(|| name.clone());
    }
    match bearer(&api, &name).await? {
        Some(known) => Ok((StatusCode::OK, Json(change(&api, known, given).await?.into()))),
        None if named_by_uid => {
            let (made, known) = make(&api, &asker, given, Keyed::default()).await?;
            match made {
                true => Ok((StatusCode::CREATED, Json(known.into()))),
                false => Err(uid_taken()),
            }
        }
        None => Err(Error::NotFound),
    }
}

/// Changes some of an application: what is left out stays, null clears.
#[utoipa::path(patch, path = "/api/v1/app/{app}", tag = "svix: application", operation_id = "patch_application",
    params(("app" = String, Path, description = "Its id or uid.")), request_body = ApplicationPatch,
    responses((status = 200, body = ApplicationOut), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn patch(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Body(given): Body<Fields>,
) -> Result<Json<ApplicationOut>, Error> {
    const SAME: [patch::Spellings; 1] = [["throttleRate", "rateLimit"]];
    const CLEARABLE: [&str; 4] = ["uid", "throttleRate", "rateLimit", "metadata"];
    let known = resolve(&api, &name).await?;
    let mut whole = patch::fields(serde_json::json!({
        "name": known.name,
        "uid": known.uid,
        "throttleRate": known.throttle_rate,
        "metadata": known.metadata,
    }))?;
    whole.retain(|_, value| !value.is_null());
    let given = patch::lay_over(whole, given, &SAME, &CLEARABLE)?;
    Ok(Json(change(&api, known, given).await?.into()))
}

async fn change(api: &Api, known: Application, given: ApplicationIn) -> Result<Application, Error> {
    let mut next = known.clone();
    given.apply(&mut next, api.clock.now())?;
    if known.uid != next.uid {
        if known.uid.as_deref() == Some(DEFAULT) {
            return Err(Error::field("uid", "of the application that is always there stays"));
        }
        if let Some(uid) = &next.uid
            && bearer(api, uid).await?.is_some()
        {
            return Err(uid_taken());
        }
    }
    replace(api, &known, next).await
}

/// Removes an application with its endpoints and keys. Nothing more is sent: what is on its way
/// ends as cancelled. Its uid is free then; whoever bears it next has another id, and nothing that
/// was said before is theirs.
#[utoipa::path(delete, path = "/api/v1/app/{app}", tag = "svix: application", operation_id = "v1.application.delete",
    params(("app" = String, Path, description = "Its id or uid.")),
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut), (status = 404, body = HttpErrorOut),
        (status = 409, body = HttpErrorOut, description = "Sources belong to it, whose senders would speak to nobody; or it is the one that is always there.")))]
async fn delete(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Error> {
    let known = match name.as_str() {
        DEFAULT => ensure(&api, DEFAULT).await?,
        name => api.table.application_named(name).await?.ok_or(Error::NotFound)?,
    };
    removal::remove(&api, known).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every application.
#[utoipa::path(get, path = "/api/v1/app", tag = "svix: application", operation_id = "v1.application.list",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("order" = Option<String>, Query)),
    responses((status = 200, body = ListResponse<ApplicationOut>), (status = 401, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn list(
    State(api): State<Arc<Api>>,
    asker: Asker,
    params: Params,
) -> Result<Json<ListResponse<ApplicationOut>>, Error> {
    if asker.application.is_none() {
        resolve(&api, DEFAULT).await?;
    }
    let mut applications = api.table.applications().await?;
    applications.retain(|application| asker.sees(&application.id));
    applications
        .sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    let id = |application: &Application| application.id.to_string();
    page::part(applications, &params, id, ApplicationOut::from).map(Json)
}

/// One application, by id or uid.
#[utoipa::path(get, path = "/api/v1/app/{app}", tag = "svix: application", operation_id = "v1.application.get",
    params(("app" = String, Path, description = "Its id or uid.")),
    responses((status = 200, body = ApplicationOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get(
    State(api): State<Arc<Api>>,
    Path(app): Path<String>,
) -> Result<Json<ApplicationOut>, Error> {
    Ok(Json(resolve(&api, &app).await?.into()))
}
