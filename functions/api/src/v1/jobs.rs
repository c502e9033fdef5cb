//! Jobs: told of beforehand or afterwards, what became of them, and the events that say so.

pub(crate) mod cancel;
mod out;
pub(crate) mod register;

use std::sync::Arc;

use adapters::table::Table;
use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
};
use domain::{
    event::{Event, Origin},
    id::ApplicationId,
    job::Job,
    json::JsonFields,
};
use futures::future::try_join_all;
use utoipa_axum::routes;

use self::out::JobEvent;
pub(crate) use self::out::{JobDetail, JobOut, WebhookOut};

use crate::web::{
    Routes,
    error::Error,
    gate::Authenticated,
    page::{List, Wanted},
    params::Params,
};
use manage::{ControlPlane, Principal, walk};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .read(routes!(list))
        .publish_repeatable(routes!(register::create))
        .read(routes!(get))
        .publish(routes!(register::put))
        .read(routes!(result))
        .publish(routes!(cancel::post))
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    params(("limit" = Option<u64>, Query, minimum = 1, maximum = 250), ("iterator" = Option<String>, Query), ("cursor" = Option<String>, Query, description = "Another spelling of `iterator`."), ("source" = Option<String>, Query), ("status" = Option<String>, Query), ("batch_id" = Option<String>, Query), ("run_id" = Option<String>, Query)),
    responses((status = 200, body = List<JobOut>), (status = 401), (status = 422)))]
async fn list(
    State(control): State<Arc<ControlPlane>>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<List<JobOut>>, Error> {
    const WORDS: [&str; 6] =
        ["pending", "running", "succeeded", "failed", "timed_out", "cancelled"];
    let wanted = Wanted::by_time(&params)?;
    let (source, status) = (params.text("source"), params.text("status"));
    if status.is_some_and(|status| !WORDS.contains(&status)) {
        return Err(Error::param("status", format!("is one of {}", WORDS.join(", "))));
    }
    let (batch, run) = (params.text("batch_id"), params.text("run_id"));
    let is = |wanted: Option<&str>, id: &Option<String>| {
        wanted.is_none_or(|wanted| id.as_deref() == Some(wanted))
    };
    let keep = |job: &Job| {
        source.is_none_or(|source| source == job.source)
            && status.is_none_or(|status| status == job.status.word())
            && is(batch, &job.batch_id)
            && is(run, &job.run_id)
            && principal.sees(&ApplicationId::named(&job.application))
    };
    let control = &control;
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().jobs(cursor.as_deref(), limit).await
    };
    let walked = walk(wanted.cursor, wanted.limit, fetch, keep, Table::job_cursor).await?;
    let data = walked.items.into_iter().map(JobOut::from).collect();
    Ok(Json(List::new(data, walked.next)))
}

/// The job that somebody means; of several the one that changed last.
pub(crate) async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    params: &Params,
) -> Result<Job, Error> {
    // Longer names are nobody's, and more than a key of the table holds.
    if 512 < name.len() {
        return Err(Error::NotFound);
    }
    let sources = match params.text("source") {
        Some(source) if source.len() <= 64 => vec![source.to_owned()],
        Some(_) => return Err(Error::NotFound),
        None => control.table().sources().await?.into_iter().map(|source| source.name).collect(),
    };
    let mut jobs = control.table().find_jobs(name, &sources).await?;
    jobs.retain(|job| {
        principal.sees(&ApplicationId::named(&job.application))
            && params.text("source").is_none_or(|source| source == job.source)
    });
    jobs.into_iter().next().ok_or(Error::NotFound)
}

/// One job, by our id, the sender's id or the call's id.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = String, Path), ("source" = Option<String>, Query, description = "Whose job, where several sources use the same id.")),
    responses((status = 200, body = JobDetail), (status = 401), (status = 404)))]
async fn get(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<JobDetail>, Error> {
    let job = find(&control, &principal, &id, &params).await?;
    let mut events = control.table().events_of(&job.announced).await?;
    events.sort_by_key(|event| job.announced.iter().position(|id| *id == event.id));
    let deliveries = events.iter().map(|event| control.table().deliveries_of(&event.id));
    let deliveries = try_join_all(deliveries).await?;
    let events = events.into_iter().zip(deliveries);
    let events = events.map(|(event, deliveries)| JobEvent::of(event, deliveries)).collect();
    let webhooks = control.table().webhooks_of(&job).await?;
    let webhooks = webhooks.into_iter().map(WebhookOut::from).collect();
    Ok(Json(JobDetail { job: job.into(), events, webhooks }))
}

/// A job's result, as its sender wrote it.
#[utoipa::path(get, path = "/v1/jobs/{id}/result", tag = "jobs", operation_id = "get_job_result",
    params(("id" = String, Path), ("source" = Option<String>, Query)),
    responses((status = 200, description = "The result", content_type = "application/json", body = Object), (status = 401), (status = 404)))]
async fn result(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<impl IntoResponse, Error> {
    let job = find(&control, &principal, &id, &params).await?;
    let id = job.result_event.ok_or(Error::NotFound)?;
    let event = control.table().event(&id).await?.ok_or(Error::NotFound)?;
    if event.is_expunged(control.now()) {
        return Err(Error::NotFound);
    }
    let result = match said(&control, &event).await? {
        Some(result) => Some(result),
        None => announced(&control, &event).await?,
    };
    let result = result.ok_or(Error::NotFound)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], result))
}

/// The result in what the source sent, read as its profile has it.
async fn said(control: &ControlPlane, event: &Event) -> Result<Option<String>, Error> {
    let (Some(said), Origin::Source { name, .. }) = (&event.said, &event.origin) else {
        return Ok(None);
    };
    let source = control.table().source(name).await?;
    let Some(profile) = source.and_then(|source| source.effective()) else { return Ok(None) };
    let body = control.bucket().open(said.clone()).await?;
    let said = profile.read(&body);
    Ok(said.result.map(|result| result.get().to_owned()))
}

/// The result in what subscribers receive: a source that is gone has no profile any more.
async fn announced(control: &ControlPlane, event: &Event) -> Result<Option<String>, Error> {
    let body = control.bucket().open(event.payload.clone()).await?;
    let fields = JsonFields::read(&body, ["data.result"]).unwrap_or_default();
    Ok(fields.raw("data.result").map(|result| result.get().to_owned()))
}
