//! S3: s3s over a directory with one subdirectory per bucket.

use std::path::Path;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;

use crate::{
    LocalAwsError,
    clients::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
    data::failed,
};

/// Serves the existing `directory` and creates `bucket` in it.
///
/// # Errors
/// [`LocalAwsError::Data`] if a directory cannot be created or read.
pub(crate) fn service(directory: &Path, bucket: &str) -> Result<S3Service, LocalAwsError> {
    let path = directory.join(bucket);
    std::fs::create_dir_all(&path).map_err(|e| failed(&path, &e))?;
    let files = FileSystem::new(directory).map_err(|e| failed(directory, &format!("{e:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    // Without an authentication provider s3s refuses signed requests, and SDKs sign every request.
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
    Ok(builder.build())
}

/// Routes every path and method to s3s.
pub(crate) fn router(service: S3Service) -> Router {
    Router::new().fallback(answer).with_state(service)
}

async fn answer(State(service): State<S3Service>, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "the local S3 could not answer a request");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
