//! Reads from a verified body the facts that the relay needs, by the mapping of the profile.

use std::borrow::Cow;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Mapping, Profile, form_as_json};
use crate::{
    id::MAX_EXTERNAL_ID,
    job::JobStatus,
    json::{JsonFields, NotAnObject, without_mark},
    signature::Verification,
};

/// The reason why a body cannot be used although the signature holds. The message may be shown to the sender.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unreadable {
    /// The profile needs a JSON object, and the body is none.
    #[error("Invalid JSON")]
    Json,
    /// A field is missing that the profile needs.
    #[error("Missing {0}")]
    Missing(String),
    /// An id is longer than [`MAX_EXTERNAL_ID`], so that it could never be recorded.
    #[error("{0} is longer than {MAX_EXTERNAL_ID} bytes")]
    TooLong(&'static str),
    /// The body has a `Content-Encoding` that the relay does not unpack, or cannot be unpacked.
    #[error("the Content-Encoding is not gzip, or the body is not in it")]
    Encoding,
    /// The unpacked body is too large.
    #[error("an unpacked body has at most 6 MB")]
    TooLarge,
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
    /// The result as it stands in the body, if it is not JSON by its grammar, such as one with `NaN`
    /// in it.
    pub result_text: Option<Cow<'a, str>>,
    /// The error as it stands in the body, if it is not JSON by its grammar.
    pub error_text: Option<Cow<'a, str>>,
    /// The type as the sender writes it, if it was changed to become `event_type`.
    pub original_type: Option<String>,
    /// The type of the event, if the body is not about a job.
    pub event_type: Option<String>,
}

impl SenderReport<'_> {
    /// Whether all ids of the report can be recorded.
    ///
    /// # Errors
    /// [`Unreadable::TooLong`] if one of them is longer than [`MAX_EXTERNAL_ID`].
    pub fn recordable(&self) -> Result<(), Unreadable> {
        let ids = [
            ("the job id", &self.job),
            ("the call id", &self.call_id),
            ("the batch id", &self.batch_id),
            ("the run id", &self.run_id),
            ("the project id", &self.project_id),
        ];
        let long = |id: &Option<String>| id.as_ref().is_some_and(|id| MAX_EXTERNAL_ID < id.len());
        match ids.into_iter().find(|(_, id)| long(id)) {
            Some((name, _)) => Err(Unreadable::TooLong(name)),
            None => Ok(()),
        }
    }
}

/// An event type in the relay's alphabet, and what was in the request for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderType {
    /// The type, with the profile's prefix.
    pub name: String,
    /// The type as the sender writes it, if that is another one.
    pub original: Option<String>,
}

/// The idempotency key of the report that a job has ended.
pub fn ended(id: &str, state: JobStatus) -> String {
    format!("job:{id}:{}", state.word())
}

/// Longest event type, in characters.
const MAX_TYPE: usize = 256;

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
    /// Where the profile reads the type from a header, `type:<type>:` stands in front of the last
    /// form and of the id of an event in the body: senders report several things about one body,
    /// such as Shopify's `orders/create` and `orders/paid`. `spelled` is that header's value, which
    /// no signature covers.
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
        spelled: Option<&str>,
    ) -> Result<(String, Option<String>), Unreadable> {
        let mapping = &self.mapping;
        let header = mapping.event_type_header.as_ref().and(spelled);
        let kind = match header.and_then(|spelled| self.event_type(Some(spelled.to_owned()))) {
            Some(kind) => format!("type:{}:", kind.name),
            None => String::new(),
        };
        let hash = || match &verified.fingerprint {
            Some(hash) => format!("{kind}sha256:{hash}"),
            None => format!("{kind}sha256:{}", fingerprint(body)),
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
        if MAX_EXTERNAL_ID < id.len() {
            return Err(Unreadable::TooLong("the id"));
        }
        let key = match mapping.state(&fields) {
            Some(state) if state.is_terminal() && verified.token => {
                format!("hint:{}", fingerprint(body))
            }
            Some(state) if state.is_terminal() => ended(&id, state),
            _ if mapping.status.is_empty() => format!("{kind}id:{id}"),
            _ => general(),
        };
        Ok((key, echo))
    }

    /// The body in the form in which [`key`](Self::key) and [`read`](Self::read) read it: a form is
    /// JSON, unless the profile reads forms itself.
    pub fn readable<'a>(&self, body: &'a [u8], form: bool) -> Cow<'a, [u8]> {
        if form && !self.mapping.form { form_as_json(body) } else { Cow::Borrowed(body) }
    }

    /// The body in the form in which subscribers receive it: a form is JSON.
    pub fn shown<'a>(&self, body: &'a [u8], form: bool) -> Cow<'a, [u8]> {
        let begins = without_mark(body).iter().find(|byte| !byte.is_ascii_whitespace());
        let form = form || (self.mapping.form && begins != Some(&b'{'));
        if form { form_as_json(body) } else { Cow::Borrowed(body) }
    }

    /// Reads a body. A part that cannot be read is absent from the report; the event is kept and
    /// passed on all the same.
    pub fn read<'a>(&self, body: &'a [u8]) -> SenderReport<'a> {
        let mapping = &self.mapping;
        let fields = mapping.fields(body, mapping.paths()).unwrap_or_default();
        let one = |path: &Option<String>| path.as_ref().and_then(|path| fields.text(path));
        let spelled = fields.first_text(mapping.event_type.iter().map(String::as_str));
        let (event_type, original_type) = match self.event_type(spelled) {
            Some(SenderType { name, original }) => (Some(name), original),
            None => (mapping.event_type_default.clone(), None),
        };
        let loose = |paths: &[String]| paths.iter().find_map(|path| fields.loose(path));
        SenderReport {
            job: fields.first_text(mapping.job_id.iter().map(String::as_str)),
            call_id: one(&mapping.call_id),
            batch_id: one(&mapping.batch_id),
            run_id: one(&mapping.run_id),
            project_id: one(&mapping.project_id),
            status: mapping.state(&fields),
            result: mapping.result.iter().find_map(|path| fields.raw(path)),
            error: mapping.error.iter().find_map(|path| fields.filled(path)),
            result_text: loose(&mapping.result),
            error_text: loose(&mapping.error),
            original_type,
            event_type,
        }
    }
}

impl Profile {
    /// The event type that the sender's spelling stands for, with the profile's prefix. `/` and `:`
    /// become dots, any other character that a type cannot have becomes `_`, and what is longer than
    /// 256 bytes is cut. `None` if nothing is spelled.
    pub fn event_type(&self, spelled: Option<String>) -> Option<SenderType> {
        let spelled = spelled.filter(|spelled| !spelled.is_empty())?;
        let mapped = |char: char| match char {
            '/' | ':' => '.',
            'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' => char,
            _ => '_',
        };
        let told: String = spelled.chars().map(mapped).collect();
        let name = format!("{}{told}", self.mapping.event_type_prefix);
        let name = name.chars().take(MAX_TYPE).collect();
        let original = (told != spelled || MAX_TYPE < spelled.len()).then(|| {
            let cut = spelled.char_indices().nth(MAX_TYPE).map_or(spelled.len(), |(at, _)| at);
            spelled[..cut].to_owned()
        });
        Some(SenderType { name, original })
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
        let first = without_mark(body).iter().find(|byte| !byte.is_ascii_whitespace());
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
        let (key, echo) = omtx().key(&Verification::default(), body, None).expect("readable");
        assert_eq!((key.as_str(), echo.as_deref()), ("job:fc-1:succeeded", Some("fc-1")));
    }

    #[test]
    fn what_the_sender_forgot_is_named() {
        let key =
            |body: &[u8]| omtx().key(&Verification::default(), body, None).map(|(key, _)| key);
        assert_eq!(key(b"not json"), Err(Unreadable::Json));
        assert_eq!(key(b"\xff\xfe"), Err(Unreadable::Json));
        assert_eq!(key(b""), Err(Unreadable::Json));
        assert_eq!(key(br#"{"status":"success"}"#), Err(Unreadable::Missing("call_id".into())));
    }

    #[test]
    fn an_unsigned_header_never_becomes_the_key() {
        let verified = Verification { id: Some("fresh".into()), ..Verification::default() };
        let github = Profile::named("github").expect("there");
        let (key, _) = github.key(&verified, b"{}", None).expect("readable");
        assert!(key.starts_with("sha256:"));
    }

    #[test]
    fn one_body_under_two_types_of_a_header_is_two_events() {
        let key = |profile: &str, spelled: Option<&str>| {
            let profile = Profile::named(profile).expect("there");
            profile.key(&Verification::default(), b"{}", spelled).expect("readable").0
        };
        for (profile, one, other) in
            [("shopify", "orders/create", "orders/paid"), ("github", "ping", "star")]
        {
            assert_ne!(key(profile, Some(one)), key(profile, Some(other)), "{profile}");
            assert_eq!(key(profile, Some(one)), key(profile, Some(one)), "{profile}");
        }
        // Two spellings of one type are one type, and a profile without such a header has none.
        assert_eq!(key("shopify", Some("orders/create")), key("shopify", Some("orders.create")));
        assert_eq!(key("svix", Some("a")), key("svix", None));
    }

    #[test]
    fn every_event_type_has_a_spelling_and_keeps_its_own() {
        let github = Profile::named("github").expect("there");
        let told = |spelled: &str| {
            let told = github.event_type(Some(spelled.to_owned()));
            told.map(|told| (told.name, told.original))
        };
        let kept = |text: &str| Some(text.to_owned());
        assert_eq!(told("push"), Some(("github.push".to_owned(), None)));
        assert_eq!(told("repo:push"), Some(("github.repo.push".to_owned(), kept("repo:push"))));
        assert_eq!(told("a b/é"), Some(("github.a_b._".to_owned(), kept("a b/é"))));
        assert_eq!(told(""), None);
        let (name, original) = told(&"é".repeat(300)).expect("a type");
        assert_eq!((name.len(), original.map(|text| text.chars().count())), (256, Some(256)));
    }

    #[test]
    fn a_result_that_is_not_json_is_kept_as_text() {
        let said = omtx().read(br#"{"call_id":"c","status":"success","result":{"loss":NaN}}"#);
        assert_eq!((said.status, said.job.as_deref()), (Some(JobStatus::Succeeded), Some("c")));
        assert!(said.result.is_none());
        assert_eq!(said.result_text.as_deref(), Some(r#"{"loss":NaN}"#));
    }

    #[test]
    fn an_id_that_cannot_be_recorded_is_refused_by_name() {
        let long = "x".repeat(MAX_EXTERNAL_ID + 1);
        let key = |body: &str| omtx().key(&Verification::default(), body.as_bytes(), None).err();
        let call = format!(r#"{{"call_id":"{long}","status":"success"}}"#);
        assert_eq!(key(&call), Some(Unreadable::TooLong("the id")));
        for field in ["job_id", "batch_id"] {
            let body = format!(r#"{{"call_id":"c","metadata":{{"{field}":"{long}"}}}}"#);
            assert_eq!(key(&body), None);
            let refused = omtx().read(body.as_bytes()).recordable();
            assert!(matches!(refused, Err(Unreadable::TooLong(_))), "{field}: {refused:?}");
            let body = format!(r#"{{"metadata":{{"{field}":"{}"}}}}"#, &long[1..]);
            assert_eq!(omtx().read(body.as_bytes()).recordable(), Ok(()));
        }
    }
}
