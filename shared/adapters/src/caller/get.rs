//! Asking a platform: a GET whose whole answer is wanted.
//!
//! It goes the way that notifications go: the same rule for addresses, the same single connection,
//! no redirect. Only here is the answer read to its end, so its size has a bound, and an answer
//! beyond it is a failure rather than a part that looks like a whole.

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

/// What is asked.
pub struct FetchRequest<'a> {
    /// Whom: the platform's URL for this one thing.
    pub url: &'a str,
    /// With which headers, besides `host`.
    pub headers: HeaderMap,
    /// How long all of it may take.
    pub timeout: Duration,
    /// The largest answer that is read.
    pub max_body: usize,
    /// The time now, for a `Retry-After` that is a date.
    pub now: Timestamp,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct FetchResult {
    /// In the domain's words.
    pub outcome: CallOutcome,
    /// The headers of the answer; none if there was no answer.
    pub headers: HeaderMap,
    /// The answer, whole.
    pub body: Vec<u8>,
    /// What went wrong, for people.
    pub detail: String,
}

impl Caller {
    /// Asks. Every way of failing is an outcome, never an error.
    pub async fn get(&self, question: FetchRequest<'_>) -> FetchResult {
        self.ask_with(Method::GET, question, Vec::new()).await
    }

    /// The same with another method and a body.
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
