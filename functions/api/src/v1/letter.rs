//! A dead letter as it is shown.

use domain::{
    letter::{Letter, LetterState, LetterSubject},
    retry::ErrorClass,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Largest payload that is shown, in bytes: Lambda answers 6 MB at most.
const MAX_SHOWN: usize = 4 * 1024 * 1024;

/// A dead letter (R3.10), and more.
#[derive(Serialize, ToSchema)]
pub(crate) struct LetterOut {
    /// Number of the letter.
    id: u64,
    /// Id of the letter, which can stand for the number in every path.
    letter_id: String,
    /// `delivery` or `message`.
    kind: &'static str,
    /// `waiting`, `redriven` or `resolved`.
    #[schema(value_type = String)]
    state: LetterState,
    batch_id: Option<String>,
    job_id: Option<String>,
    event_id: Option<String>,
    event_type: Option<String>,
    application: Option<String>,
    endpoint_id: Option<String>,
    webhook_url: Option<String>,
    error_message: String,
    /// Class of the last failure, in one word.
    #[schema(value_type = String)]
    error_class: ErrorClass,
    /// Attempts made.
    attempts: u32,
    last_attempt_at: Option<String>,
    created_at: String,
    /// Time at which the letter expires, with its payload.
    expires_at: Option<String>,
    retried_at: Option<String>,
    /// Whether the delivery arrived after the letter was put back, once that is known.
    retry_success: Option<bool>,
}

impl From<&Letter> for LetterOut {
    fn from(letter: &Letter) -> Self {
        let mut out = Self {
            id: letter.number,
            letter_id: letter.id.to_string(),
            kind: "message",
            state: letter.state,
            batch_id: None,
            job_id: None,
            event_id: None,
            event_type: None,
            application: None,
            endpoint_id: None,
            webhook_url: None,
            error_message: letter.error.clone(),
            error_class: letter.error_class,
            attempts: letter.attempts,
            last_attempt_at: letter.last_attempt_at.map(|at| at.rfc3339()),
            created_at: letter.created_at.rfc3339(),
            expires_at: letter.expires_at.map(|at| at.rfc3339()),
            retried_at: letter.retried_at.map(|at| at.rfc3339()),
            retry_success: letter.retry_success,
        };
        if let LetterSubject::Delivery {
            event,
            endpoint,
            application,
            event_type,
            url,
            job,
            batch_id,
            ..
        } = &letter.what
        {
            out.kind = "delivery";
            out.batch_id.clone_from(batch_id);
            out.job_id = job.as_ref().map(ToString::to_string);
            out.event_id = Some(event.event());
            out.event_type = Some(event_type.clone());
            out.application = Some(application.to_string());
            out.endpoint_id = Some(endpoint.to_string());
            out.webhook_url = Some(url.clone());
        }
        out
    }
}

/// A body as it is shown: JSON as it stands, anything else as text; `None` if it is too large.
pub(crate) fn content(bytes: &[u8]) -> Option<Box<RawValue>> {
    if MAX_SHOWN < bytes.len() {
        return None;
    }
    let json = serde_json::from_slice(bytes).ok();
    json.or_else(|| serde_json::value::to_raw_value(&String::from_utf8_lossy(bytes)).ok())
}
