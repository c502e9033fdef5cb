//! The operation that declares a batch.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use domain::batch::FailOn;
use manage::{
    ControlPlane,
    batches::{self, BatchCreation, BatchDraft},
    registrar_fields::MAX_ID,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};

use super::out::BatchOut;
use crate::{
    v1::webhook::{WebhookFields, WebhookIn, spelt},
    web::{error::Error, gate::Authenticated, input::Body, page::optional_text},
};

/// A batch as its registrar describes it.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct BatchIn {
    /// Senders' id of the batch; one is made if there is none.
    #[schema(schema_with = id_schema)]
    id: Option<String>,
    /// Another spelling of `id`.
    #[schema(schema_with = id_schema)]
    external_id: Option<String>,
    /// Number of its jobs; left out, the batch is closed later.
    #[schema(maximum = 1_000_000_000)]
    size: Option<u64>,
    /// Application (id or uid) that hears of the batch; its source's, if a source is named.
    application: Option<String>,
    /// Source that its jobs come from.
    source: Option<String>,
    input_file_id: Option<String>,
    /// The platform's path that its requests go to.
    endpoint: Option<String>,
    completion_window: Option<String>,
    #[schema(minimum = -1, maximum = 1)]
    priority: Option<i8>,
    /// The caller's own data.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Announce progress each time so many more jobs have ended.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    progress_every: Option<u64>,
    /// Announce progress each time so many more per cent have ended; 10 if neither is given and the
    /// webhook's events name progress.
    #[schema(minimum = 1, maximum = 100)]
    progress_percent: Option<u8>,
    /// `all`: the batch has failed if none of its jobs succeeded. `any`: if one did not.
    #[schema(value_type = Option<String>)]
    fail_on: Option<FailOn>,
    /// Webhook of this batch alone, besides its application's endpoints.
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

impl BatchIn {
    fn draft(self) -> Result<BatchDraft, Error> {
        let mut metadata = self.metadata;
        let webhook = WebhookFields {
            webhook: self.webhook,
            url: self.webhook_url,
            secret: self.webhook_secret,
            headers: self.webhook_headers,
        };
        Ok(BatchDraft {
            webhook: webhook.draft(metadata.as_mut())?,
            external_id: self.external_id.or(self.id),
            size: self.size,
            application: self.application,
            source: self.source,
            input_file_id: self.input_file_id,
            endpoint: self.endpoint,
            completion_window: self.completion_window,
            priority: self.priority,
            metadata,
            progress_every: self.progress_every,
            progress_percent: self.progress_percent,
            fail_on: self.fail_on,
        })
    }
}

/// Declares a batch, before its jobs or after. The same again is the same batch.
#[utoipa::path(post, path = "/v1/batches", operation_id = "create_batch", request_body = BatchIn,
    responses((status = 200, body = BatchOut, description = "It was declared before."),
        (status = 201, body = BatchOut), (status = 409)))]
pub(super) async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<BatchIn>,
) -> Result<(StatusCode, Json<BatchOut>), Error> {
    let creation = batches::declare(&control, &principal, given.draft()?).await;
    let BatchCreation { batch, created } = creation.map_err(spelt)?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(batch.into())))
}
