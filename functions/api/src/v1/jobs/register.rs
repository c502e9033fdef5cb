//! The operations that register a job.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use manage::{
    ControlPlane,
    registrar_fields::MAX_ID,
    registration::{self, MAX_DEADLINE, RegisteredJob, RegistrationDraft},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::{JobOut, WebhookOut};
use crate::{
    v1::webhook::{WebhookFields, WebhookIn, spelt},
    web::{
        error::Error,
        gate::Authenticated,
        input::Body,
        page::{optional_integer, optional_text},
    },
};

/// A job as its registrar describes it.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct JobIn {
    /// Source that will report on the job; may be left out where there is only one.
    source: Option<String>,
    /// Id by which its sender will report on the job; one is made if there is none.
    #[schema(schema_with = id_schema)]
    external_id: Option<String>,
    /// Another spelling of `external_id`.
    #[schema(schema_with = id_schema)]
    id: Option<String>,
    /// The platform's id of the call that runs the job.
    call_id: Option<String>,
    /// Batch of the job, by the senders' id or by ours.
    batch_id: Option<String>,
    run_id: Option<String>,
    project_id: Option<String>,
    /// Application that hears of the job; must be the one of its source.
    application: Option<String>,
    /// Seconds from now within which the job's answer is due.
    #[schema(schema_with = deadline_schema)]
    deadline_seconds: Option<u64>,
    /// The caller's own data.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Webhook of this job alone, besides its application's endpoints.
    webhook: Option<WebhookIn>,
    /// Another spelling of `webhook.url`.
    webhook_url: Option<String>,
    /// Another spelling of `webhook.secret`.
    webhook_secret: Option<String>,
    /// Another spelling of `webhook.headers`.
    #[schema(value_type = Option<Object>)]
    webhook_headers: Option<Value>,
}

fn id_schema() -> RefOr<Schema> {
    optional_text(MAX_ID)
}

fn deadline_schema() -> RefOr<Schema> {
    optional_integer(1, MAX_DEADLINE)
}

impl JobIn {
    fn draft(self) -> Result<RegistrationDraft, Error> {
        let mut metadata = self.metadata;
        let webhook = WebhookFields {
            webhook: self.webhook,
            url: self.webhook_url,
            secret: self.webhook_secret,
            headers: self.webhook_headers,
        };
        Ok(RegistrationDraft {
            webhook: webhook.draft(metadata.as_mut())?,
            source: self.source,
            external_id: self.external_id.or(self.id),
            call_id: self.call_id,
            batch_id: self.batch_id,
            run_id: self.run_id,
            project_id: self.project_id,
            application: self.application,
            deadline_seconds: self.deadline_seconds,
            metadata,
        })
    }
}

/// A job that was registered.
#[derive(Serialize, ToSchema)]
pub(super) struct Registered {
    #[serde(flatten)]
    job: JobOut,
    /// Another spelling of `id`.
    job_id: String,
    webhooks: Vec<WebhookOut>,
    /// URL that its sender reports the end to, if the sender cannot sign: shown once, good for one
    /// job. A registration that is repeated has a new one, beside the former.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
    /// Bearer token that appends to the log of this job, and does nothing else. It is good until a day
    /// after the job's deadline, or for 30 days. A registration that is repeated has a new one, beside
    /// the former.
    log_token: String,
}

fn answer(registered: RegisteredJob) -> (StatusCode, Json<Registered>) {
    let RegisteredJob { job, created, webhooks, callback_url, log_token } = registered;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let webhooks = webhooks.into_iter().map(WebhookOut::from).collect();
    let job_id = job.id.to_string();
    (status, Json(Registered { job: job.into(), job_id, webhooks, callback_url, log_token }))
}

/// Registers a job, under an id that is given or made.
#[utoipa::path(post, path = "/v1/jobs", operation_id = "create_job", request_body = JobIn,
    responses((status = 200, body = Registered, description = "It was registered before."),
        (status = 201, body = Registered), (status = 409)))]
pub(super) async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<JobIn>,
) -> Result<(StatusCode, Json<Registered>), Error> {
    let registered = registration::create(&control, &principal, given.draft()?).await;
    registered.map(answer).map_err(spelt)
}

/// Registers a job under its sender's id. The same again changes nothing.
#[utoipa::path(put, path = "/v1/jobs/{id}", operation_id = "put_job",
    params(("id" = String, Path,
            description = "The sender's id, or our own of a job that is known.")),
    request_body = JobIn,
    responses((status = 200, body = Registered), (status = 201, body = Registered),
        (status = 409)))]
pub(super) async fn put(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Body(given): Body<JobIn>,
) -> Result<(StatusCode, Json<Registered>), Error> {
    let registered = registration::put(&control, &principal, id, given.draft()?).await;
    registered.map(answer).map_err(spelt)
}
