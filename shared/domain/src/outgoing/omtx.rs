//! OMTX's notifications: `{event, timestamp, job_id, user_id, status, data}`.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{BodyContext, notice::Notice};
use crate::profile::OutgoingProfile;

#[derive(Serialize)]
struct Omtx<'a> {
    event: &'a str,
    timestamp: String,
    job_id: String,
    /// The user in OMTX's terms, for whom the relay's application stands.
    user_id: &'a str,
    status: &'static str,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Job {
        #[serde(skip_serializing_if = "Option::is_none")]
        results: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        result_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        batch_id: Option<String>,
        job_type: &'static str,
        completion_time: String,
    },
    Batch {
        batch_id: String,
        total_jobs: u64,
        completed_jobs: u64,
        failed_jobs: u64,
        success_rate: f64,
        summary: Option<&'a RawValue>,
        job_type: &'static str,
        completion_time: String,
    },
}

/// The notification for an event with this payload; `None` if the payload is no notice.
pub(super) fn body(
    out: &OutgoingProfile,
    facts: BodyContext<'_>,
    payload: &[u8],
) -> Option<Vec<u8>> {
    let event_type = facts.event.event_type.as_str();
    let notice = Notice::read(payload).filter(|_| out.events.contains_key(event_type))?;
    let timestamp = notice.at(facts).rfc3339();
    let (job_id, status, data) = if notice.raw("data.batch").is_some() {
        let id = notice.text("data.batch.id")?;
        (id.clone(), "completed", batch(&notice, id, timestamp.clone())?)
    } else {
        let failed = event_type != "job.succeeded";
        let data = Data::Job {
            results: notice.raw("data.result"),
            result_url: notice.text("data.result_url"),
            error: failed.then(|| notice.message()),
            batch_id: notice.text("data.job.batch_id"),
            job_type: "individual",
            completion_time: timestamp.clone(),
        };
        let status = if failed { "failed" } else { "completed" };
        (notice.text("data.job.external_id")?, status, data)
    };
    let (event, user_id) = (out.word(event_type), facts.event.application.as_str());
    serde_json::to_vec(&Omtx { event, timestamp, job_id, user_id, status, data }).ok()
}

#[expect(clippy::cast_precision_loss, reason = "a rate in percent")]
fn batch<'a>(notice: &Notice<'a>, batch_id: String, completion_time: String) -> Option<Data<'a>> {
    let count = |name: &str| notice.text(&format!("data.batch.{name}"))?.parse::<u64>().ok();
    let (total_jobs, completed_jobs) = (count("total")?, count("completed")?);
    let rate = |total| completed_jobs as f64 / total as f64 * 100.0;
    Some(Data::Batch {
        batch_id,
        total_jobs,
        completed_jobs,
        failed_jobs: count("failed")?,
        success_rate: if total_jobs == 0 { 0.0 } else { rate(total_jobs) },
        summary: notice.raw("data.batch.metadata"),
        job_type: "batch",
        completion_time,
    })
}
