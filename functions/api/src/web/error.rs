//! Reasons for which a request is not answered as asked.
//!
//! Handlers return an [`Error`], mostly a [`Refusal`] of a use case. It travels beside an empty
//! answer to the border, where the contract whose route was asked gives it its shape, and where the
//! cause that callers may not read is logged, once.

use std::{sync::Arc, time::Duration};

use adapters::{Unavailable, contested::Contested};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::reading::{Fault, Reason};
use manage::Refusal;
use tracing::error;

/// Largest request body, in bytes: 1 MiB, as much as a message of SQS holds.
pub const MAX_BODY: usize = 1024 * 1024;

/// Reason for which a request did not succeed. The caller may read every text but the cause of
/// `Unavailable`.
#[derive(Debug)]
pub(crate) enum Error {
    /// No key, or not a key of this relay.
    Unauthenticated,
    /// A key that does not allow this.
    Forbidden(&'static str),
    /// Nothing there that the caller may see.
    NotFound,
    /// The thing was there, and was removed for good.
    Gone(&'static str),
    /// The path is there, the method is not.
    Method,
    /// The request cannot be read, or makes no sense now.
    Bad(String),
    /// The request can be read, but a part of it cannot be used.
    Invalid(Invalid),
    /// The request contradicts the present state.
    Conflict(String),
    /// An equal request with the same key is being worked on, for this long at most.
    Running(Duration),
    /// The caller sends more than it may; it may send again after this long.
    TooMany(Duration),
    /// The body is too large.
    TooLarge,
    /// The body is larger than this operation takes, in bytes.
    LargerThan(usize),
    /// AWS did not answer, or refused for now.
    Unavailable(Unavailable),
}

/// The part of a request that cannot be used, and why.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// Place: `body`, `query` or `header`, then the field.
    pub(crate) at: Vec<String>,
    /// Reason.
    pub(crate) why: String,
}

impl Error {
    /// A field of the body cannot be used; nested fields are joined with dots.
    pub(crate) fn field(name: &str, why: impl ToString) -> Self {
        let at = std::iter::once("body").chain(name.split('.')).map(str::to_owned).collect();
        Self::Invalid(Invalid { at, why: why.to_string() })
    }

    /// A query parameter cannot be used.
    pub(crate) fn param(name: &str, why: impl ToString) -> Self {
        let at = vec!["query".to_owned(), name.to_owned()];
        Self::Invalid(Invalid { at, why: why.to_string() })
    }

    /// The refusal of a use case whose draft is the query.
    pub(crate) fn of_query(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid { field, why } => Self::param(&field, why),
            other => other.into(),
        }
    }

    /// The body or query cannot be read.
    pub(crate) fn unreadable(part: &str, fault: Fault) -> Self {
        match fault.reason {
            Reason::Syntax(why) => Self::Bad(format!("the {part} is not JSON: {why}")),
            reason => {
                let mut at = vec![part.to_owned()];
                at.extend(fault.path);
                Self::Invalid(Invalid { at, why: reason.to_string() })
            }
        }
    }

    /// Status that the error is answered with.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound | Self::Gone(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) | Self::Running(_) => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge | Self::LargerThan(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The text that tells the caller what is wrong.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Unauthenticated => "Invalid token".to_owned(),
            Self::Forbidden(why) | Self::Gone(why) => (*why).to_owned(),
            Self::NotFound => "Entity not found".to_owned(),
            Self::Method => "this path does not know that method".to_owned(),
            Self::Bad(why) | Self::Conflict(why) => why.clone(),
            Self::Running(_) => "the same request is being worked on; please ask again".to_owned(),
            Self::Invalid(Invalid { at, why }) => match at.get(1..) {
                Some(fields) if !fields.is_empty() => format!("{}: {why}", fields.join(".")),
                _ => why.clone(),
            },
            Self::TooMany(_) => "more than may come in a second; please send it again".to_owned(),
            Self::TooLarge => format!("a request body is {MAX_BODY} bytes at most"),
            Self::LargerThan(most) => format!("the body of this request is {most} bytes at most"),
            Self::Unavailable(_) => "not possible right now, please try again".to_owned(),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NotFound,
            Refusal::Gone(why) => Self::Gone(why),
            Refusal::Forbidden(why) => Self::Forbidden(why),
            Refusal::Invalid { field, why } => Self::field(&field, why),
            Refusal::Conflict(why) => Self::Conflict(why),
            Refusal::Done(why) => Self::Bad(why.to_owned()),
            Refusal::Busy(why) => Self::Conflict(why.to_owned()),
            Refusal::TooMany(seconds) => Self::TooMany(Duration::from_secs(seconds)),
            Refusal::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

impl From<Contested> for Error {
    fn from(contested: Contested) -> Self {
        Refusal::from(contested).into()
    }
}

impl From<Unavailable> for Error {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl IntoResponse for Error {
    /// An empty answer with the error beside it, for [`shaped`].
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// The answer to an error in the shape of one contract.
pub(crate) type Shape = fn(&Error) -> Response;

/// Names the fields and parameters of a request that its operation does not know.
pub(super) const IGNORED: HeaderName = HeaderName::from_static("relay-ignored");

/// Gives the error beside an answer its shape. Other answers pass as they are. Two headers of the
/// unshaped answer stay: the methods that a path knows, and [`IGNORED`].
pub(crate) fn shaped(shape: Shape, mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<Arc<Error>>() else { return response };
    if let Error::Unavailable(cause) = &*error {
        error!(error = %cause, "a request failed");
    }
    let mut shaped = shape(&error);
    if matches!(*error, Error::Unauthenticated) {
        let challenge = HeaderValue::from_static("Bearer");
        shaped.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Error::Running(wait) = &*error {
        let seconds = HeaderValue::from(wait.as_secs().clamp(1, 5));
        shaped.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    if let Error::TooMany(wait) = &*error {
        shaped.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    for (name, value) in response.headers() {
        if [header::ALLOW, IGNORED].contains(name) {
            shaped.headers_mut().insert(name, value.clone());
        }
    }
    shaped
}
