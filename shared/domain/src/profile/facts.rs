//! Reading a verified body.

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Mapping, Profile};
use crate::{
    id::is_identifier,
    job::JobStatus,
    json::{JsonFields, NotAnObject},
    signature::Verification,
};

/// Why a body cannot be used although the signature holds. The message may be shown to the sender.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// The profile needs a JSON object, and the body is none.
    #[error("Invalid JSON")]
    Json,
    /// A field is missing that the profile needs.
    #[error("Missing {0}")]
    Missing(String),
}

/// The content of a body, in the relay's words.
#[derive(Debug, Default)]
pub struct SenderReport<'a> {
    /// The sender's id of the job, if the body is about one.
    pub job: Option<String>,
    /// The platform's id of the call that ran the job.
    pub call_id: Option<String>,
    /// The batch that the job belongs to.
    pub batch_id: Option<String>,
    /// The run that the job belongs to.
    pub run_id: Option<String>,
    /// The project that the job belongs to.
    pub project_id: Option<String>,
    /// The state that the job is reported to be in.
    pub status: Option<JobStatus>,
    /// The result, as it stands in the body.
    pub result: Option<&'a RawValue>,
    /// The error, as it stands in the body.
    pub error: Option<&'a RawValue>,
    /// The type of the event, if the body is not about a job.
    pub event_type: Option<String>,
}

/// The idempotency key of the report that a job has ended.
pub fn ended(id: &str, state: JobStatus) -> String {
    format!("job:{id}:{}", state.word())
}

/// SHA-256 of a body, in hex.
pub fn fingerprint(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

impl Profile {
    /// The idempotency key, and the value that the reply repeats. The key is made only of what the
    /// signature vouches for:
    ///
    /// - `job:<id>:<state>` for a job that has ended, so that a webhook, its repetition and the
    ///   answer of a polled platform are one event;
    /// - else `id:<id>` of a message id under the MAC, or of the id of an event in the body;
    /// - else `sha256:<hash>`, because a job has several things to report before it ends, and may
    ///   repeat itself.
    ///
    /// A sender that knows a token and signs nothing is not believed that a job ended. Such a
    /// report is a hint to ask the platform, with a key `hint:<hash>` of its own.
    ///
    /// # Errors
    /// If the profile needs a field of the body that cannot be read or is missing.
    pub fn key(
        &self,
        verified: &Verification,
        body: &[u8],
    ) -> Result<(String, Option<String>), Unreadable> {
        let mapping = &self.mapping;
        let hash = || match &verified.fingerprint {
            Some(hash) => format!("sha256:{hash}"),
            None => format!("sha256:{}", fingerprint(body)),
        };
        let message = || verified.id.as_ref().filter(|_| verified.signs_id);
        let general = || message().map_or_else(hash, |id| format!("id:{id}"));
        let Some(path) = &mapping.key else { return Ok((general(), None)) };
        let paths = mapping.state_paths().chain([path]).chain(&self.reply.echo);
        let fields = match mapping.fields(body, paths.map(String::as_str)) {
            Ok(fields) => fields,
            Err(_) if mapping.key_optional => return Ok((general(), None)),
            Err(_) => return Err(Unreadable::Json),
        };
        let echo = self.reply.echo.as_ref().and_then(|path| fields.text(path));
        let Some(id) = fields.text(path) else {
            if mapping.key_optional {
                return Ok((general(), echo));
            }
            return Err(Unreadable::Missing(path.clone()));
        };
        let key = match mapping.state(&fields) {
            Some(state) if state.is_terminal() && verified.token => {
                format!("hint:{}", fingerprint(body))
            }
            Some(state) if state.is_terminal() => ended(&id, state),
            _ if mapping.status.is_empty() => format!("id:{id}"),
            _ => general(),
        };
        Ok((key, echo))
    }

    /// Reads a body. A part that cannot be read is absent from the report; the event is kept and
    /// passed on all the same.
    pub fn read<'a>(&self, body: &'a [u8]) -> SenderReport<'a> {
        let mapping = &self.mapping;
        let fields = mapping.fields(body, mapping.paths()).unwrap_or_default();
        let one = |path: &Option<String>| path.as_ref().and_then(|path| fields.text(path));
        let event_type = fields.first_text(mapping.event_type.iter().map(String::as_str));
        SenderReport {
            job: fields.first_text(mapping.job_id.iter().map(String::as_str)),
            call_id: one(&mapping.call_id),
            batch_id: one(&mapping.batch_id),
            run_id: one(&mapping.run_id),
            project_id: one(&mapping.project_id),
            status: mapping.state(&fields),
            result: mapping.result.iter().find_map(|path| fields.raw(path)),
            error: mapping.error.iter().find_map(|path| fields.filled(path)),
            event_type: self.event_type(event_type).or_else(|| mapping.event_type_default.clone()),
        }
    }
}

impl Profile {
    /// An event type as the sender writes it, with the profile's prefix; `None` if that cannot be
    /// an event type.
    pub fn event_type(&self, spelled: Option<String>) -> Option<String> {
        // Shopify writes `orders/create`.
        let spelled = spelled?.replace('/', ".");
        let name = format!("{}{spelled}", self.mapping.event_type_prefix);
        is_identifier(&name, 256).then_some(name)
    }
}

impl Mapping {
    fn paths(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.job_id, &self.status, &self.result, &self.error, &self.event_type];
        let singles = [&self.call_id, &self.batch_id, &self.run_id, &self.project_id];
        let lists = lists.into_iter().flatten().chain(&self.failed_if);
        lists.chain(singles.into_iter().flatten()).map(String::as_str)
    }

    fn state_paths(&self) -> impl Iterator<Item = &String> {
        self.status.iter().chain(&self.failed_if)
    }

    /// Reads a body as JSON or, if the profile's senders post forms, as a form.
    fn fields<'a, 'p>(
        &self,
        body: &'a [u8],
        paths: impl Iterator<Item = &'p str>,
    ) -> Result<JsonFields<'a>, NotAnObject> {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        if self.form && first != Some(&b'{') {
            return Ok(JsonFields::form(body, paths));
        }
        JsonFields::read(body, paths)
    }

    fn state(&self, fields: &JsonFields<'_>) -> Option<JobStatus> {
        let word = fields.first_text(self.status.iter().map(String::as_str))?;
        let state = self.statuses.get(&word).copied().or_else(|| JobStatus::usual(&word))?;
        let failed = self.failed_if.iter().any(|path| fields.filled(path).is_some());
        Some(if failed && state.is_terminal() { JobStatus::Failed } else { state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn omtx() -> &'static Profile {
        Profile::named("modal-omtx").expect("there")
    }

    #[test]
    fn a_completion_is_read_by_the_profile() {
        let body = br#"{"call_id":"fc-1","status":"success","result":{"affinity":-7.2},
            "metadata":{"job_id":"j1","batch_id":"b1","timestamp":"2026-01-01T00:00:00Z"}}"#;
        let said = omtx().read(body);
        assert_eq!(said.job.as_deref(), Some("j1"));
        assert_eq!(said.call_id.as_deref(), Some("fc-1"));
        assert_eq!(said.batch_id.as_deref(), Some("b1"));
        assert_eq!(said.status, Some(JobStatus::Succeeded));
        assert_eq!(said.result.map(RawValue::get), Some(r#"{"affinity":-7.2}"#));
        let (key, echo) = omtx().key(&Verification::default(), body).expect("readable");
        assert_eq!((key.as_str(), echo.as_deref()), ("job:fc-1:succeeded", Some("fc-1")));
    }

    #[test]
    fn what_the_sender_forgot_is_named() {
        let key = |body: &[u8]| omtx().key(&Verification::default(), body).map(|(key, _)| key);
        assert_eq!(key(b"not json"), Err(Unreadable::Json));
        assert_eq!(key(b"\xff\xfe"), Err(Unreadable::Json));
        assert_eq!(key(b""), Err(Unreadable::Json));
        assert_eq!(key(br#"{"status":"success"}"#), Err(Unreadable::Missing("call_id".into())));
    }

    #[test]
    fn an_unsigned_header_never_becomes_the_key() {
        let verified = Verification { id: Some("fresh".into()), ..Verification::default() };
        let github = Profile::named("github").expect("there");
        let (key, _) = github.key(&verified, b"{}").expect("readable");
        assert!(key.starts_with("sha256:"));
    }
}
