//! The management API of a stage: `POST`, `GET` and `DELETE` of `/live/@connections/{id}`. Whoever serves
//! it has checked that the request is signed.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use jiff::Timestamp;
use serde_json::json;

use super::{
    connection::{Connection, Connections, PushRefusal, is_id},
    limits::{MESSAGE, STAGE},
};

/// An error of the management API: status, name and message.
struct ManagementError(StatusCode, &'static str, String);

impl ManagementError {
    fn gone() -> ManagementError {
        let message = "There is no open connection with this id.".to_owned();
        ManagementError(StatusCode::GONE, "GoneException", message)
    }

    fn too_large(message: &str) -> ManagementError {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        ManagementError(status, "PayloadTooLargeException", message.to_owned())
    }
}

impl IntoResponse for ManagementError {
    fn into_response(self) -> Response {
        let ManagementError(status, name, message) = self;
        let kind = (HeaderName::from_static("x-amzn-errortype"), name);
        (status, [kind], Json(json!({ "message": message }))).into_response()
    }
}

impl From<PushRefusal> for ManagementError {
    fn from(refusal: PushRefusal) -> ManagementError {
        match refusal {
            PushRefusal::Gone => ManagementError::gone(),
            PushRefusal::TooLong => ManagementError::too_large("Message too long"),
            PushRefusal::Full => {
                ManagementError::too_large("The client does not read what was sent to it before.")
            }
        }
    }
}

/// Serves the management API of these connections.
pub(super) fn router(connections: Arc<Connections>) -> Router {
    let one = post(push).get(look).delete(close);
    Router::new()
        .route(&format!("/{STAGE}/@connections/{{id}}"), one.clone())
        .route(&format!("/{STAGE}/%40connections/{{id}}"), one)
        .fallback(forbidden)
        .layer(DefaultBodyLimit::disable())
        .with_state(connections)
}

async fn push(
    State(connections): State<Arc<Connections>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ManagementError> {
    let connection = find(&connections, &id)?;
    if MESSAGE < body.len() {
        return Err(PushRefusal::TooLong.into());
    }
    connection.push(String::from_utf8_lossy(&body).into_owned())?;
    Ok(StatusCode::OK)
}

async fn look(
    State(connections): State<Arc<Connections>>,
    Path(id): Path<String>,
) -> Result<Response, ManagementError> {
    let connection = find(&connections, &id)?;
    let time = |ms| Timestamp::from_millisecond(ms).unwrap_or_default().to_string();
    let mut identity = json!({ "sourceIp": connection.source_ip });
    if let Some(agent) = &connection.user_agent {
        identity["userAgent"] = json!(agent);
    }
    let found = json!({
        "connectedAt": time(connection.connected_at),
        "lastActiveAt": time(connection.last_active_at()),
        "identity": identity,
    });
    Ok(Json(found).into_response())
}

async fn close(
    State(connections): State<Arc<Connections>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ManagementError> {
    find(&connections, &id)?;
    connections.remove(&id).ok_or_else(ManagementError::gone)?.close();
    Ok(StatusCode::NO_CONTENT)
}

async fn forbidden() -> ManagementError {
    let message = format!("This API has one stage, and only /{STAGE}/@connections/{{id}} in it.");
    ManagementError(StatusCode::FORBIDDEN, "ForbiddenException", message)
}

/// The open connection with this id.
///
/// # Errors
/// `BadRequestException` if the text cannot be an id, `GoneException` if there is no such connection,
/// `$connect` has not returned, or the connection has ended.
fn find(connections: &Connections, id: &str) -> Result<Arc<Connection>, ManagementError> {
    if !is_id(id) {
        let message = format!("Invalid connectionId: {id}");
        return Err(ManagementError(StatusCode::BAD_REQUEST, "BadRequestException", message));
    }
    connections.find(id).ok_or_else(ManagementError::gone)
}
