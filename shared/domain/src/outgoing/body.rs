//! Bodies in another system's form. They are made anew for each attempt out of what the table
//! holds. The same event gives the same bytes, so every retry sends what the first attempt sent.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    BodyContext,
    notice::{Notice, seconds},
    omtx,
};
use crate::{
    event::Origin,
    json::JsonFields,
    json_form,
    profile::{BodyForm, BodyShape, OutgoingProfile},
    time::Timestamp,
};

/// The body that is sent for an event with this payload. A payload that cannot be put into the
/// system's form is sent as it is, because a payload in the relay's form is better than none.
pub fn body(out: &OutgoingProfile, facts: BodyContext<'_>, payload: &[u8]) -> Vec<u8> {
    let shaped = match out.shape {
        BodyShape::Said => said(facts, payload),
        BodyShape::Wepp => wepp(out, facts, payload),
        BodyShape::Batch => batch(facts, payload),
        BodyShape::Omtx => omtx::body(out, facts, payload),
    };
    let shaped = shaped.unwrap_or_else(|| payload.to_vec());
    let formed = match out.form {
        BodyForm::Raw => return shaped,
        BodyForm::Compact => json_form::ecmascript(&shaped),
        BodyForm::PythonSorted => json_form::python_sorted(&shaped),
    };
    formed.unwrap_or(shaped)
}

/// The body of a source's event that is about no job, which lies under `data` of the notice.
fn said(facts: BodyContext<'_>, payload: &[u8]) -> Option<Vec<u8>> {
    let event = facts.event;
    if event.job.is_some() || !matches!(event.origin, Origin::Source { .. }) {
        return None;
    }
    let fields = JsonFields::read(payload, ["data"]).ok()?;
    Some(fields.raw("data")?.get().as_bytes().to_vec())
}

#[derive(Serialize)]
struct Wepp<'a> {
    event: &'a str,
    job_id: String,
    runid: Option<String>,
    timestamp: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Option<&'a RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<WeppError>,
}

#[derive(Serialize)]
struct WeppError {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceback: Option<String>,
}

fn wepp(out: &OutgoingProfile, facts: BodyContext<'_>, payload: &[u8]) -> Option<Vec<u8>> {
    let event_type = facts.event.event_type.as_str();
    let notice = Notice::read(payload).filter(|_| out.events.contains_key(event_type))?;
    let succeeded = event_type == "job.succeeded";
    let failed = matches!(event_type, "job.failed" | "job.timed_out");
    let body = Wepp {
        event: out.word(event_type),
        job_id: notice.text("data.job.external_id")?,
        runid: notice.text("data.job.run_id"),
        timestamp: seconds(notice.at(facts)),
        result: succeeded.then(|| notice.raw("data.result")),
        result_url: notice.text("data.result_url").filter(|_| succeeded),
        error: failed.then(|| wepp_error(&notice, facts)),
    };
    serde_json::to_vec(&body).ok()
}

fn wepp_error(notice: &Notice<'_>, facts: BodyContext<'_>) -> WeppError {
    let named =
        ["data.error.type", "data.error.name"].into_iter().find_map(|path| notice.text(path));
    let timed_out = facts.event.event_type == "job.timed_out";
    let usual = if timed_out { "JobTimeoutException" } else { "Exception" };
    let traceback = || notice.text("data.error.traceback");
    WeppError {
        kind: named.unwrap_or_else(|| usual.to_owned()),
        message: notice.message(),
        traceback: facts.include_traceback.then(traceback).flatten(),
    }
}

#[derive(Serialize)]
struct Batch<'a> {
    id: String,
    object: &'static str,
    endpoint: Option<String>,
    status: &'a str,
    created_at: u64,
    completed_at: Option<u64>,
    request_counts: Counts<'a>,
    metadata: Option<&'a RawValue>,
    output_file_url: Option<String>,
    error_file_url: Option<String>,
}

#[derive(Serialize)]
struct Counts<'a> {
    total: &'a RawValue,
    completed: &'a RawValue,
    failed: &'a RawValue,
}

fn batch(facts: BodyContext<'_>, payload: &[u8]) -> Option<Vec<u8>> {
    let notice = Notice::read(payload)?;
    if notice.raw("data.batch").is_none() {
        return batch_of_one(&notice, facts);
    }
    let id = notice.text("data.batch.id")?;
    let count = |name: &str| notice.raw(&format!("data.batch.{name}"));
    let some = |name: &str| count(name).is_some_and(|count| count.get() != "0");
    let body = Batch {
        object: "batch",
        endpoint: notice.text("data.batch.endpoint"),
        status: &notice.text("data.batch.status")?,
        created_at: notice.instant("data.batch.created_at").unwrap_or(notice.at(facts)).secs(),
        completed_at: notice.instant("data.batch.completed_at").map(Timestamp::secs),
        request_counts: Counts {
            total: count("total")?,
            completed: count("completed")?,
            failed: count("failed")?,
        },
        metadata: notice.raw("data.batch.metadata"),
        output_file_url: some("completed").then(|| format!("/v1/batches/{id}/results")),
        error_file_url: some("failed").then(|| format!("/v1/batches/{id}/errors")),
        id,
    };
    serde_json::to_vec(&body).ok()
}

/// A job in the form of a batch with one request: the sender's id of the job is the id of the
/// batch, and the result is the output file.
fn batch_of_one(notice: &Notice<'_>, facts: BodyContext<'_>) -> Option<Vec<u8>> {
    let (status, completed, failed) = match facts.event.event_type.as_str() {
        "job.succeeded" => ("completed", "1", "0"),
        "job.failed" | "job.timed_out" => ("failed", "0", "1"),
        "job.cancelled" => ("cancelled", "0", "0"),
        "job.started" | "job.progress" => ("in_progress", "0", "0"),
        _ => return None,
    };
    let [total, completed, failed] = ["1", completed, failed]
        .map(|count| RawValue::from_string(count.to_owned()).expect("a digit is JSON"));
    let at = notice.at(facts).secs();
    let id = notice.text("data.job.id")?;
    let body = Batch {
        id: notice.text("data.job.external_id")?,
        object: "batch",
        endpoint: None,
        status,
        created_at: at,
        completed_at: (status != "in_progress").then_some(at),
        request_counts: Counts { total: &total, completed: &completed, failed: &failed },
        metadata: None,
        output_file_url: (status == "completed").then(|| format!("/v1/jobs/{id}/result")),
        error_file_url: None,
    };
    serde_json::to_vec(&body).ok()
}
