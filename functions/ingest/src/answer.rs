//! The answers to senders. On the relay's own route an error is a problem document, and a refusal is one
//! document for all reasons. On the five systems' own routes an error has their shape and words.

use std::time::Duration;

use adapters::problem::problem;
use axum::http::{HeaderValue, Response, StatusCode, header};
use domain::{
    id::EventId,
    log::{LogFault, Seq},
    profile::{ErrorShape, Profile, Unreadable},
    signature::SignatureRefusal,
};
use serde_json::{Value, json};

use crate::way::Way;

/// Longest time that an answer waits for a write that it does not depend on.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// The reason why a request was not accepted, as far as its sender may know.
#[derive(Debug)]
pub(crate) enum No {
    /// The body is too large.
    TooLarge,
    /// We do not know who this is; `None` if there is no such source.
    Refused(Option<SignatureRefusal>),
    /// We know, but cannot use what they say.
    Unreadable(Unreadable),
    /// Nobody registered the job, and the source accepts registered jobs only.
    UnknownJob,
    /// We know, but the body brings no lines for a job's log.
    Lines(LogFault),
    /// The sender called too often. It may call again in so many seconds.
    TooMany(u64),
    /// Something of ours did not answer.
    Unavailable,
}

impl No {
    pub(crate) fn answer(&self, way: Way) -> Response<String> {
        let status = self.status();
        let mut response = match way.shape() {
            ErrorShape::Problem => problem(status, &self.words()),
            ErrorShape::Detail => plain(status, &json!({ "detail": self.their_words() })),
            ErrorShape::Error => plain(status, &json!({ "error": self.their_words() })),
        };
        let wait = match self {
            Self::TooMany(seconds) => Some(*seconds),
            Self::Unavailable => Some(5),
            _ => None,
        };
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The reason as it stands in the log of accesses. Its sender learns less.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Refused(None) => "unknown source".to_owned(),
            Self::Refused(Some(refusal)) => refusal.to_string(),
            other => other.words(),
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) => StatusCode::UNAUTHORIZED,
            Self::Unreadable(Unreadable::Encoding) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unreadable(Unreadable::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::Lines(LogFault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Lines(LogFault::Syntax(_)) => StatusCode::BAD_REQUEST,
            Self::Lines(LogFault::Field { .. }) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::UnknownJob => StatusCode::NOT_FOUND,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::TooLarge => "a body has at most 6 MB".to_owned(),
            Self::Refused(_) => "the signature does not hold".to_owned(),
            Self::Unreadable(what) => what.to_string(),
            Self::Lines(why) => why.to_string(),
            Self::UnknownJob => "nobody registered this job".to_owned(),
            Self::TooMany(_) => "this source calls more often than it may".to_owned(),
            Self::Unavailable => "not kept; send it again".to_owned(),
        }
    }

    /// The words of R0.9 and R1.3.
    fn their_words(&self) -> String {
        match self {
            Self::Refused(Some(SignatureRefusal::Past(_) | SignatureRefusal::Future(_))) => {
                "Timestamp too old"
            }
            Self::Refused(_) => "Invalid signature",
            Self::UnknownJob => "Job not found",
            _ => return self.words(),
        }
        .to_owned()
    }
}

/// The answer to an accepted request. The five systems' own routes answer 200 and add no field of the
/// relay's.
pub(crate) fn accepted(
    way: Way,
    profile: &Profile,
    event: &EventId,
    echo: Option<String>,
) -> Response<String> {
    let reply = &profile.reply;
    let (status, mut body) = match way {
        Way::Ours => (reply.status, json!({ "status": reply.word, "id": event.event() })),
        Way::Theirs(_) => (200, json!({ "status": reply.word })),
    };
    if let (Some(field), Some(value)) = (&reply.echo, echo) {
        body[field] = value.into();
    }
    plain(StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED), &body)
}

/// The answer to lines that are kept.
pub(crate) fn kept(next: &Seq, conflict: bool) -> Response<String> {
    let body = json!({ "status": "accepted", "next_seq": next, "conflict": conflict });
    plain(StatusCode::ACCEPTED, &body)
}

fn plain(status: StatusCode, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
