//! Asking a platform: a GET whose whole answer is wanted.
//!
//! The call goes the way that deliveries go: the same rule for addresses, the same single connection, no
//! redirect. Only here is the answer read to its end. Its size has a bound, and a larger answer is a failure
//! rather than a part that looks like a whole.

use std::time::Duration;

use domain::{
    retry::{CallOutcome, ErrorClass},
    time::Timestamp,
};
use http::{HeaderMap, Method};
use hyper::body::{Body, Incoming};

use super::{
    Caller,
    call::Failure,
    exchange::{body_error, outcome},
    within,
};

/// A request to a platform for the state of one job.
pub struct FetchRequest<'a> {
    /// The platform's URL of this one job.
    pub url: &'a str,
    /// The headers to send, besides `host`.
    pub headers: HeaderMap,
    /// The longest time for the whole call.
    pub timeout: Duration,
    /// The largest answer that is read.
    pub max_body: usize,
    /// The time now, for a `Retry-After` that is a date.
    pub now: Timestamp,
}

/// The answer of a platform, or the reason why there is none.
#[derive(Clone, Debug)]
pub struct FetchResult {
    /// The outcome of the call, by which the poll is judged.
    pub outcome: CallOutcome,
    /// The headers of the answer; none if there was no answer.
    pub headers: HeaderMap,
    /// The whole body of the answer.
    pub body: Vec<u8>,
    /// A description of the failure for people.
    pub detail: String,
}

impl Caller {
    /// Asks. Every way of failing is an outcome, never an error.
    pub async fn get(&self, question: FetchRequest<'_>) -> FetchResult {
        self.ask_with(Method::GET, question, Vec::new()).await
    }

    /// Asks as [`Self::get`] does, with another method and a body.
    pub async fn ask_with(
        &self,
        method: Method,
        question: FetchRequest<'_>,
        body: Vec<u8>,
    ) -> FetchResult {
        let asked = within(question.timeout, self.ask(method, &question, body)).await;
        match asked {
            Ok(answered) => answered,
            Err(Failure(class, detail)) => FetchResult {
                outcome: CallOutcome::Failed(class),
                headers: HeaderMap::new(),
                body: Vec::new(),
                detail,
            },
        }
    }

    async fn ask(
        &self,
        method: Method,
        question: &FetchRequest<'_>,
        body: Vec<u8>,
    ) -> Result<FetchResult, Failure> {
        let headers = question.headers.clone();
        let response = self.response(method, question.url, headers, body).await?;
        let outcome = outcome(&response, question.now);
        let (head, body) = response.into_parts();
        let body = whole(body, question.max_body).await?;
        Ok(FetchResult { outcome, headers: head.headers, body, detail: String::new() })
    }
}

async fn whole(mut body: Incoming, max: usize) -> Result<Vec<u8>, Failure> {
    use http_body_util::BodyExt;
    let too_large =
        || Failure::new(ErrorClass::Protocol, format!("the answer is larger than {max} bytes"));
    // What the answer says of itself spares reading it.
    if usize::try_from(body.size_hint().lower()).map_or(true, |size| max < size) {
        return Err(too_large());
    }
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.map_err(|error| body_error(&error))?.into_data().unwrap_or_default();
        if max - kept.len() < data.len() {
            return Err(too_large());
        }
        kept.extend_from_slice(&data);
    }
    Ok(kept)
}
