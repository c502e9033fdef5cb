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
    /// The idempotency key.
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

fn made(profile: &Profile, job: &Job, ended: &PollResult<'_>) -> ComposedReport {
    let body = print(&profile.mapping, job, ended);
    if let Some(composed) = fitting(profile, job, ended, body, true) {
        return composed;
    }
    let mapping = ours();
    let body = print(&mapping, job, ended);
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

/// A body in which `mapping` finds what is to be reported.
fn print(mapping: &Mapping, job: &Job, ended: &PollResult<'_>) -> Vec<u8> {
    let text = |text: &str| to_raw_value(text).expect("text serialises");
    let call = job.call_id.as_ref().unwrap_or(&job.external_id);
    let mut tree = Tree::default();
    // The sender's id of the job comes last, as one path may serve for several things.
    let mut put = |path: Option<&String>, value: Option<Box<RawValue>>| {
        if let (Some(path), Some(value)) = (path, value) {
            tree.put(path, value);
        }
    };
    put(mapping.error.first(), ended.error.map(ToOwned::to_owned));
    put(mapping.result.first(), ended.result.map(ToOwned::to_owned));
    put(mapping.status.first(), Some(text(ended.status.word())));
    put(mapping.key.as_ref(), Some(text(call)));
    put(mapping.call_id.as_ref(), job.call_id.as_deref().map(text));
    put(mapping.job_id.first(), Some(text(&job.external_id)));
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
