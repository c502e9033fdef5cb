//! Jobs: the list, one job by any of its ids, the events about it, and its result.

use adapters::table::Table;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::{Event, Origin},
    id::{ApplicationId, EndpointId},
    job::{Job, JobStatus},
    json::JsonFields,
};
use futures::future::try_join_all;

use crate::{ControlPlane, PageRequest, Principal, Refusal, Walk, sources, walk};

/// Longest name by which a job or a batch can be found, in bytes: a key of the table holds no
/// longer one.
pub(crate) const MAX_NAME: usize = 512;

/// Which jobs a list holds; a part that is `None` lets every job pass.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Name of the source that reports on the job.
    pub source: Option<String>,
    /// Present state.
    pub status: Option<JobStatus>,
    /// Batch, as the job names it.
    pub batch_id: Option<String>,
    /// Run.
    pub run_id: Option<String>,
}

impl JobFilter {
    fn admits(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, id: &Option<String>| wanted.is_none() || wanted == id;
        self.source.as_ref().is_none_or(|source| *source == job.source)
            && self.status.is_none_or(|status| status.word() == job.status.word())
            && is(&self.batch_id, &job.batch_id)
            && is(&self.run_id, &job.run_id)
    }
}

/// A part of the list of jobs that the caller sees, newest first.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    filter: &JobFilter,
    page: PageRequest,
) -> Result<Walk<Job>, Refusal> {
    let keep = |job: &Job| filter.admits(job) && sees(principal, job);
    let fetch = |cursor: Option<String>, limit| async move {
        control.table().jobs(cursor.as_deref(), limit).await
    };
    Ok(walk(page.cursor, page.limit, fetch, keep, Table::job_cursor).await?)
}

/// The job of this id, sender's id or call id, of one source or of any. Of several jobs, the one
/// that changed last.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such job, or the caller may not see it.
pub async fn find(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
) -> Result<Job, Refusal> {
    let sources = match source {
        Some(source) if source.len() <= sources::MAX_NAME => vec![source.to_owned()],
        Some(_) => return Err(Refusal::NotFound),
        None if MAX_NAME < name.len() => return Err(Refusal::NotFound),
        None => control.table().sources().await?.into_iter().map(|source| source.name).collect(),
    };
    let mut jobs = candidates(control, principal, name, &sources).await?;
    jobs.retain(|job| source.is_none_or(|source| source == job.source));
    jobs.into_iter().next().ok_or(Refusal::NotFound)
}

/// The job of this id, sender's id or call id, of these sources, that has not ended; of several the
/// one that changed last.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn find_running(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    sources: &[String],
) -> Result<Option<Job>, Refusal> {
    let mut jobs = candidates(control, principal, name, sources).await?;
    jobs.retain(|job| !job.status.is_terminal() && sources.contains(&job.source));
    Ok(jobs.into_iter().next())
}

/// Jobs of this name that the caller sees, the one that changed last first. A job that is named by
/// the relay's own id may belong to another source.
async fn candidates(
    control: &ControlPlane,
    principal: &Principal,
    name: &str,
    sources: &[String],
) -> Result<Vec<Job>, Refusal> {
    if MAX_NAME < name.len() {
        return Ok(Vec::new());
    }
    let mut jobs = control.table().find_jobs(name, sources).await?;
    jobs.retain(|job| sees(principal, job));
    Ok(jobs)
}

pub(crate) fn sees(principal: &Principal, job: &Job) -> bool {
    principal.sees(&ApplicationId::named(&job.application))
}

/// The events about a job, oldest first, each with its deliveries.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn announcements(
    control: &ControlPlane,
    job: &Job,
) -> Result<Vec<(Event, Vec<Delivery>)>, Refusal> {
    let mut events = control.table().events_of(&job.announced).await?;
    events.sort_by_key(|event| job.announced.iter().position(|id| *id == event.id));
    let deliveries = events.iter().map(|event| control.table().deliveries_of(&event.id));
    let deliveries = try_join_all(deliveries).await?;
    Ok(events.into_iter().zip(deliveries).collect())
}

/// The endpoints of a job's own webhooks.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn webhooks(control: &ControlPlane, job: &Job) -> Result<Vec<Endpoint>, Refusal> {
    Ok(control.table().webhooks_of(job).await?)
}

/// The first of a job's own webhooks with the newest delivery of the job's events to it; `None` if
/// the job has no webhook.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn first_webhook(
    control: &ControlPlane,
    job: &Job,
) -> Result<Option<(Endpoint, Option<Delivery>)>, Refusal> {
    let mut webhooks = webhooks(control, job).await?;
    let position = |id: &EndpointId| webhooks.iter().position(|known: &Endpoint| known.id == *id);
    let Some(first) = job.webhooks.iter().find_map(position) else { return Ok(None) };
    let endpoint = webhooks.swap_remove(first);
    let deliveries = job.announced.iter().map(|event| control.table().deliveries_of(event));
    let deliveries = try_join_all(deliveries).await?.into_iter().flatten();
    let newest = deliveries
        .filter(|delivery| delivery.endpoint == endpoint.id)
        .max_by_key(|delivery| (delivery.created_at, delivery.generation));
    Ok(Some((endpoint, newest)))
}

/// A job's result as JSON text, as its sender wrote it.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the job has no result, or its content was removed.
pub async fn result(control: &ControlPlane, job: &Job) -> Result<String, Refusal> {
    let id = job.result_event.as_ref().ok_or(Refusal::NotFound)?;
    let event = control.table().event(id).await?.ok_or(Refusal::NotFound)?;
    if event.is_expunged(control.now()) {
        return Err(Refusal::NotFound);
    }
    let result = match reported_result(control, &event).await? {
        Some(result) => Some(result),
        None => announced_result(control, &event).await?,
    };
    result.ok_or(Refusal::NotFound)
}

/// The result in the body that the source sent, read by the source's profile.
async fn reported_result(control: &ControlPlane, event: &Event) -> Result<Option<String>, Refusal> {
    let (Some(body), Origin::Source { name, .. }) = (&event.said, &event.origin) else {
        return Ok(None);
    };
    let source = control.table().source(name).await?;
    let Some(profile) = source.and_then(|source| source.effective()) else { return Ok(None) };
    let body = control.bucket().open(body.clone()).await?;
    let report = profile.read(&body);
    Ok(report.result.map(|result| result.get().to_owned()))
}

/// The result in the payload that subscribers receive: a source that was removed has no profile any
/// more.
async fn announced_result(
    control: &ControlPlane,
    event: &Event,
) -> Result<Option<String>, Refusal> {
    let body = control.bucket().open(event.payload.clone()).await?;
    let fields = JsonFields::read(&body, ["data.result"]).unwrap_or_default();
    Ok(fields.raw("data.result").map(|result| result.get().to_owned()))
}
