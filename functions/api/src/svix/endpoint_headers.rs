//! Headers of an endpoint's owner's, sent along with every call, as the Svix contract has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use adapters::table::WriteOutcome;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    endpoint::Endpoint,
    headers::{self, StoredHeader},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    endpoints,
    error::{HttpErrorOut, ValidationErrorOut},
};
use crate::web::{Routes, error::Error, input::Body};
use manage::{ControlPlane, applications};

pub(super) fn routes() -> Routes {
    Routes::new()
        .read(routes!(get_headers))
        .admin(routes!(update_headers))
        .admin(routes!(patch_headers))
}

/// How often a change is tried again when somebody else changes the endpoint meanwhile.
const TRIES: usize = 5;

/// Headers as they are shown.
#[derive(Serialize, ToSchema)]
struct EndpointHeadersOut {
    /// Those that may be shown.
    headers: BTreeMap<String, String>,
    /// The names of those that may not.
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
    /// By name. A value of `***` is the one that is kept already.
    #[schema(value_type = BTreeMap<String, String>)]
    headers: Map<String, Value>,
}

/// Headers to be set or taken away.
#[derive(Deserialize, ToSchema)]
struct EndpointHeadersPatchIn {
    /// By name; `null` takes one away, and what is not named stays.
    #[schema(value_type = BTreeMap<String, Option<String>>)]
    headers: Map<String, Value>,
    /// Those to be taken away, as newer clients say it.
    #[serde(default, rename = "deleteHeaders")]
    delete_headers: Option<Vec<String>>,
}

/// The headers sent along with every call to an endpoint.
#[utoipa::path(get, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers", tag = "svix: endpoint", operation_id = "v1.endpoint.get-headers",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")),
    responses((status = 200, body = EndpointHeadersOut), (status = 401, body = HttpErrorOut), (status = 404, body = HttpErrorOut)))]
async fn get_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
) -> Result<Json<EndpointHeadersOut>, Error> {
    let application = applications::resolve(&control, &app).await?;
    let endpoint = endpoints::resolve(&control, &application.id, &endpoint).await?;
    Ok(Json(endpoint.headers.into()))
}

/// Replaces the headers of an endpoint.
#[utoipa::path(put, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers", tag = "svix: endpoint", operation_id = "v1.endpoint.update-headers",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")), request_body = EndpointHeadersIn,
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn update_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Body(given): Body<EndpointHeadersIn>,
) -> Result<StatusCode, Error> {
    let given = parsed(given.headers)?;
    change(&control, &app, &endpoint, |_| given.clone()).await
}

/// Sets some headers of an endpoint and takes others away.
#[utoipa::path(patch, path = "/api/v1/app/{app}/endpoint/{endpoint}/headers", tag = "svix: endpoint", operation_id = "v1.endpoint.patch-headers",
    params(("app" = String, Path), ("endpoint" = String, Path, description = "Its id or uid.")), request_body = EndpointHeadersPatchIn,
    responses((status = 204), (status = 401, body = HttpErrorOut), (status = 403, body = HttpErrorOut),
        (status = 404, body = HttpErrorOut), (status = 409, body = HttpErrorOut), (status = 422, body = ValidationErrorOut)))]
async fn patch_headers(
    State(control): State<Arc<ControlPlane>>,
    Path((app, endpoint)): Path<(String, String)>,
    Body(given): Body<EndpointHeadersPatchIn>,
) -> Result<StatusCode, Error> {
    let (gone, set): (Map<_, _>, Map<_, _>) =
        given.headers.into_iter().partition(|(_, value)| value.is_null());
    let set = parsed(set)?;
    let named = gone.keys().cloned().chain(given.delete_headers.unwrap_or_default());
    let gone: BTreeSet<String> = named.map(|name| name.to_ascii_lowercase()).collect();
    change(&control, &app, &endpoint, |known| {
        // What is shown of a header stands for its value: a mask for the one that is kept.
        let known = known.iter().map(|(name, kept)| (name.clone(), kept.shown().to_owned()));
        let mut headers: BTreeMap<_, _> = known.filter(|(name, _)| !gone.contains(name)).collect();
        headers.extend(set.clone());
        headers
    })
    .await
}

fn parsed(given: Map<String, Value>) -> Result<BTreeMap<String, String>, Error> {
    headers::parse(&Value::Object(given)).map_err(|why| Error::field("headers", why))
}

/// Writes the headers that follow from the ones that are there.
async fn change(
    control: &ControlPlane,
    app: &str,
    name: &str,
    next: impl Fn(&BTreeMap<String, StoredHeader>) -> BTreeMap<String, String>,
) -> Result<StatusCode, Error> {
    let application = applications::resolve(control, app).await?;
    for _ in 0..TRIES {
        let known = endpoints::resolve(control, &application.id, name).await?;
        // Each may be right and all of them too many.
        let given = headers::check(next(&known.headers));
        let given = given.map_err(|why| Error::field("headers", why))?;
        let owner = Endpoint::owner(&known.id);
        let mut changed = known.clone();
        changed.headers = control.vault().keep_headers(&owner, given, &known.headers);
        changed.updated_at = control.now();
        if control.table().update_endpoint(&known, &changed).await? == WriteOutcome::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Error::Conflict("somebody else keeps changing the endpoint".to_owned()))
}
