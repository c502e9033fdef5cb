//! Applications: one per tenant. `default` is always there, and a source or a uid that somebody
//! names is there from then on.

use std::{collections::BTreeMap, sync::Arc};

use adapters::{random, table::Written};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    application::Application,
    id::{ApplicationId, is_identifier},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    error::{HttpErrorOut, ValidationErrorOut},
    page::{self, ListResponse},
};
use crate::{
    Api, Routes,
    auth::Asker,
    error::Error,
    input::{Body, Params},
};

/// The uid of the application that is always there.
pub(crate) const DEFAULT: &str = "default";

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(create, list)).routes(routes!(get))
}

/// An application as it is given to us.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApplicationIn {
    /// For people.
    #[schema(min_length = 1)]
    name: String,
    /// The caller's own name for it.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[a-zA-Z0-9\-_.]+$")]
    uid: Option<String>,
    /// Messages per second.
    #[schema(minimum = 1)]
    throttle_rate: Option<u16>,
    /// The same, as newer clients call it.
    rate_limit: Option<u16>,
    /// The caller's own data.
    metadata: Option<BTreeMap<String, String>>,
}

/// An application as we show it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ApplicationOut {
    id: String,
    uid: Option<String>,
    name: String,
    throttle_rate: Option<u16>,
    rate_limit: Option<u16>,
    metadata: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Application> for ApplicationOut {
    fn from(application: Application) -> Self {
        Self {
            id: application.id.to_string(),
            uid: application.uid,
            name: application.name,
            throttle_rate: application.throttle_rate,
            rate_limit: application.throttle_rate,
            metadata: application.metadata,
            created_at: application.created_at.rfc3339(),
            updated_at: application.updated_at.rfc3339(),
        }
    }
}

/// The application that a path names; `default` comes into being when it is first asked for.
pub(crate) async fn resolve(api: &Api, name: &str) -> Result<Application, Error> {
    if name == DEFAULT {
        return ensure(api, name).await;
    }
    api.table.application(&ApplicationId::named(name)).await?.ok_or(Error::NotFound)
}

/// The application of this id or uid, created if nobody has.
pub(crate) async fn ensure(api: &Api, name: &str) -> Result<Application, Error> {
    let id = ApplicationId::named(name);
    if let Some(known) = api.table.application(&id).await? {
        return Ok(known);
    }
    let now = api.clock.now();
    let implicit = Application {
        uid: (id.as_str() != name).then(|| name.to_owned()),
        id,
        name: name.to_owned(),
        throttle_rate: None,
        metadata: BTreeMap::new(),
        implicit: true,
        webhook_secret: None,
        created_at: now,
        updated_at: now,
    };
    match api.table.create_application(&implicit).await? {
        Written::Yes => Ok(implicit),
        Written::Refused => api.table.application(&implicit.id).await?.ok_or(Error::NotFound),
    }
}

/// The application that a path names, made of what came along should it not be there.
pub(super) async fn resolve_or_create(
    api: &Api,
    name: &str,
    given: Option<ApplicationIn>,
) -> Result<Application, Error> {
    let found = resolve(api, name).await;
    let (Err(Error::NotFound), Some(given)) = (&found, given) else { return found };
    let id = ApplicationId::named(name);
    if id.as_str() == name {
        // An id that we never gave.
        return found;
    }
    if given.uid.as_deref().is_some_and(|uid| uid != name) {
        return Err(Error::field("application", "has another uid than the path"));
    }
    let throttle_rate = given.throttle_rate.or(given.rate_limit);
    if given.name.is_empty() || throttle_rate == Some(0) {
        return Err(Error::field("application", "has a name, and a throttleRate of at least 1"));
    }
    let now = api.clock.now();
    let application = Application {
        id,
        uid: Some(name.to_owned()),
        name: given.name,
        throttle_rate,
        metadata: given.metadata.unwrap_or_default(),
        implicit: false,
        webhook_secret: None,
        created_at: now,
        updated_at: now,
    };
    match api.table.create_application(&application).await? {
        Written::Yes => Ok(application),
        Written::Refused => resolve(api, name).await,
    }
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
    params: Params,
    Body(given): Body<ApplicationIn>,
) -> Result<(StatusCode, Json<ApplicationOut>), Error> {
    if given.name.is_empty() {
        return Err(Error::field("name", "must not be empty"));
    }
    if given.uid.as_ref().is_some_and(|uid| !is_identifier(uid, 256)) {
        return Err(Error::field("uid", "is 1 to 256 of A-Z a-z 0-9 - _ ."));
    }
    let throttle_rate = given.throttle_rate.or(given.rate_limit);
    if throttle_rate == Some(0) {
        return Err(Error::field("throttleRate", "is at least 1"));
    }
    let id = match &given.uid {
        Some(uid) => ApplicationId::named(uid),
        None => ApplicationId::random(random::bytes()),
    };
    if !asker.sees(&id) {
        return Err(Error::Forbidden("this key is for one application only"));
    }
    let now = api.clock.now();
    let application = Application {
        id,
        uid: given.uid,
        name: given.name,
        throttle_rate,
        metadata: given.metadata.unwrap_or_default(),
        implicit: false,
        webhook_secret: None,
        created_at: now,
        updated_at: now,
    };
    if api.table.create_application(&application).await? == Written::Yes {
        return Ok((StatusCode::CREATED, Json(application.into())));
    }
    let known = api.table.application(&application.id).await?.ok_or(Error::NotFound)?;
    if known.implicit {
        // It came into being because somebody named it; now somebody means it.
        let adopted = Application {
            created_at: known.created_at,
            webhook_secret: known.webhook_secret,
            ..application
        };
        api.table.put_application(&adopted).await?;
        return Ok((StatusCode::CREATED, Json(adopted.into())));
    }
    match params.flag("get_if_exists", false)? {
        true => Ok((StatusCode::OK, Json(known.into()))),
        false => Err(Error::Conflict("an application with that uid exists already".to_owned())),
    }
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
    if asker.sees(&ApplicationId::named(DEFAULT)) {
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
