//! The notice: the body that subscribers receive about an event of a source or of the relay itself.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    id::{EventId, JobId},
    job::Job,
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
    let spilled = said.result.is_some() && inline.is_none();
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
    };
    notice(id, event_type, at, data)
}

/// The notice of an event that is not about a job: the source's own body, unchanged, under `data`.
pub fn passed_on(id: &EventId, event_type: &str, at: Timestamp, body: &[u8]) -> Vec<u8> {
    let data = match (serde_json::from_slice(body), std::str::from_utf8(body)) {
        (Ok(json), _) => Data::Raw(json),
        (Err(_), Ok(text)) => Data::Text { body_text: text },
        (Err(_), Err(_)) => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            Data::Binary { body_base64: STANDARD.encode(body) }
        }
    };
    notice(id, event_type, at, data)
}

/// A notice with this `data`.
pub(crate) fn notice(
    id: &EventId,
    event_type: &str,
    at: Timestamp,
    data: impl Serialize,
) -> Vec<u8> {
    let notice = Notice { id: id.event(), event_type, timestamp: at.rfc3339(), data };
    serde_json::to_vec(&notice).expect("plain data serialises")
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
        let form = passed_on(&EventId::derive(&["e"]), "x", NOW, b"a=1&b=%22");
        assert!(String::from_utf8(form).expect("UTF-8").contains(r#"{"body_text":"a=1&b=%22"}"#));
        let body = passed_on(&EventId::derive(&["e"]), "x", NOW, b"\xff");
        assert!(String::from_utf8(body).expect("UTF-8").contains(r#"{"body_base64":"/w=="}"#));
    }
}
