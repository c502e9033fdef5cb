//! S3: s3s over a directory with one subdirectory per bucket.

use std::path::Path;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
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
    ledger::Book,
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

/// Routes every path and method to s3s, and counts the requests.
pub(crate) fn router(service: S3Service, book: Book) -> Router {
    Router::new().fallback(answer).with_state((service, book))
}

/// Counts a request by its method, and a `GET` of a bucket as `LIST`.
fn count(book: &Book, request: &Request) {
    let is_object = request.uri().path().trim_matches('/').contains('/');
    let lists = request.method() == http::Method::GET && !is_object;
    let method = if lists { "LIST" } else { request.method().as_str() };
    let length = request.headers().get("x-amz-decoded-content-length");
    let length = length.or_else(|| request.headers().get(header::CONTENT_LENGTH));
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    book.write(|ledger| {
        *ledger.objects.entry(method.to_owned()).or_default() += 1;
        if method == "PUT" {
            ledger.object_bytes += length.unwrap_or_default();
        }
    });
}

async fn answer(State((service, book)): State<(S3Service, Book)>, request: Request) -> Response {
    count(&book, &request);
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "the local S3 could not answer a request");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
