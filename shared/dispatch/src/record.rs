//! What is written down about a call, or about why there was none.

use std::time::Duration;

use adapters::caller::CallResult;
use domain::{
    delivery::{Attempt, Delivery},
    endpoint::Endpoint,
    id::AttemptId,
    retry::{CallOutcome, ErrorClass, RetryVerdict},
    time::Timestamp,
};

/// Why nothing was called.
pub(crate) fn note(
    delivery: &Delivery,
    endpoint: &Endpoint,
    why: ErrorClass,
    detail: &str,
    at: Timestamp,
) -> Attempt {
    attempt(delivery, endpoint, &no_answer(why, detail), &RetryVerdict::Dead, at, false)
}

/// What could not be sent at all.
pub(crate) fn unsendable(detail: &str) -> CallResult {
    no_answer(ErrorClass::Relay, detail)
}

fn no_answer(why: ErrorClass, detail: &str) -> CallResult {
    CallResult {
        outcome: CallOutcome::Failed(why),
        response: String::new(),
        detail: detail.to_owned(),
        took: Duration::ZERO,
    }
}

/// The record of a call.
pub(crate) fn attempt(
    delivery: &Delivery,
    endpoint: &Endpoint,
    answer: &CallResult,
    verdict: &RetryVerdict,
    at: Timestamp,
    manual: bool,
) -> Attempt {
    let (status, error, detail) = match &answer.outcome {
        CallOutcome::Answered { status, .. } if *verdict == RetryVerdict::Delivered => {
            (Some(*status), None, String::new())
        }
        CallOutcome::Answered { status, .. } => {
            let more = if answer.detail.is_empty() { "" } else { "; " };
            let told = format!("the endpoint answered {status}{more}{}", answer.detail);
            (Some(*status), Some(ErrorClass::Status), told)
        }
        CallOutcome::Failed(class) => (None, Some(*class), answer.detail.clone()),
    };
    Attempt {
        id: AttemptId::of(&delivery.id, delivery.made),
        at,
        duration_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        url: endpoint.url.clone(),
        status,
        error,
        detail,
        response: answer.response.clone(),
        manual,
    }
}
