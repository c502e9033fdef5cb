//! Sources: senders that may call the relay. Their secrets go in and never come out.

mod shapes;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::source::Source;
use manage::{
    ControlPlane, applications,
    sources::{self, SourceChange},
    traffic,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::shapes::{SourceIn, SourceOut};
use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    input::{Body, Query},
    page::{List, PageQuery, print_name},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("sources")
        .read(routes!(list))
        .admin(routes!(put))
        .read(routes!(get))
        .admin(routes!(delete))
}

/// Answer about a source that was removed.
#[derive(Serialize, ToSchema)]
struct Removed {
    /// Always true.
    deleted: bool,
    /// Name of the source.
    name: String,
}

/// Creates a source, or replaces the one of this name.
#[utoipa::path(put, path = "/v1/sources/{name}", operation_id = "put_source",
    request_body = SourceIn,
    responses((status = 200, body = SourceOut), (status = 201, body = SourceOut),
        (status = 409, description = "Another request changed it at the same time.")))]
async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<SourceIn>,
) -> Result<(StatusCode, Json<SourceOut>), Error> {
    let change = sources::put(&control, &principal, &name, given.draft()?).await?;
    let SourceChange { source, created } = change;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown(&control, source).await?)))
}

/// One source, without its secrets, with its last requests.
#[utoipa::path(get, path = "/v1/sources/{name}", operation_id = "get_source",
    responses((status = 200, body = SourceOut)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<SourceOut>, Error> {
    let source = sources::find(&control, &principal, &name).await?;
    let activity = traffic::activity(&control, &source).await?;
    Ok(Json(shown(&control, source).await?.with(activity)))
}

async fn shown(control: &ControlPlane, source: Source) -> Result<SourceOut, Error> {
    let mut names = applications::names(control, [&source.application]).await?;
    let name = names.remove(&source.application).unwrap_or_default();
    Ok(SourceOut::of(source, name))
}

/// Sources by name, without secrets: 250 of them unless `limit` says otherwise.
#[utoipa::path(get, path = "/v1/sources", operation_id = "list_sources", params(PageQuery),
    responses((status = 200, body = List<SourceOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
) -> Result<Json<List<SourceOut>>, Error> {
    let mut part = sources::page(&control, &principal, page.or_whole().by_name()?).await?;
    part.next = part.next.as_deref().map(print_name);
    let names = part.items.iter().map(|source| &source.application);
    let names = applications::names(&control, names).await?;
    // A tenant's sources are looked for among all.
    let is_tenant = principal.application.is_some();
    Ok(Json(List::of(part, is_tenant, |source| {
        let name = names.get(&source.application).cloned().unwrap_or_default();
        SourceOut::of(source, name)
    })))
}

/// Removes a source. Its sender is refused from then on.
#[utoipa::path(delete, path = "/v1/sources/{name}", operation_id = "delete_source",
    responses((status = 200, body = Removed)))]
async fn delete(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
) -> Result<Json<Removed>, Error> {
    sources::delete(&control, &principal, &name).await?;
    Ok(Json(Removed { deleted: true, name }))
}
