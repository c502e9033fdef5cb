//! Saying something in a source's place (R0.21): what its sender would have sent, for the time when
//! it could not. It goes the way a signed request goes, under the same idempotency key, and stays
//! marked as an operator's word.

use std::sync::Arc;

use adapters::{inbox, random};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::{
    envelope::{Envelope, StoredBody, Trust},
    id::{EventId, JobId},
    signature::Verification,
    source::Source,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracing::info;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    v1::sources,
    web::{Routes, error::Error, gate::Authenticated, input::Body},
};
use manage::ControlPlane;

pub(crate) fn routes() -> Routes {
    Routes::new().admin(routes!(inject))
}

/// What a source's sender would have said: its body as it is, or a completion in five fields.
#[derive(Deserialize, ToSchema)]
struct InjectIn {
    /// The body, to the byte.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    /// Without `body`: the call that ended.
    #[serde(alias = "call_id")]
    modal_call_id: Option<String>,
    /// How it ended.
    status: Option<String>,
    #[schema(value_type = Option<Object>)]
    result_data: Option<Box<RawValue>>,
    #[schema(value_type = Option<Object>)]
    error_data: Option<Box<RawValue>>,
    /// Where `job_id` and `batch_id` are.
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

/// That it was accepted.
#[derive(Serialize, ToSchema)]
struct Injected {
    /// Always `accepted`.
    status: &'static str,
    /// The event it is, or was already.
    id: String,
    /// The job it is about.
    job_id: Option<String>,
}

/// Accepts what a source's sender would have said.
#[utoipa::path(post, path = "/v1/sources/{name}/inject", tag = "sources", operation_id = "inject",
    params(("name" = String, Path)), request_body = InjectIn,
    responses((status = 202, body = Injected), (status = 401), (status = 403), (status = 404), (status = 422)))]
async fn inject(
    State(control): State<Arc<ControlPlane>>,
    Path(name): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<InjectIn>,
) -> Result<(StatusCode, Json<Injected>), Error> {
    let source = sources::visible(&control, &principal, &name).await?;
    let body = given.body(&source)?;
    let by = format!("by-{}-{}", principal.key, random::token());
    let verified = Verification::default();
    let accepted = accept(&control, &source, &verified, &body, Trust::Operator, by).await?;
    info!(audit = true, key = %principal.key, source = name, event = %accepted.event, "spoke in a source's place");
    let injected = Injected { status: "accepted", id: accepted.id, job_id: accepted.job_id };
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
        let needed = |name: &str, value: &Option<String>| {
            let value = value.clone().filter(|value| !value.is_empty());
            value.ok_or_else(|| Error::field(name, "is missing"))
        };
        let call_id = &needed("modal_call_id", &self.modal_call_id)?;
        let status = &needed("status", &self.status)?;
        let completion = Completion {
            call_id,
            status,
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

/// What was put on the inbox.
pub(crate) struct Accepted {
    /// The event it is.
    pub(crate) event: EventId,
    /// The same, as we show it.
    pub(crate) id: String,
    /// The job it is about.
    pub(crate) job_id: Option<String>,
}

/// Puts a body on the inbox as if its sender had posted it.
pub(crate) async fn accept(
    control: &ControlPlane,
    source: &Source,
    verified: &Verification,
    body: &[u8],
    trust: Trust,
    arrival: String,
) -> Result<Accepted, Error> {
    let unknown = || Error::Conflict("its profile is unknown".to_owned());
    let profile = source.effective().ok_or_else(unknown)?;
    let key = profile.key(verified, body);
    let (key, _) = key.map_err(|unreadable| Error::field("body", unreadable))?;
    let event = Source::event_id(&source.name, &key);
    let said = profile.read(body);
    let job = said.job.filter(|_| said.status.is_some());
    let envelope = Envelope {
        source: source.name.clone(),
        profile: source.profile.clone(),
        options: source.options.clone(),
        application: source.application.clone(),
        key,
        event: event.clone(),
        arrival,
        received_at: control.now(),
        event_type: None,
        trust,
        body: StoredBody::inline(body),
    };
    inbox::put(&control.redrive().inbox, control.bucket(), envelope, body).await?;
    let job_id = job.map(|job| JobId::of(&source.name, &job).to_string());
    Ok(Accepted { id: event.event(), event, job_id })
}
