//! The notice: the body that subscribers receive about an event of a source or of the relay itself.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    id::{EventId, JobId},
    job::Job,
    json::without_mark,
    profile::SenderReport,
    time::Timestamp,
};

/// The form of every notice.
#[derive(Serialize)]
struct Notice<'a, D> {
    id: String,
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    /// The type as its sender writes it, if `type` is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    original_type: Option<&'a str>,
    data: D,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Job {
        job: JobFacts<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result_text: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error_text: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<&'static str>,
    },
    Raw(&'a RawValue),
    /// A body that is UTF-8 but not JSON, such as a form.
    Text {
        body_text: &'a str,
    },
    Binary {
        body_base64: String,
    },
}

#[derive(Serialize)]
struct JobFacts<'a> {
    id: &'a JobId,
    external_id: &'a str,
    source: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

/// Largest result that a notice carries, in bytes; a larger one is sent as `result_url`. A quarter
/// of what a queue or an event bus takes, so that a notice with a result fits every destination.
pub const MAX_INLINE_RESULT: usize = 256 * 1024;

/// The note beside a result or an error that is passed on as text.
const NOT_JSON: &str =
    "a value of the report is not JSON, such as NaN, and is passed on as text, as it came";

/// The notice of a job.
pub fn job_notice(
    id: &EventId,
    event_type: &str,
    at: Timestamp,
    job: &Job,
    said: &SenderReport<'_>,
    public_url: &str,
) -> Vec<u8> {
    let inline = said.result.filter(|result| result.get().len() <= MAX_INLINE_RESULT);
    let text = if said.result.is_some() { None } else { said.result_text.as_deref() };
    let result_text = text.filter(|text| text.len() <= MAX_INLINE_RESULT);
    let given = said.result.is_some() || text.is_some();
    let spilled = given && inline.is_none() && result_text.is_none();
    let text = if said.error.is_some() { None } else { said.error_text.as_deref() };
    let error_text = text.filter(|text| text.len() <= MAX_INLINE_RESULT);
    let url = || format!("{}/v1/jobs/{}/result", public_url.trim_end_matches('/'), job.id);
    let data = Data::Job {
        job: JobFacts {
            id: &job.id,
            external_id: &job.external_id,
            source: &job.source,
            status: job.status.word(),
            batch_id: job.batch_id.as_deref(),
            run_id: job.run_id.as_deref(),
            project_id: job.project_id.as_deref(),
            late: job.late,
        },
        result: inline,
        result_url: spilled.then(url),
        error: said.error,
        result_text,
        error_text,
        note: (result_text.is_some() || error_text.is_some()).then_some(NOT_JSON),
    };
    notice(id, event_type, at, data)
}

/// The notice of an event that is not about a job: the source's own body, unchanged but for a byte
/// order mark, under `data`. `original` is the type as its sender writes it, if that is another one.
pub fn passed_on(
    id: &EventId,
    event_type: &str,
    original: Option<&str>,
    at: Timestamp,
    body: &[u8],
) -> Vec<u8> {
    let body = without_mark(body);
    let data = match (serde_json::from_slice(body), std::str::from_utf8(body)) {
        (Ok(json), _) => Data::Raw(json),
        (Err(_), Ok(text)) => Data::Text { body_text: text },
        (Err(_), Err(_)) => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            Data::Binary { body_base64: STANDARD.encode(body) }
        }
    };
    let (id, timestamp) = (id.event(), at.rfc3339());
    print(&Notice { id, event_type, timestamp, original_type: original, data })
}

/// A notice with this `data`.
pub(crate) fn notice(
    id: &EventId,
    event_type: &str,
    at: Timestamp,
    data: impl Serialize,
) -> Vec<u8> {
    let (id, timestamp) = (id.event(), at.rfc3339());
    print(&Notice { id, event_type, timestamp, original_type: None, data })
}

fn print(notice: &Notice<'_, impl Serialize>) -> Vec<u8> {
    serde_json::to_vec(notice).expect("plain data serialises")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Tenure;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_result_is_passed_on_to_the_byte_and_a_large_one_as_a_link() {
        let job = Job::unknown(Tenure::sample(), "modal", "j1", NOW);
        let id = EventId::derive(&["e"]);
        let send = |result: &str| {
            let raw = RawValue::from_string(result.to_owned()).expect("JSON");
            let said = SenderReport { result: Some(&raw), ..SenderReport::default() };
            let body = job_notice(&id, "job.succeeded", NOW, &job, &said, "https://relay/");
            String::from_utf8(body).expect("UTF-8")
        };
        assert!(send(r#"{"a":1.0,"é":"\u00e9"}"#).contains(r#""result":{"a":1.0,"é":"\u00e9"}"#));
        let large = send(&format!("\"{}\"", "x".repeat(MAX_INLINE_RESULT)));
        let url = format!(r#""result_url":"https://relay/v1/jobs/{}/result""#, job.id);
        assert!(large.len() < 1000 && large.contains(&url), "{large:.300}");
    }

    #[test]
    fn what_is_not_json_is_passed_on_as_text_or_in_base64() {
        let form = passed_on(&EventId::derive(&["e"]), "x", None, NOW, b"a=1&b=%22");
        assert!(String::from_utf8(form).expect("UTF-8").contains(r#"{"body_text":"a=1&b=%22"}"#));
        let body = passed_on(&EventId::derive(&["e"]), "x", None, NOW, b"\xff");
        assert!(String::from_utf8(body).expect("UTF-8").contains(r#"{"body_base64":"/w=="}"#));
    }

    #[test]
    fn a_result_with_nan_in_it_is_passed_on_as_text_with_a_note() {
        let job = Job::unknown(Tenure::sample(), "modal", "j1", NOW);
        let said = SenderReport { result_text: Some("[NaN]".into()), ..SenderReport::default() };
        let body = job_notice(&EventId::derive(&["e"]), "job.succeeded", NOW, &job, &said, "");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["data"]["result_text"], "[NaN]");
        assert_eq!(body["data"]["note"], NOT_JSON);
        assert!(body["data"].get("result").is_none());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_the_senders_type_is_kept() {
        let id = EventId::derive(&["e"]);
        let body = passed_on(&id, "a.b", Some("a:b"), NOW, "\u{feff}{\"n\":1.0}".as_bytes());
        let text = String::from_utf8(body).expect("UTF-8");
        assert!(text.ends_with(r#""original_type":"a:b","data":{"n":1.0}}"#), "{text}");
    }
}
