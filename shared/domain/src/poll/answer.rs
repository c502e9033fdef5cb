//! Reading the answers of platforms.

use serde_json::value::RawValue;

use super::{AnswerPaths, PlatformKind, PollPlatform};
use crate::{
    job::{Job, JobStatus},
    json::JsonFields,
    retry::CallOutcome,
};

/// The answer of a platform about a job.
#[derive(Debug)]
pub enum PollAnswer<'a> {
    /// The job ended, with this result.
    Ended(PollResult<'a>),
    /// The job has ended; a second question gives the result.
    Ask,
    /// The job has not ended.
    Running,
    /// The platform does not know the job.
    Unknown,
    /// The platform refuses the relay's secret.
    Refused,
    /// There was no usable answer.
    Nothing,
}

/// The end of a job, as its platform reports it.
#[derive(Clone, Copy, Debug)]
pub struct PollResult<'a> {
    /// The terminal state that the platform reports.
    pub status: JobStatus,
    /// The result, as it stands in the answer.
    pub result: Option<&'a RawValue>,
    /// The error, as it stands in the answer.
    pub error: Option<&'a RawValue>,
}

impl PollPlatform {
    /// Reads the answer to the first question.
    pub fn read<'a>(&self, outcome: &CallOutcome, body: &'a [u8]) -> PollAnswer<'a> {
        let CallOutcome::Answered { status, .. } = outcome else { return PollAnswer::Nothing };
        match status {
            200..=299 => self.state(body),
            401 | 403 => PollAnswer::Refused,
            404 | 410 => PollAnswer::Unknown,
            _ => PollAnswer::Nothing,
        }
    }

    fn state<'a>(&self, body: &'a [u8]) -> PollAnswer<'a> {
        let paths = match self.kind {
            PlatformKind::Replicate | PlatformKind::Runpod => {
                AnswerPaths { result: "output".to_owned(), ..AnswerPaths::default() }
            }
            PlatformKind::Fal | PlatformKind::Http => self.paths.clone().unwrap_or_default(),
        };
        let wanted = [&paths.status, &paths.result, &paths.error].map(String::as_str);
        let Ok(fields) = JsonFields::read(body, wanted) else { return PollAnswer::Nothing };
        let Some(word) = fields.text(&paths.status) else { return PollAnswer::Nothing };
        let status = self.statuses.get(&word).copied().or_else(|| JobStatus::usual(&word));
        match status {
            // fal calls every end `COMPLETED`.
            Some(status) if status.is_terminal() && self.kind == PlatformKind::Fal => {
                PollAnswer::Ask
            }
            Some(status) if status.is_terminal() => PollAnswer::Ended(PollResult {
                status,
                result: fields.raw(&paths.result),
                error: fields.raw(&paths.error),
            }),
            Some(_) => PollAnswer::Running,
            None => PollAnswer::Nothing,
        }
    }

    /// Reads the answer to the second question, which only fal is asked: the result, or the error
    /// under the status that the app gave it. An error contains `detail`; without it the answer
    /// comes from a proxy and not from the app.
    pub fn read_result<'a>(&self, outcome: &CallOutcome, body: &'a [u8]) -> PollAnswer<'a> {
        let CallOutcome::Answered { status, .. } = outcome else { return PollAnswer::Nothing };
        let Ok(whole) = serde_json::from_slice::<&RawValue>(body) else {
            return PollAnswer::Nothing;
        };
        match status {
            200..=299 => {
                let (result, error) = (Some(whole), None);
                PollAnswer::Ended(PollResult { status: JobStatus::Succeeded, result, error })
            }
            401 | 403 => PollAnswer::Refused,
            404 | 410 => PollAnswer::Unknown,
            408 | 429 => PollAnswer::Nothing,
            _ => match JsonFields::read(body, ["detail"]).ok().and_then(|f| f.raw("detail")) {
                Some(_) => PollAnswer::Ended(PollResult {
                    status: JobStatus::Failed,
                    result: None,
                    error: Some(whole),
                }),
                None => PollAnswer::Nothing,
            },
        }
    }

    /// An answer in the form of the platform's webhook.
    pub(super) fn as_webhook(&self, job: &Job, ended: &PollResult<'_>, body: &[u8]) -> Vec<u8> {
        if self.kind != PlatformKind::Fal {
            return body.to_vec();
        }
        #[derive(serde::Serialize)]
        struct Webhook<'a> {
            request_id: &'a str,
            status: &'a str,
            payload: Option<&'a RawValue>,
            error: Option<&'a str>,
        }
        let failed = ended.status != JobStatus::Succeeded;
        let webhook = Webhook {
            request_id: &job.external_id,
            status: if failed { "ERROR" } else { "OK" },
            payload: ended.result.or(ended.error),
            error: failed.then_some("the request failed; its answer is the payload"),
        };
        serde_json::to_vec(&webhook).expect("plain data serialises")
    }
}
