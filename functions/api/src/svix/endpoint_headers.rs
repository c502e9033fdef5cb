//! Headers of an endpoint's owner, sent with every call, as the Svix contract has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{headers::StoredHeader, portal::Capability};
use manage::{
    ControlPlane,
    endpoints::{self, HeaderChanges},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, Stated, error::Error, input::Body};

pub(super) fn routes() -> Routes {
    Routes::tagged("svix: endpoint")
        .read(routes!(get_headers).portal(Capability::ViewBase))
        .admin(routes!(update_headers).portal(Capability::ManageEndpoint))
        .admin(routes!(patch_headers).portal(Capability::ManageEndpoint))
}

/// Headers as they are shown.
#[derive(Serialize, ToSchema)]
struct EndpointHeadersOut {
    /// Headers whose values may be shown.
    headers: BTreeMap<String, String>,
    /// Names of the headers that are secrets.
    #[schema(value_type = Vec<String>)]
    sensitive: BTreeSet<String>,
}

impl From<BTreeMap<String, StoredHeader>> for EndpointHeadersOut {
    fn from(kept: BTreeMap<String, StoredHeader>) -> Self {
        let mut out = Self { headers: BTreeMap::new(), sensitive: BTreeSet::new() };
        for (name, kept) in kept {
            match kept {
                StoredHeader::Plain(text) => drop(out.headers.insert(name, text)),
                StoredHeader::Sealed(_) => drop(out.sensitive.insert(name)),
            }
        }
        out
    }
}

/// All headers.
#[derive(Deserialize, ToSchema)]
struct EndpointHeadersIn {
    /// Values by name. A value of `***` is the present one.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Map<String, Value>,
}

/// Headers to be set or taken away.
#[derive(Deserialize, ToSchema)]
struct EndpointHeadersPatchIn {
    /// Values by name; `null` removes a header, and a header that is not named stays.
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    headers: Map<String, Value>,
    /// Names of headers to be removed, as newer clients send them.
    #[serde(default, rename = "deleteHeaders")]
    delete_headers: Option<Vec<String>>,
}

/// The headers sent along with every call to an endpoint.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers",
    operation_id = "v1.endpoint.get-headers", responses((status = 200, body = EndpointHeadersOut)))]
async fn get_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<Json<EndpointHeadersOut>, Error> {
    let endpoint = endpoints::get(&control, &app, &endpoint).await?;
    Ok(Json(endpoint.headers.into()))
}

/// Replaces the headers of an endpoint.
#[utoipa::path(put, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers",
    operation_id = "v1.endpoint.update-headers", request_body = EndpointHeadersIn,
    responses((status = 204), (status = 409)))]
async fn update_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Body(given): Body<EndpointHeadersIn>,
) -> Result<StatusCode, Error> {
    endpoints::replace_headers(&control, &app, &endpoint, given.headers).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets some headers of an endpoint and takes others away.
#[utoipa::path(patch, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers",
    operation_id = "v1.endpoint.patch-headers", request_body = EndpointHeadersPatchIn,
    responses((status = 204), (status = 409)))]
async fn patch_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Body(given): Body<EndpointHeadersPatchIn>,
) -> Result<StatusCode, Error> {
    let (removed, set): (Map<_, _>, Map<_, _>) =
        given.headers.into_iter().partition(|(_, value)| value.is_null());
    let mut remove: Vec<String> = removed.into_iter().map(|(name, _)| name).collect();
    remove.extend(given.delete_headers.unwrap_or_default());
    let changes = HeaderChanges { set, remove };
    endpoints::change_headers(&control, &app, &endpoint, changes).await?;
    Ok(StatusCode::NO_CONTENT)
}
