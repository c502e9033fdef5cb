//! The answer of a platform becomes the report that its webhook would have been: a body that the
//! source's own profile reads, under the same idempotency key. A webhook that comes late is thus a
//! duplicate.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{PollPlatform, PollResult};
use crate::{
    job::{Job, JobStatus},
    profile::{Mapping, Profile},
    signature::Verification,
};

/// A report in the form in which it goes on the inbox.
#[derive(Clone, Debug, PartialEq)]
pub struct ComposedReport {
    /// The body of the report.
    pub body: Vec<u8>,
    /// The mapping that reads the body, if that is not the one of the source's profile.
    pub mapping: Option<Mapping>,
    /// The idempotency key, by which a report that comes twice is recorded once.
    pub key: String,
}

/// The report of a job's end as its platform answered, for a source of this profile.
///
/// The first of three forms is taken that the profile reads as what was answered: the answer as the
/// platform's webhook would have sent it, a body made by the profile's mapping, and a body of the
/// relay's own with its mapping beside it.
pub fn compose(
    profile: &Profile,
    platform: &PollPlatform,
    job: &Job,
    ended: &PollResult<'_>,
    body: &[u8],
) -> ComposedReport {
    let webhook = platform.as_webhook(job, ended, body);
    // What fal failed with is in `payload`, which its profile takes for a result; so be it.
    let exact = platform.kind != super::PlatformKind::Fal;
    fitting(profile, job, ended, webhook, exact).unwrap_or_else(|| made(profile, job, ended))
}

/// The report that a job timed out.
pub fn timed_out(profile: &Profile, job: &Job) -> ComposedReport {
    let why = to_raw_value("no completion came, and the platform did not tell of one");
    let why = why.expect("text serialises");
    let ended = PollResult { status: JobStatus::TimedOut, result: None, error: Some(&why) };
    made(profile, job, &ended)
}

/// The body in which a sender of this profile would report the end of the job that bears this id;
/// `None` if the profile has no words for it.
pub fn end_report(profile: &Profile, external_id: &str, ended: &PollResult<'_>) -> Option<Vec<u8>> {
    let mapping = &profile.mapping;
    let own = mapping.statuses.iter().find(|(_, status)| **status == ended.status);
    let word = own.map_or(ended.status.word(), |(word, _)| word);
    let body = print(mapping, (external_id, None), word, ended);
    let said = profile.read(&body);
    let fits = said.job.as_deref() == Some(external_id) && said.status == Some(ended.status);
    fits.then_some(body)
}

fn made(profile: &Profile, job: &Job, ended: &PollResult<'_>) -> ComposedReport {
    let ids = (job.external_id.as_str(), job.call_id.as_deref());
    let body = print(&profile.mapping, ids, ended.status.word(), ended);
    if let Some(composed) = fitting(profile, job, ended, body, true) {
        return composed;
    }
    let mapping = ours();
    let body = print(&mapping, ids, ended.status.word(), ended);
    ComposedReport { body, mapping: Some(mapping), key: key(job, ended.status) }
}

/// The report with this body, if the profile reads the body as what is to be reported.
fn fitting(
    profile: &Profile,
    job: &Job,
    ended: &PollResult<'_>,
    body: Vec<u8>,
    exact: bool,
) -> Option<ComposedReport> {
    let said = profile.read(&body);
    let same = |one: Option<&RawValue>, other: Option<&RawValue>| {
        one.map(RawValue::get) == other.map(RawValue::get)
    };
    let fits = said.job.as_ref() == Some(&job.external_id)
        && said.status == Some(ended.status)
        && (!exact || (same(said.result, ended.result) && same(said.error, ended.error)));
    if !fits {
        return None;
    }
    let key = match profile.key(&Verification::default(), &body, None) {
        Ok((key, _)) if key.starts_with("job:") => key,
        _ => key(job, ended.status),
    };
    Some(ComposedReport { body, mapping: None, key })
}

fn key(job: &Job, status: JobStatus) -> String {
    format!("job:{}:{}", job.external_id, status.word())
}

/// The mapping of the relay's own bodies.
fn ours() -> Mapping {
    let one = |path: &str| vec![path.to_owned()];
    Mapping {
        job_id: one("job_id"),
        call_id: Some("call_id".to_owned()),
        status: one("status"),
        result: one("result"),
        error: one("error"),
        ..Mapping::default()
    }
}

/// A body in which `mapping` finds what is to be reported of the job with these ids, the sender's and
/// the call's.
fn print(
    mapping: &Mapping,
    (external_id, call_id): (&str, Option<&str>),
    word: &str,
    ended: &PollResult<'_>,
) -> Vec<u8> {
    let text = |text: &str| to_raw_value(text).expect("text serialises");
    let mut tree = Tree::default();
    // The sender's id of the job comes last, as one path may serve for several things.
    let mut put = |path: Option<&String>, value: Option<Box<RawValue>>| {
        if let (Some(path), Some(value)) = (path, value) {
            tree.put(path, value);
        }
    };
    put(mapping.error.first(), ended.error.map(ToOwned::to_owned));
    put(mapping.result.first(), ended.result.map(ToOwned::to_owned));
    put(mapping.status.first(), Some(text(word)));
    put(mapping.key.as_ref(), Some(text(call_id.unwrap_or(external_id))));
    put(mapping.call_id.as_ref(), call_id.map(text));
    put(mapping.job_id.first(), Some(text(external_id)));
    serde_json::to_vec(&tree).expect("plain data serialises")
}

/// A JSON document that is built path by path.
#[derive(Default, Serialize)]
#[serde(transparent)]
struct Tree(BTreeMap<String, Node>);

#[derive(Serialize)]
#[serde(untagged)]
enum Node {
    Leaf(Box<RawValue>),
    Tree(Tree),
}

impl Tree {
    fn put(&mut self, path: &str, value: Box<RawValue>) {
        let Some((name, rest)) = path.split_once('.') else {
            self.0.insert(path.to_owned(), Node::Leaf(value));
            return;
        };
        let below = self.0.entry(name.to_owned()).or_insert_with(|| Node::Tree(Self::default()));
        // What cannot stand below a value is left out, and then the body does not fit.
        if let Node::Tree(below) = below {
            below.put(rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(profile: &str, status: JobStatus) -> Option<String> {
        let why = to_raw_value("exited with 3").expect("text serialises");
        let error = (status == JobStatus::Failed).then_some(&*why);
        let profile = Profile::named(profile).expect("known");
        let body = end_report(profile, "local-1", &PollResult { status, result: None, error })?;
        Some(String::from_utf8(body).expect("JSON is UTF-8"))
    }

    #[test]
    fn an_end_is_reported_in_the_words_of_the_profile() {
        for (profile, status, body) in [
            ("modal-mesh", JobStatus::Succeeded, r#"{"job_id":"local-1","status":"succeeded"}"#),
            (
                "modal-omtx",
                JobStatus::Failed,
                r#"{"call_id":"local-1","error":"exited with 3","metadata":{"job_id":"local-1"},"status":"failed"}"#,
            ),
            ("wepp", JobStatus::Succeeded, r#"{"event":"job.success","job_id":"local-1"}"#),
        ] {
            assert_eq!(report(profile, status).as_deref(), Some(body), "{profile}");
        }
    }

    #[test]
    fn some_profiles_have_no_words_for_the_end_of_a_job() {
        let silent: Vec<_> =
            Profile::names().filter(|name| report(name, JobStatus::Succeeded).is_none()).collect();
        let events = ["github", "shopify", "slack", "stripe", "svix", "twilio"];
        let models = ["hokusai", "hokusai-deltaone", "hokusai-prefixed"];
        let others = ["beam-workspace", "omtx-out"];
        let mut none = [&events[..], &models, &others].concat();
        none.sort_unstable();
        assert_eq!(silent, none);
    }
}
