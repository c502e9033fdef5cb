//! Outcomes of a batch's jobs as JSON lines: those that succeeded, and the others (R3.11).
//!
//! The lines are those of the batch APIs that these links come from. They come in parts, each with a
//! `Link` to the next: an answer of Lambda holds 6 MB.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use domain::{
    job::{Job, JobStatus},
    json::JsonFields,
};
use futures::{StreamExt, TryStreamExt, stream};
use manage::{
    ControlPlane, Principal,
    batches::{self, OutcomeCursor},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use utoipa_axum::routes;

use crate::{
    v1::queries::ApplicationQuery,
    web::{
        Routes,
        error::Error,
        gate::Authenticated,
        input::Query,
        json_lines::{self, MAX_BYTES},
        page::bounded_integer,
    },
};

pub(super) fn routes() -> Routes {
    Routes::tagged("batches").read(routes!(results)).read(routes!(errors))
}

/// Most jobs that are read for one answer, unless the answer is full before.
const MAX_JOBS: u16 = 1000;
/// Payloads that are read at the same time, each up to 256 KiB and the notice around it.
const AT_ONCE: usize = 16;

/// One job of a batch.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    custom_id: &'a str,
    response: Option<Answer<'a>>,
    error: Option<Failure<'a>>,
}

/// The result of a job, in the form of a batch's result file.
#[derive(Serialize)]
struct Answer<'a> {
    status_code: u16,
    request_id: Option<&'a str>,
    /// The result as its sender wrote it; null if it is too large to stand here.
    body: Option<&'a RawValue>,
    /// URL of a result that is too large for the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_url: Option<String>,
}

/// Reason for which a job has no result.
#[derive(Serialize)]
struct Failure<'a> {
    /// `failed`, `timed_out` or `cancelled`.
    code: &'a str,
    /// Explanation for people.
    message: String,
    /// The error as its sender wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a RawValue>,
}

/// Number of jobs of a part, 1 to [`MAX_JOBS`].
#[derive(Clone, Copy)]
struct JobLimit(u16);

impl<'de> Deserialize<'de> for JobLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = u64::deserialize(deserializer)?;
        let limit = u16::try_from(limit).ok().filter(|limit| (1..=MAX_JOBS).contains(limit));
        let why = || D::Error::custom(format!("is a whole number from 1 to {MAX_JOBS}"));
        limit.map(Self).ok_or_else(why)
    }
}

impl PartialSchema for JobLimit {
    fn schema() -> RefOr<Schema> {
        bounded_integer(1, MAX_JOBS.into())
    }
}

impl ToSchema for JobLimit {}

/// The part of a file that is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FileQuery {
    #[param(inline, nullable = false)]
    limit: Option<JobLimit>,
    #[param(nullable = false)]
    iterator: Option<String>,
}

/// The results of a batch's jobs that ended well, one JSON line each.
#[utoipa::path(get, path = "/v1/batches/{id}/results", operation_id = "get_batch_results",
    params(ApplicationQuery, FileQuery),
    responses((status = 200, description = "JSON lines. A `Link` of `rel=next` leads to the rest.",
        content_type = "application/jsonl", body = String),
        (status = 409, description = "Batches of several applications bear the id.")))]
async fn results(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Query(part): Query<FileQuery>,
) -> Result<Response, Error> {
    let name = BatchName { id: &id, application: application.as_deref() };
    let succeeded = |status: JobStatus| status == JobStatus::Succeeded;
    lines(&control, &principal, name, "results", part, succeeded).await
}

/// Errors of the jobs of a batch that did not succeed, one JSON line each.
#[utoipa::path(get, path = "/v1/batches/{id}/errors", operation_id = "get_batch_errors",
    params(ApplicationQuery, FileQuery),
    responses((status = 200, description = "JSON lines. A `Link` of `rel=next` leads to the rest.",
        content_type = "application/jsonl", body = String),
        (status = 409, description = "Batches of several applications bear the id.")))]
async fn errors(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(ApplicationQuery { application }): Query<ApplicationQuery>,
    Query(part): Query<FileQuery>,
) -> Result<Response, Error> {
    let name = BatchName { id: &id, application: application.as_deref() };
    let unsuccessful = |status: JobStatus| status.is_terminal() && status != JobStatus::Succeeded;
    lines(&control, &principal, name, "errors", part, unsuccessful).await
}

/// Id of a batch, and the application that it is looked for in.
struct BatchName<'a> {
    id: &'a str,
    application: Option<&'a str>,
}

/// One part of a file of a batch.
async fn lines(
    control: &ControlPlane,
    principal: &Principal,
    name: BatchName<'_>,
    file: &str,
    part: FileQuery,
    wanted: impl Fn(JobStatus) -> bool,
) -> Result<Response, Error> {
    let batch = batches::find(control.table(), principal, name.id, name.application).await?.id;
    let limit = part.limit.map_or(MAX_JOBS, |limit| limit.0);
    let cursor = part.iterator.as_deref().map(str::parse::<OutcomeCursor>).transpose();
    let cursor = cursor.map_err(|()| Error::param("iterator", "is not one of ours"))?;
    let outcomes =
        batches::outcomes(control, &batch, cursor.as_ref(), limit.into(), wanted).await?;
    let each: Vec<_> = outcomes
        .entries
        .into_iter()
        .map(|(place, outcome)| async move {
            let line = match outcome {
                Some(outcome) => {
                    let payload = batches::payload(control, &outcome).await?;
                    Some(line(control.public_url(), &outcome.job, &payload))
                }
                None => None,
            };
            Ok::<_, Error>((place, line))
        })
        .collect();
    let mut written = stream::iter(each).buffered(AT_ONCE);
    let (mut body, mut next) = (Vec::new(), outcomes.next);
    while let Some((place, line)) = written.try_next().await? {
        body.extend(line.into_iter().flatten());
        if MAX_BYTES <= body.len() {
            next = Some(place.to_string());
            break;
        }
    }
    let base = control.public_url();
    let url = |next| format!("{base}/v1/batches/{batch}/{file}?limit={limit}&iterator={next}");
    json_lines::part(body, next.map(url))
}

/// The line of a job, read from the payload that its subscribers received.
fn line(public_url: &str, job: &Job, payload: &[u8]) -> Vec<u8> {
    let fields = JsonFields::read(payload, ["data.result", "data.result_url", "data.error"]);
    let fields = fields.unwrap_or_default();
    let mut line =
        Line { id: job.id.as_str(), custom_id: &job.external_id, response: None, error: None };
    if job.status == JobStatus::Succeeded {
        let spilled = fields.raw("data.result_url").is_some();
        let url = || format!("{public_url}/v1/jobs/{}/result", job.id);
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
    let mut line = serde_json::to_vec(&line).expect("plain data serialises");
    line.push(b'\n');
    line
}
