//! Tokens, each for the live connections of one job, project or batch.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use manage::{
    ControlPlane,
    live::{self, LivePass, TokenDraft},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::{error::Error, gate::Authenticated, input::Body};

/// A token that is asked for. It names exactly one of `job`, `project` and `batch`.
#[derive(Deserialize, ToSchema)]
pub(super) struct LiveTokenIn {
    /// Job: our id, the sender's id or the call's id. With the sender's id it may be one that is not
    /// registered yet.
    job: Option<String>,
    /// Project, as senders call it.
    #[schema(min_length = 1, max_length = 2048)]
    project: Option<String>,
    /// Batch: our id or the senders' id.
    batch: Option<String>,
    /// Name of the job's source. Needed where several sources use the same id, or where the job is not
    /// registered yet and there are several sources.
    source: Option<String>,
    /// Id or uid of the application. Needed where several applications have a job or batch of that id,
    /// or for a project where there are several applications.
    application: Option<String>,
    /// Seconds for which the token is good.
    #[schema(minimum = 1, maximum = 86400, default = 3600)]
    ttl: Option<u64>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub(super) struct NewLiveToken {
    /// Value of the parameter `token` of an upgrade. The token is not shown again.
    token: String,
    /// Time from which the token opens nothing.
    expires_at: String,
    /// URL that opens connections with the token; null if the relay does not know its URL for live
    /// connections.
    url: Option<String>,
    /// The one topic that the connections hear: `job:<application>:<id>`, `project:<application>:<id>`
    /// or `batch:<application>:<id>`.
    topic: String,
}

/// Makes a token, which opens live connections to one job, project or batch until it expires.
///
/// A token may be given to a page of somebody else: it hears that one topic and does nothing else. It
/// ends when the key is revoked that it was made with.
#[utoipa::path(post, path = "/v1/live/tokens", operation_id = "create_live_token",
    request_body = LiveTokenIn,
    responses((status = 201, body = NewLiveToken),
        (status = 404,
            description = "The job, batch, source or application does not exist, or the API key may not see it."),
        (status = 409, description = "Several jobs or batches bear the id, or `Idempotency-Key` is in use.")))]
pub(super) async fn create(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Body(given): Body<LiveTokenIn>,
) -> Result<impl IntoResponse, Error> {
    let LiveTokenIn { job, project, batch, source, application, ttl } = given;
    let draft = TokenDraft { job, project, batch, source, application, ttl };
    let (made, topic) = live::create_token(&control, &principal, draft).await?;
    let LivePass { text, expires_at, url } = made;
    let expires_at = expires_at.rfc3339();
    let made = NewLiveToken { token: text, expires_at, url, topic: topic.to_string() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}
