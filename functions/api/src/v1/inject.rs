//! A body in a source's place (R0.21): what its sender would have sent, for the time when it could
//! not. The body goes the way of a signed request, under the same idempotency key, and stays marked
//! as an operator's.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::source::Source;
use manage::{ControlPlane, acceptance, sources};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::web::{Routes, error::Error, gate::Authenticated, input::Body};

pub(super) fn routes() -> Routes {
    Routes::tagged("sources").admin(routes!(inject))
}

/// A body in a source's place: as it is, or a completion in five fields.
#[derive(Deserialize, ToSchema)]
struct InjectIn {
    /// Body that the sender would have posted, to the byte.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    /// Without `body`: id of the call that ended.
    modal_call_id: Option<String>,
    /// Another spelling of `modal_call_id`.
    call_id: Option<String>,
    /// State in which the call ended.
    status: Option<String>,
    #[schema(value_type = Option<Object>)]
    result_data: Option<Box<RawValue>>,
    #[schema(value_type = Option<Object>)]
    error_data: Option<Box<RawValue>>,
    /// Object that holds `job_id` and `batch_id`.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// A completion as Modal apps of OMTX write it (R0.9).
#[derive(Serialize)]
struct Completion<'a> {
    call_id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// Answer about an accepted body.
#[derive(Serialize, ToSchema)]
struct Injected {
    /// Always `accepted`.
    status: &'static str,
    /// Id of the event that the body becomes, or was before.
    id: String,
    /// Id of the job whose state the body reports.
    job_id: Option<String>,
}

/// Accepts a body as if a source's sender had posted it.
#[utoipa::path(post, path = "/v1/sources/{name}/inject", operation_id = "inject",
    request_body = InjectIn, responses((status = 202, body = Injected)))]
async fn inject(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<InjectIn>,
) -> Result<(StatusCode, Json<Injected>), Error> {
    let source = sources::find(&control, &principal, &name).await?;
    let body = given.body(&source)?;
    let accepted = acceptance::inject(&control, &principal, &source, &body).await?;
    let injected = Injected {
        status: "accepted",
        id: accepted.event.event(),
        job_id: accepted.job.map(|job| job.to_string()),
    };
    Ok((StatusCode::ACCEPTED, Json(injected)))
}

impl InjectIn {
    fn body(&self, source: &Source) -> Result<Vec<u8>, Error> {
        if let Some(body) = &self.body {
            return Ok(body.get().as_bytes().to_vec());
        }
        if source.profile != "modal-omtx" {
            return Err(Error::field("body", "is missing; only a modal-omtx source has fields"));
        }
        let needed = |name: &str, value: Option<&String>| {
            let value = value.filter(|value| !value.is_empty()).cloned();
            value.ok_or_else(|| Error::field(name, "is missing"))
        };
        let call_id = self.modal_call_id.as_ref().or(self.call_id.as_ref());
        let call_id = needed("modal_call_id", call_id)?;
        let status = needed("status", self.status.as_ref())?;
        let completion = Completion {
            call_id: &call_id,
            status: &status,
            result: self.result_data.as_deref(),
            error: self.error_data.as_deref(),
            metadata: self.metadata.as_deref(),
        };
        let body = serde_json::to_vec(&completion).expect("plain data serialises");
        match source.effective().and_then(|profile| profile.read(&body).status) {
            Some(_) => Ok(body),
            None => Err(Error::field("status", "is success, failure, timeout or the like")),
        }
    }
}
