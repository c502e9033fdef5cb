//! Jobs: the list, one job with the events about it, its result, and its cancellation.

mod cancel;
mod logs;
mod out;
mod register;

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use domain::{id::MAX_EXTERNAL_ID, job::JobStatus};
use manage::{
    ControlPlane,
    jobs::{self, JobFilter},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

pub(super) use self::out::WebhookOut;
use self::out::{JobDetail, JobEventOut, JobOut};
use super::queries::{CursorQuery, SourceQuery, period};
use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    input::Query,
    moment::Moment,
    page::{List, PageQuery},
};

pub(super) fn routes() -> Routes {
    Routes::tagged("jobs")
        .read(routes!(list))
        .publish_repeatable(routes!(register::create))
        .read(routes!(get))
        .publish(routes!(register::put))
        .read(routes!(result))
        .publish(routes!(cancel::post))
        .append_lines(routes!(logs::append))
        .read(routes!(logs::read))
        .read(routes!(logs::text))
}

/// Words for the state of a job.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Pending,
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
}

impl From<StatusWord> for JobStatus {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Pending => Self::Pending,
            StatusWord::Running => Self::Running,
            StatusWord::Succeeded => Self::Succeeded,
            StatusWord::Failed => Self::Failed,
            StatusWord::TimedOut => Self::TimedOut,
            StatusWord::Cancelled => Self::Cancelled,
        }
    }
}

/// The query of a list of jobs: the choice of those that are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct JobsQuery {
    #[param(nullable = false)]
    source: Option<String>,
    #[param(value_type = String, required = false)]
    status: Option<StatusWord>,
    #[param(nullable = false)]
    batch_id: Option<String>,
    #[param(nullable = false)]
    run_id: Option<String>,
    /// Jobs that the relay first heard of at this time or later.
    #[param(inline, nullable = false)]
    since: Option<Moment>,
    /// Jobs that the relay first heard of before this time.
    #[param(inline, nullable = false)]
    until: Option<Moment>,
    /// Beginning of any of a job's ids: the relay's, the sender's, or that of its call, batch, run or
    /// project. 1 to 2048 bytes.
    #[param(nullable = false, min_length = 1, max_length = 2048)]
    q: Option<String>,
}

impl JobsQuery {
    /// The filter that the query means.
    fn read(self) -> Result<JobFilter, Error> {
        let Self { source, status, batch_id, run_id, since, until, q } = self;
        if q.as_ref().is_some_and(|q| q.is_empty() || MAX_EXTERNAL_ID < q.len()) {
            return Err(Error::param("q", format!("is 1 to {MAX_EXTERNAL_ID} bytes")));
        }
        let period = period(since, until)?;
        let status = status.map(JobStatus::from);
        Ok(JobFilter { source, status, batch_id, run_id, period, prefix: q })
    }
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", operation_id = "list_jobs",
    params(PageQuery, CursorQuery, JobsQuery), responses((status = 200, body = List<JobOut>)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    Query(page): Query<PageQuery>,
    Query(cursor): Query<CursorQuery>,
    Query(filter): Query<JobsQuery>,
) -> Result<Json<List<JobOut>>, Error> {
    let (page, filter) = (cursor.beside(page)?, filter.read()?);
    let part = jobs::list(&control, &principal, &filter, page).await?;
    // A tenant's jobs are looked for among all.
    let has_filter = !filter.is_empty() || principal.application.is_some();
    Ok(Json(List::of(part, has_filter, JobOut::from)))
}

/// One job, by our id, the sender's id or the call's id.
#[utoipa::path(get, path = "/v1/jobs/{id}", operation_id = "get_job", params(SourceQuery),
    responses((status = 200, body = JobDetail),
        (status = 409, description = "Jobs of several sources bear the id.")))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(SourceQuery { source }): Query<SourceQuery>,
) -> Result<Json<JobDetail>, Error> {
    let job = jobs::find(control.table(), &principal, &id, source.as_deref()).await?;
    let events = jobs::announcements(&control, &job).await?.into_iter();
    let events = events.map(|(event, deliveries)| JobEventOut::of(event, deliveries)).collect();
    let webhooks = jobs::webhooks(&control, &job).await?;
    let webhooks = webhooks.into_iter().map(WebhookOut::from).collect();
    Ok(Json(JobDetail { job: job.into(), events, webhooks }))
}

/// A job's result, as its sender wrote it.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", operation_id = "get_job_result",
    params(SourceQuery),
    responses((status = 200,
            description = "The result", content_type = "application/json", body = Object),
        (status = 409, description = "Jobs of several sources bear the id; or the result is being \
            recorded, and the same request succeeds soon.")))]
async fn result(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    Query(SourceQuery { source }): Query<SourceQuery>,
) -> Result<impl IntoResponse, Error> {
    let job = jobs::find(control.table(), &principal, &id, source.as_deref()).await?;
    let result = jobs::result(&control, &job).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], result))
}
