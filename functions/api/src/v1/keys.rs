//! API keys. A key is shown once, when it is made.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
};
use domain::key::{ApiKey, KeyScope};
use manage::{
    ControlPlane,
    keys::{self, KeyDraft},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    input::{Body, Query},
    page::{List, PageQuery},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("keys").admin(routes!(create)).read(routes!(list)).admin(routes!(delete))
}

/// A key that is asked for.
#[derive(Deserialize, ToSchema)]
struct KeyIn {
    /// Name for people, 1 to 256 bytes.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// `read`, `publish` or `admin`.
    #[schema(value_type = String)]
    scope: KeyScope,
    /// Id or uid of the one application that the key may see; all of them without one.
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
    /// Id of the one application that the key may see.
    application: Option<String>,
    created_at: String,
    /// Time of a request with the key, at most ten minutes before the last one; null if there was none.
    /// Requests of sessions do not count.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<ApiKey> for KeyOut {
    fn from(key: ApiKey) -> Self {
        let created_at = key.created_at.rfc3339();
        let last_used_at = key.last_used_at.map(|at| at.rfc3339());
        let ApiKey { id, name, scope, application, .. } = key;
        let application = application.map(|id| id.to_string());
        Self { id, name, scope, application, created_at, last_used_at }
    }
}

/// A new key.
#[derive(Serialize, ToSchema)]
struct NewKey {
    #[serde(flatten)]
    about: KeyOut,
    /// Value for the header `Authorization: Bearer`. The key is not shown again.
    key: String,
}

/// Makes a key.
#[utoipa::path(post, path = "/v1/keys", operation_id = "create_key", request_body = KeyIn,
    responses((status = 201, body = NewKey)))]
async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<KeyIn>,
) -> Result<impl IntoResponse, Error> {
    let KeyIn { name, scope, application } = given;
    let draft = KeyDraft { name, scope, application };
    let (key, bearer) = keys::create(&control, &principal, draft).await?;
    let made = NewKey { key: bearer, about: key.into() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// Keys, oldest first, without their secrets: 250 of them unless `limit` says otherwise.
#[utoipa::path(get, path = "/v1/keys", operation_id = "list_keys", params(PageQuery),
    responses((status = 200, body = List<KeyOut>), (status = 403)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<KeyOut>>, Error> {
    let part = keys::list(&control, &principal, page.or_whole().by_time()?).await?;
    Ok(Json(List::of(part, false, KeyOut::from)))
}

/// Answer about a key that was revoked.
#[derive(Serialize, ToSchema)]
struct Revoked {
    /// Always true.
    deleted: bool,
    id: String,
}

/// Revokes a key.
#[utoipa::path(delete, path = "/v1/keys/{id}", operation_id = "delete_key",
    responses((status = 200, body = Revoked)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Revoked>, Error> {
    keys::delete(&control, &principal, &id).await?;
    Ok(Json(Revoked { deleted: true, id }))
}
