//! Requests of senders, as the OpenAPI document describes them. The function `ingest` answers them;
//! no function of this file is called.

use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

/// A completion as OMTX-Hub's functions post it (R0.9).
#[derive(Serialize, ToSchema)]
struct OmtxCompletion {
    /// Id of the call that ended.
    call_id: String,
    /// `success`, `failure` or `timeout`.
    status: String,
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Error of a call that failed; mostly an object with `message`.
    #[schema(value_type = Option<Object>)]
    error: Option<Value>,
    /// `job_id`, `batch_id` and `timestamp`.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// A completion as the mesh service's jobs post it (R1.1).
#[derive(Serialize, ToSchema)]
struct MeshCompletion {
    job_id: String,
    /// `completed` or `failed`.
    status: String,
    /// `success`, `s3_output_path`, `strategy`, `quality_metrics` and what else there is.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
    /// Error of a job that failed, as text.
    error: Option<String>,
}

/// The routes that are signed and not asked for a key.
#[derive(OpenApi)]
#[openapi(paths(source, source_with_token, omtx, mesh))]
pub(crate) struct Inbound;

/// A request of a source, signed as its profile says.
#[utoipa::path(post, path = "/in/{source}", tag = "inbound", security(()),
    params(("source" = String, Path, description = "Its name.")), request_body = Value,
    responses((status = 202, description = "It lies on the queue; some profiles answer 200."), (status = 400, description = "The signature holds, but the body cannot be used."), (status = 401, description = "For whichever reason; only the log names it."), (status = 404, description = "Nobody registered this job, and the source asks for that."), (status = 413), (status = 429, description = "See Retry-After."), (status = 503, description = "To be sent again.")))]
#[expect(dead_code, reason = "only described here")]
fn source() {}

/// A request of a sender that cannot sign, by the token in its path.
#[utoipa::path(post, path = "/in/{source}/{token}", tag = "inbound", security(()),
    params(("source" = String, Path, description = "Its name."), ("token" = String, Path)), request_body = Value,
    responses((status = 202), (status = 400), (status = 401), (status = 404), (status = 413), (status = 429), (status = 503)))]
#[expect(dead_code, reason = "only described here")]
fn source_with_token() {}

/// A completion for the source `modal-omtx`. Errors are `{"detail": …}`.
#[utoipa::path(post, path = "/api/v3/webhooks/modal/completion", tag = "inbound", operation_id = "omtx_completion", security(()),
    params(("X-Modal-Signature" = String, Header, description = "`sha256=` and the HMAC-SHA256 of the body in hexadecimal."), ("X-Modal-Timestamp" = i64, Header, description = "Unix seconds, within 300 of now.")), request_body = OmtxCompletion,
    responses((status = 200, description = "`status` is `accepted`, beside `call_id`."), (status = 400), (status = 401), (status = 413), (status = 429), (status = 503)))]
#[expect(dead_code, reason = "only described here")]
fn omtx() {}

/// A completion for the source `modal-mesh`. Errors are `{"error": …}`.
#[utoipa::path(post, path = "/api/webhooks/modal", tag = "inbound", operation_id = "mesh_completion", security(()),
    params(("X-Modal-Signature" = String, Header, description = "The HMAC-SHA256 of the body in hexadecimal, with or without `sha256=`.")), request_body = MeshCompletion,
    responses((status = 200, description = "`status` is `ok`, beside `job_id`."), (status = 400, description = "No JSON, or no `job_id`."), (status = 401), (status = 404, description = "With the source's option `strict`: nobody registered this job."), (status = 413), (status = 429), (status = 503)))]
#[expect(dead_code, reason = "only described here")]
fn mesh() {}
