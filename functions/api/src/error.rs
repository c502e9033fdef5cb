//! What can go wrong between a request and its answer. Handlers return an [`Error`]; its shape is
//! given at the border by the path that was asked, and what callers may not read is logged there,
//! once.

use std::{sync::Arc, time::Duration};

use adapters::{Unavailable, problem::problem};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::error;

use crate::{omtx, svix};

/// Why a request did not work. All texts but the cause of `Unavailable` may be read by the caller.
#[derive(Debug)]
pub(crate) enum Error {
    /// No key, or not a key of ours.
    Unauthenticated,
    /// A key that may not.
    Forbidden(&'static str),
    /// Nothing there that the caller may see.
    NotFound,
    /// The path is there, the method is not.
    Method,
    /// The request cannot be read, or makes no sense now.
    Bad(String),
    /// The request can be read, but this in it cannot be used.
    Invalid(Invalid),
    /// It contradicts what is there.
    Conflict(String),
    /// The same request is being worked on, for so long at the most.
    Running(Duration),
    /// The body is too large.
    TooLarge,
    /// The path is known, and nothing is behind it yet.
    NotImplemented(&'static str),
    /// The outside world did not do what we asked.
    Unavailable(Unavailable),
}

/// What in a request cannot be used, and why.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// Where it is: `body` or `query`, then the field.
    pub(crate) at: Vec<String>,
    /// Why.
    pub(crate) why: String,
}

impl Error {
    /// This field of the body cannot be used.
    pub(crate) fn field(name: &str, why: impl ToString) -> Self {
        let at = vec!["body".to_owned(), name.to_owned()];
        Self::Invalid(Invalid { at, why: why.to_string() })
    }

    /// This query parameter cannot be used.
    pub(crate) fn param(name: &str, why: impl ToString) -> Self {
        let at = vec!["query".to_owned(), name.to_owned()];
        Self::Invalid(Invalid { at, why: why.to_string() })
    }

    /// The status it is answered with.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) | Self::Running(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotImplemented(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the caller reads.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Unauthenticated => "Invalid token".to_owned(),
            Self::Forbidden(why) | Self::NotImplemented(why) => (*why).to_owned(),
            Self::NotFound => "Entity not found".to_owned(),
            Self::Method => "this path does not know that method".to_owned(),
            Self::Bad(why) | Self::Conflict(why) => why.clone(),
            Self::Running(_) => "the same request is being worked on; please ask again".to_owned(),
            Self::Invalid(Invalid { at, why }) => match at.get(1..) {
                Some(fields) if !fields.is_empty() => format!("{}: {why}", fields.join(".")),
                _ => why.clone(),
            },
            Self::TooLarge => format!("a request body is {} bytes at most", crate::MAX_BODY),
            Self::Unavailable(_) => "not possible right now, please try again".to_owned(),
        }
    }
}

impl From<Unavailable> for Error {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl IntoResponse for Error {
    /// Travels to [`shape`] beside an empty answer.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Gives errors the shape of the API they happened in.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    shaped(&path, next.run(request).await)
}

/// A response in the shape of the API that was asked under this path.
pub(crate) fn shaped(path: &str, mut response: Response) -> Response {
    let (svix, omtx) = (path.starts_with("/api/v1"), path.starts_with(omtx::BASE));
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    if let Error::Unavailable(cause) = &*error {
        error!(error = %cause, "a request failed");
    }
    let mut shaped = match (svix, omtx) {
        (true, _) => svix::error::shape(&error),
        (_, true) => omtx::shape(&error),
        _ => problem(error.status(), &error.detail()).map(Body::from),
    };
    if matches!(*error, Error::Unauthenticated) {
        let challenge = HeaderValue::from_static("Bearer");
        shaped.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Error::Running(wait) = &*error {
        let seconds = HeaderValue::from(wait.as_secs().clamp(1, 5));
        shaped.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    // Such as Allow, which axum knows.
    for (name, value) in response.headers() {
        if name == header::ALLOW {
            shaped.headers_mut().insert(name, value.clone());
        }
    }
    shaped
}
