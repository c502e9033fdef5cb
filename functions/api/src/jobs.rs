//! Jobs: what became of them, and the event that says so.

use std::sync::Arc;

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use domain::{
    delivery::Delivery,
    event::{Event, Origin},
    id::ApplicationId,
    job::Job,
    json::Fields,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Api, Routes,
    auth::Asker,
    error::Error,
    events::state_word,
    input::Params,
    page::{List, Wanted, walk},
};

pub(crate) fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(result))
}

/// A job.
#[derive(Serialize, ToSchema)]
struct JobOut {
    /// Our id.
    id: String,
    /// The sender's id.
    external_id: String,
    source: String,
    application: String,
    call_id: Option<String>,
    batch_id: Option<String>,
    run_id: Option<String>,
    project_id: Option<String>,
    /// `pending`, `running`, `succeeded`, `failed`, `timed_out` or `cancelled`.
    status: &'static str,
    /// The real answer came after the job had been given up as timed out.
    late: bool,
    /// Different ends that came afterwards and changed nothing.
    conflicts: u32,
    /// The event that holds its result.
    result_event: Option<String>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    updated_at: String,
}

impl From<Job> for JobOut {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.to_string(),
            external_id: job.external_id,
            source: job.source,
            application: job.application,
            call_id: job.call_id,
            batch_id: job.batch_id,
            run_id: job.run_id,
            project_id: job.project_id,
            status: job.status.word(),
            late: job.late,
            conflicts: job.conflicts,
            result_event: job.result_event.map(|event| event.event()),
            created_at: job.created_at.rfc3339(),
            started_at: job.started_at.map(|at| at.rfc3339()),
            finished_at: job.finished_at.map(|at| at.rfc3339()),
            updated_at: job.updated_at.rfc3339(),
        }
    }
}

/// A job with what was announced about it.
#[derive(Serialize, ToSchema)]
struct JobDetail {
    #[serde(flatten)]
    job: JobOut,
    /// The event that holds its result, with its deliveries.
    events: Vec<JobEvent>,
}

/// An event about a job.
#[derive(Serialize, ToSchema)]
struct JobEvent {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created_at: String,
    deliveries: Vec<JobDelivery>,
}

/// Where such an event is on its way to an endpoint.
#[derive(Serialize, ToSchema)]
struct JobDelivery {
    id: String,
    endpoint_id: String,
    /// `pending`, `delivered`, `dead` or `cancelled`.
    state: &'static str,
    /// Attempts made so far.
    attempts: u32,
}

impl From<Delivery> for JobDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            state: state_word(delivery.state),
            attempts: delivery.made,
        }
    }
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("source" = Option<String>, Query), ("status" = Option<String>, Query)),
    responses((status = 200, body = List<JobOut>), (status = 401), (status = 422)))]
async fn list(
    State(api): State<Arc<Api>>,
    asker: Asker,
    params: Params,
) -> Result<Json<List<JobOut>>, Error> {
    const WORDS: [&str; 6] =
        ["pending", "running", "succeeded", "failed", "timed_out", "cancelled"];
    let wanted = Wanted::by_time(&params)?;
    let (source, status) = (params.text("source"), params.text("status"));
    if status.is_some_and(|status| !WORDS.contains(&status)) {
        return Err(Error::param("status", format!("is one of {}", WORDS.join(", "))));
    }
    let keep = |job: &Job| {
        source.is_none_or(|source| source == job.source)
            && status.is_none_or(|status| status == job.status.word())
            && asker.sees(&ApplicationId::named(&job.application))
    };
    let api = &api;
    let fetch = |cursor: Option<String>, limit| async move {
        api.table.jobs(cursor.as_deref(), limit).await
    };
    let walked = walk(wanted.cursor, wanted.limit, fetch, keep, Table::job_cursor).await?;
    let data = walked.items.into_iter().map(JobOut::from).collect();
    Ok(Json(List::new(data, walked.next)))
}

/// The job that somebody means; of several the one that changed last.
async fn find(api: &Api, asker: &Asker, name: &str, params: &Params) -> Result<Job, Error> {
    // Longer names are nobody's, and more than a key of the table holds.
    if 512 < name.len() {
        return Err(Error::NotFound);
    }
    let sources = match params.text("source") {
        Some(source) if source.len() <= 64 => vec![source.to_owned()],
        Some(_) => return Err(Error::NotFound),
        None => api.table.sources().await?.into_iter().map(|source| source.name).collect(),
    };
    let mut jobs = api.table.find_jobs(name, &sources).await?;
    jobs.retain(|job| {
        asker.sees(&ApplicationId::named(&job.application))
            && params.text("source").is_none_or(|source| source == job.source)
    });
    jobs.into_iter().next().ok_or(Error::NotFound)
}

/// One job, by our id, the sender's id or the call's id.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = String, Path), ("source" = Option<String>, Query, description = "Whose job, where several sources use the same id.")),
    responses((status = 200, body = JobDetail), (status = 401), (status = 404)))]
async fn get(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
    params: Params,
) -> Result<Json<JobDetail>, Error> {
    let job = find(&api, &asker, &id, &params).await?;
    let mut events = Vec::new();
    if let Some(id) = &job.result_event
        && let Some(event) = api.table.event(id).await?
    {
        let deliveries = api.table.deliveries_of(id).await?;
        events.push(JobEvent {
            id: event.id.event(),
            event_type: event.event_type,
            created_at: event.created_at.rfc3339(),
            deliveries: deliveries.into_iter().map(JobDelivery::from).collect(),
        });
    }
    Ok(Json(JobDetail { job: job.into(), events }))
}

/// A job's result, as its sender wrote it.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", tag = "jobs", operation_id = "get_job_result",
    params(("id" = String, Path), ("source" = Option<String>, Query)),
    responses((status = 200, description = "The result", content_type = "application/json", body = Object), (status = 401), (status = 404)))]
async fn result(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asker: Asker,
    params: Params,
) -> Result<impl IntoResponse, Error> {
    let job = find(&api, &asker, &id, &params).await?;
    let id = job.result_event.ok_or(Error::NotFound)?;
    let event = api.table.event(&id).await?.ok_or(Error::NotFound)?;
    let result = match said(&api, &event).await? {
        Some(result) => Some(result),
        None => announced(&api, &event).await?,
    };
    let result = result.ok_or(Error::NotFound)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], result))
}

/// The result in what the source sent, read as its profile has it.
async fn said(api: &Api, event: &Event) -> Result<Option<String>, Error> {
    let (Some(said), Origin::Source { name, .. }) = (&event.said, &event.origin) else {
        return Ok(None);
    };
    let source = api.table.source(name).await?;
    let Some(profile) = source.and_then(|source| source.effective()) else { return Ok(None) };
    let body = api.bucket.open(said.clone()).await?;
    let said = profile.read(&body);
    Ok(said.result.map(|result| result.get().to_owned()))
}

/// The result in what subscribers receive: a source that is gone has no profile any more.
async fn announced(api: &Api, event: &Event) -> Result<Option<String>, Error> {
    let body = api.bucket.open(event.payload.clone()).await?;
    let fields = Fields::read(&body, ["data.result"]).unwrap_or_default();
    Ok(fields.raw("data.result").map(|result| result.get().to_owned()))
}
