//! What the jobs of a batch came to, as JSON lines: those that ended well, and the others (R3.11).
//!
//! The lines are those of the batch APIs that these links come from. However many there are, they
//! come in parts, each with a `Link` to the next: an answer of Lambda holds 6 MB.

use std::sync::Arc;

use adapters::{bucket::Bucket, table::EndedJob};
use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    event::Event,
    id::BatchId,
    job::{Job, JobStatus},
    json::JsonFields,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa_axum::routes;

use super::find;
use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    json_lines::{self, MAX_BYTES},
    params::Params,
};
use manage::ControlPlane;

pub(super) fn routes() -> Routes {
    Routes::new().read(routes!(results)).read(routes!(errors))
}

/// Jobs looked at for one answer, unless it is full before.
const MAX_JOBS: usize = 1000;
/// Payloads read at the same time, each up to 256 KiB and what is around it.
const AT_ONCE: usize = 16;

/// One job of a batch.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    custom_id: &'a str,
    response: Option<Answer<'a>>,
    error: Option<Failure<'a>>,
}

/// What a job answered.
#[derive(Serialize)]
struct Answer<'a> {
    status_code: u16,
    request_id: Option<&'a str>,
    /// The result as its sender wrote it; null if it is too large to stand here.
    body: Option<&'a RawValue>,
    /// Where it is then.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_url: Option<String>,
}

/// Why there is no answer.
#[derive(Serialize)]
struct Failure<'a> {
    /// `failed`, `timed_out` or `cancelled`.
    code: &'a str,
    /// For people.
    message: String,
    /// The error as its sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a RawValue>,
}

/// The results of a batch's jobs that ended well, one JSON line each.
#[utoipa::path(get, path = "/v1/batches/{id}/results", tag = "batches", operation_id = "get_batch_results",
    params(("id" = String, Path), ("application" = Option<String>, Query), ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000), ("iterator" = Option<String>, Query)),
    responses((status = 200, description = "JSON lines; a `Link` with `rel=\"next\"` leads to the rest.", content_type = "application/jsonl", body = String), (status = 401), (status = 404), (status = 422)))]
async fn results(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Response, Error> {
    let batch = find(&control, &principal, &id, &params).await?.id;
    lines(&control, &batch, "results", &params, |status| status == JobStatus::Succeeded).await
}

/// Why a batch's other jobs ended otherwise, one JSON line each.
#[utoipa::path(get, path = "/v1/batches/{id}/errors", tag = "batches", operation_id = "get_batch_errors",
    params(("id" = String, Path), ("application" = Option<String>, Query), ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000), ("iterator" = Option<String>, Query)),
    responses((status = 200, description = "JSON lines; a `Link` with `rel=\"next\"` leads to the rest.", content_type = "application/jsonl", body = String), (status = 401), (status = 404), (status = 422)))]
async fn errors(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Response, Error> {
    let batch = find(&control, &principal, &id, &params).await?.id;
    let unsuccessful = |status: JobStatus| status.is_terminal() && status != JobStatus::Succeeded;
    lines(&control, &batch, "errors", &params, unsuccessful).await
}

async fn lines(
    control: &ControlPlane,
    batch: &BatchId,
    file: &str,
    params: &Params,
    wanted: impl Fn(JobStatus) -> bool,
) -> Result<Response, Error> {
    let limit = params.number("limit", 1..=MAX_JOBS, MAX_JOBS)?;
    let cursor = params.text("iterator").map(str::parse::<EndedJob>).transpose();
    let cursor = cursor.map_err(|()| Error::param("iterator", "is not one of ours"))?;
    let page = control.table().ended_jobs(batch, cursor.as_ref(), limit).await?;
    let ids: Vec<_> = page.items.iter().map(|ended| ended.job.clone()).collect();
    let mut jobs = control.table().jobs_of(&ids).await?;
    let events: Vec<_> = jobs.iter().filter_map(|job| job.result_event.clone()).collect();
    let events = control.table().events_of(&events).await?;
    let each = page.items.into_iter().map(|ended| {
        let at = jobs.iter().position(|job| job.id == ended.job && wanted(job.status));
        let job = at.map(|at| jobs.swap_remove(at));
        let of_job = |job: &Job| job.result_event.clone();
        let event = job.as_ref().and_then(of_job);
        let event = events.iter().find(|known| Some(&known.id) == event.as_ref()).cloned();
        let (bucket, public_url) = (control.bucket().clone(), control.public_url().to_owned());
        async move {
            let line = match job {
                Some(job) => Some(line(&bucket, &public_url, &job, event).await?),
                None => None,
            };
            Ok::<_, Error>((ended, line))
        }
    });
    let each: Vec<_> = each.collect();
    let mut written = stream::iter(each).buffered(AT_ONCE);
    let (mut body, mut next) = (Vec::new(), page.next);
    while let Some((ended, line)) = written.try_next().await? {
        body.extend(line.into_iter().flatten());
        if MAX_BYTES <= body.len() {
            next = Some(ended.to_string());
            break;
        }
    }
    let base = control.public_url().trim_end_matches('/');
    let url = |next| format!("{base}/v1/batches/{batch}/{file}?limit={limit}&iterator={next}");
    json_lines::part(body, next.map(url))
}

/// The line of a job, read from what its subscribers received.
async fn line(
    bucket: &Bucket,
    public_url: &str,
    job: &Job,
    event: Option<Event>,
) -> Result<Vec<u8>, Error> {
    let payload = match event {
        Some(event) => bucket.open(event.payload).await?,
        None => Vec::new(),
    };
    let fields = JsonFields::read(&payload, ["data.result", "data.result_url", "data.error"]);
    let fields = fields.unwrap_or_default();
    let mut line =
        Line { id: job.id.as_str(), custom_id: &job.external_id, response: None, error: None };
    if job.status == JobStatus::Succeeded {
        let spilled = fields.raw("data.result_url").is_some();
        let url = || format!("{}/v1/jobs/{}/result", public_url.trim_end_matches('/'), job.id);
        line.response = Some(Answer {
            status_code: 200,
            request_id: job.call_id.as_deref(),
            body: fields.raw("data.result"),
            body_url: spilled.then(url),
        });
    } else {
        let details = fields.raw("data.error");
        let said = details.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let code = job.status.word();
        let message = said.unwrap_or_else(|| format!("the job ended as {code}"));
        line.error = Some(Failure { code, message, details });
    }
    let mut line = serde_json::to_vec(&line)
        .map_err(|error| Error::Unavailable(adapters::Unavailable::new("writing a line", error)))?;
    line.push(b'\n');
    Ok(line)
}
