//! What a platform's answer says about a job.

use serde_json::value::RawValue;

use super::{Kind, Paths, Platform};
use crate::{
    job::{Job, Status},
    json::Fields,
    retry::Outcome,
};

/// What a platform answered.
#[derive(Debug)]
pub enum Answer<'a> {
    /// How the job ended.
    Ended(Ended<'a>),
    /// It has ended; how is the next question.
    Ask,
    /// It has not ended.
    Running,
    /// The platform does not know it.
    Unknown,
    /// The platform refuses us: it is to be told our secret.
    Refused,
    /// No answer that could be used.
    Nothing,
}

/// How a job ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Its state.
    pub status: Status,
    /// Its result.
    pub result: Option<&'a RawValue>,
    /// Why it failed.
    pub error: Option<&'a RawValue>,
}

impl Platform {
    /// Reads the answer to the first question.
    pub fn read<'a>(&self, outcome: &Outcome, body: &'a [u8]) -> Answer<'a> {
        let Outcome::Answered { status, .. } = outcome else { return Answer::Nothing };
        match status {
            200..=299 => self.state(body),
            401 | 403 => Answer::Refused,
            404 | 410 => Answer::Unknown,
            _ => Answer::Nothing,
        }
    }

    fn state<'a>(&self, body: &'a [u8]) -> Answer<'a> {
        let paths = match self.kind {
            Kind::Replicate | Kind::Runpod => {
                Paths { result: "output".to_owned(), ..Paths::default() }
            }
            Kind::Fal | Kind::Http => self.paths.clone().unwrap_or_default(),
        };
        let wanted = [&paths.status, &paths.result, &paths.error].map(String::as_str);
        let Ok(fields) = Fields::read(body, wanted) else { return Answer::Nothing };
        let Some(word) = fields.text(&paths.status) else { return Answer::Nothing };
        let status = self.statuses.get(&word).copied().or_else(|| Status::usual(&word));
        match status {
            // fal calls every end `COMPLETED`.
            Some(status) if status.is_terminal() && self.kind == Kind::Fal => Answer::Ask,
            Some(status) if status.is_terminal() => Answer::Ended(Ended {
                status,
                result: fields.raw(&paths.result),
                error: fields.raw(&paths.error),
            }),
            Some(_) => Answer::Running,
            None => Answer::Nothing,
        }
    }

    /// Reads the answer to the second question, which only fal is asked: the result itself, or the
    /// error under the status that the app gave it. An error says `detail`; without it the answer
    /// is not the app's but of something on the way.
    pub fn read_result<'a>(&self, outcome: &Outcome, body: &'a [u8]) -> Answer<'a> {
        let Outcome::Answered { status, .. } = outcome else { return Answer::Nothing };
        let Ok(whole) = serde_json::from_slice::<&RawValue>(body) else { return Answer::Nothing };
        match status {
            200..=299 => {
                let (result, error) = (Some(whole), None);
                Answer::Ended(Ended { status: Status::Succeeded, result, error })
            }
            401 | 403 => Answer::Refused,
            404 | 410 => Answer::Unknown,
            408 | 429 => Answer::Nothing,
            _ => match Fields::read(body, ["detail"]).ok().and_then(|f| f.raw("detail")) {
                Some(_) => Answer::Ended(Ended {
                    status: Status::Failed,
                    result: None,
                    error: Some(whole),
                }),
                None => Answer::Nothing,
            },
        }
    }

    /// An answer as the platform's webhook would have said it.
    pub(super) fn as_webhook(&self, job: &Job, ended: &Ended<'_>, body: &[u8]) -> Vec<u8> {
        if self.kind != Kind::Fal {
            return body.to_vec();
        }
        #[derive(serde::Serialize)]
        struct Webhook<'a> {
            request_id: &'a str,
            status: &'a str,
            payload: Option<&'a RawValue>,
            error: Option<&'a str>,
        }
        let failed = ended.status != Status::Succeeded;
        let webhook = Webhook {
            request_id: &job.external_id,
            status: if failed { "ERROR" } else { "OK" },
            payload: ended.result.or(ended.error),
            error: failed.then_some("the request failed; its answer is the payload"),
        };
        serde_json::to_vec(&webhook).expect("plain data serialises")
    }
}
