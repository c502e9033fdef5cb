//! API keys. A key is shown once, when it is made; what is kept of it is a hash.

use std::sync::Arc;

use adapters::{random, table::WriteOutcome};
use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use domain::key::{ApiKey, KeyScope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{Api, Routes, auth::Asker, error::Error, input::Body, page::List, svix::applications};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(create, list)).routes(routes!(delete))
}

/// A key that is asked for.
#[derive(Deserialize, ToSchema)]
struct KeyIn {
    /// For people.
    name: String,
    /// `read`, `publish` or `admin`.
    #[schema(value_type = String)]
    scope: KeyScope,
    /// The one application (id or uid) it may see; all of them if none is named.
    application: Option<String>,
}

/// A key as we show it.
#[derive(Serialize, ToSchema)]
struct KeyOut {
    id: String,
    name: String,
    /// `read`, `publish` or `admin`.
    #[schema(value_type = String)]
    scope: KeyScope,
    /// The id of the one application it may see.
    application: Option<String>,
    created_at: String,
}

impl From<ApiKey> for KeyOut {
    fn from(key: ApiKey) -> Self {
        let created_at = key.created_at.rfc3339();
        let ApiKey { id, name, scope, application, .. } = key;
        Self { id, name, scope, application, created_at }
    }
}

/// A new key.
#[derive(Serialize, ToSchema)]
struct NewKey {
    #[serde(flatten)]
    about: KeyOut,
    /// What goes into the `Authorization` header. It is not shown again.
    key: String,
}

/// Makes a key.
#[utoipa::path(post, path = "/v1/keys", tag = "keys", operation_id = "create_key", request_body = KeyIn,
    responses((status = 201, body = NewKey), (status = 401), (status = 403), (status = 422)))]
async fn create(
    State(api): State<Arc<Api>>,
    asker: Asker,
    Body(given): Body<KeyIn>,
) -> Result<impl IntoResponse, Error> {
    asker.must_see_all()?;
    if given.name.is_empty() || 256 < given.name.len() {
        return Err(Error::field("name", "is 1 to 256 characters"));
    }
    let application = match &given.application {
        None => None,
        Some(name) => match applications::resolve(&api, name).await {
            Ok(application) => Some(application.id.to_string()),
            Err(Error::NotFound) => {
                return Err(Error::field("application", "there is no such application"));
            }
            Err(error) => return Err(error),
        },
    };
    // 128 bits name it and 256 open it.
    let (id, secret) = (random::token(), format!("{}{}", random::token(), random::token()));
    let key = ApiKey {
        hash: ApiKey::hash(&secret),
        id,
        scope: given.scope,
        application,
        name: given.name,
        created_at: api.clock.now(),
    };
    if api.table.put_key(&key).await? == WriteOutcome::Refused {
        return Err(Error::Conflict("chance gave the same id twice".to_owned()));
    }
    let made = NewKey { key: format!("rk_{}_{secret}", key.id), about: key.into() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// Every key, without its secret.
#[utoipa::path(get, path = "/v1/keys", tag = "keys", operation_id = "list_keys",
    responses((status = 200, body = List<KeyOut>), (status = 401), (status = 403)))]
async fn list(State(api): State<Arc<Api>>, asker: Asker) -> Result<Json<List<KeyOut>>, Error> {
    asker.must_see_all()?;
    let mut keys = api.table.keys().await?;
    keys.sort_by(|one, other| (one.created_at, &one.id).cmp(&(other.created_at, &other.id)));
    Ok(Json(List::new(keys.into_iter().map(KeyOut::from).collect(), None)))
}

/// That a key opens nothing any more.
#[derive(Serialize, ToSchema)]
struct Revoked {
    /// Always true.
    deleted: bool,
    id: String,
}

/// Revokes a key.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "keys", operation_id = "delete_key",
    params(("id" = String, Path)),
    responses((status = 200, body = Revoked), (status = 401), (status = 403), (status = 404)))]
async fn delete(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
) -> Result<Json<Revoked>, Error> {
    asker.must_see_all()?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !(1..=32).contains(&id.len()) {
        return Err(Error::NotFound);
    }
    match api.table.delete_key(&id).await? {
        WriteOutcome::Done => Ok(Json(Revoked { deleted: true, id })),
        WriteOutcome::Refused => Err(Error::NotFound),
    }
}
