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
    clients::AccessKey,
    data::{self, failed},
};

/// Serves the existing `directory` to those who sign with `key`, and creates `bucket` in it.
///
/// # Errors
/// [`LocalAwsError::Data`] if a directory cannot be created or read.
pub(crate) fn service(
    directory: &Path,
    bucket: &str,
    key: &AccessKey,
) -> Result<S3Service, LocalAwsError> {
    let path = directory.join(bucket);
    data::create(&path)?;
    let files = FileSystem::new(directory).map_err(|e| failed(directory, &format!("{e:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    // With an authentication provider s3s refuses requests that are not signed.
    builder.set_auth(SimpleAuth::from_single(key.id.as_str(), key.secret.as_str()));
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
