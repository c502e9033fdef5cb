//! Jobs: the list, one job by any of its ids, the events about it, and its result.

use std::borrow::Cow;

use adapters::table::Table;
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::{Event, Origin},
    id::{EndpointId, JobId, MAX_EXTERNAL_ID},
    job::{Job, JobStatus},
    json::JsonFields,
    source::Source,
};
use futures::future::try_join_all;

use crate::{
    ControlPlane, PageRequest, Principal, Refusal, Walk, events,
    messages::Period,
    sources::{self, Tenures},
    walk,
};

/// Longest name by which a job or a batch can be found, in bytes: no sender's id is longer.
pub(crate) const MAX_NAME: usize = MAX_EXTERNAL_ID;

/// The choice of the jobs that a list holds. A part that is `None` lets every job pass.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Name of the source that reports on the job.
    pub source: Option<String>,
    /// State that the job is in.
    pub status: Option<JobStatus>,
    /// Batch, as the job names it.
    pub batch_id: Option<String>,
    /// Run, as the job names it.
    pub run_id: Option<String>,
    /// Jobs that the relay first heard of within this time.
    pub period: Period,
    /// The beginning of any of the job's ids, as the relay or the senders spell it.
    pub prefix: Option<String>,
}

impl JobFilter {
    fn admits(&self, job: &Job) -> bool {
        let is = |wanted: &Option<String>, id: &Option<String>| wanted.is_none() || wanted == id;
        self.source.as_ref().is_none_or(|source| *source == job.source)
            && self.status.is_none_or(|status| status.word() == job.status.word())
            && is(&self.batch_id, &job.batch_id)
            && is(&self.run_id, &job.run_id)
            && self.period.holds(job.created_at)
            && self.prefix.as_ref().is_none_or(|prefix| has_id(job, prefix))
    }

    /// Whether the filter lets every job pass.
    pub fn is_empty(&self) -> bool {
        let Self { source, status, batch_id, run_id, period, prefix } = self;
        [source, batch_id, run_id, prefix].into_iter().all(Option::is_none)
            && status.is_none()
            && period.is_unbounded()
    }
}

/// Whether any id of a job begins with this text.
fn has_id(job: &Job, prefix: &str) -> bool {
    let others = [&job.call_id, &job.batch_id, &job.run_id, &job.project_id];
    let others = others.into_iter().flatten().map(String::as_str);
    let mut all = [job.id.as_str(), &job.external_id].into_iter().chain(others);
    all.any(|id| id.starts_with(prefix))
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
    let from = page.cursor.or_else(|| filter.period.before.map(Table::place_before));
    let within = |job: &Job| filter.period.after.is_none_or(|after| after <= job.created_at);
    Ok(walk(from, page.limit, fetch, within, keep, Table::job_cursor).await?)
}

/// The job of this id, sender's id or call id, of one source or of any.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such job, or the caller may not see it; [`Refusal::Conflict`]
/// if jobs of several sources bear the id.
pub async fn find(
    table: &Table,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
) -> Result<Job, Refusal> {
    if source.is_some_and(|source| sources::MAX_NAME < source.len()) {
        return Err(Refusal::NotFound);
    }
    one_of(name, candidates(table, principal, name, source).await?)
}

/// The job of this id, sender's id or call id, of these sources, that has not ended.
///
/// # Errors
///
/// [`Refusal::Conflict`] if running jobs of several sources bear the id.
pub async fn find_running(
    table: &Table,
    principal: &Principal,
    name: &str,
    sources: &[Source],
) -> Result<Option<Job>, Refusal> {
    let mut jobs = candidates(table, principal, name, None).await?;
    jobs.retain(|job| {
        !job.status.is_terminal() && sources.iter().any(|source| source.tenure() == job.tenure())
    });
    match one_of(name, jobs) {
        Err(Refusal::NotFound) => Ok(None),
        found => found.map(Some),
    }
}

/// The only one of these jobs.
fn one_of(name: &str, mut jobs: Vec<Job>) -> Result<Job, Refusal> {
    let one = jobs.pop().ok_or(Refusal::NotFound)?;
    if jobs.is_empty() {
        return Ok(one);
    }
    jobs.push(one);
    jobs.sort_by(|one, other| one.id.cmp(&other.id));
    let named =
        |job: &Job| format!("{} (source {}, application {})", job.id, job.source, job.application);
    let named: Vec<_> = jobs.iter().map(named).collect();
    Err(ambiguous(name, "jobs", &named, "source"))
}

/// The refusal to choose one of several that bear a sender's id.
pub(crate) fn ambiguous(name: &str, what: &str, named: &[String], field: &str) -> Refusal {
    let (count, named) = (named.len(), named.join(", "));
    Refusal::Conflict(format!(
        "{count} {what} bear the id {name:?}: {named}; name the {field}, or use one of these ids"
    ))
}

/// Jobs of this name that the caller sees. Of a source that was deleted or moved, a job is among them
/// unless the source of that name in that application has a job of the same name now.
pub(crate) async fn candidates(
    table: &Table,
    principal: &Principal,
    name: &str,
    source: Option<&str>,
) -> Result<Vec<Job>, Refusal> {
    if MAX_NAME < name.len() {
        return Ok(Vec::new());
    }
    let fits = |job: &Job| source.is_none_or(|source| source == job.source) && sees(principal, job);
    if let Ok(id) = JobId::parse(name)
        && let Some(job) = table.job(&id).await?
    {
        return Ok(Some(job).into_iter().filter(fits).collect());
    }
    let Tenures { present, former } = sources::tenures(table, principal, source).await?;
    let mut jobs = table.find_jobs(name, &present).await?;
    jobs.retain(fits);
    for job in table.find_jobs(name, &former).await? {
        let place = |job: &Job| (job.source.clone(), job.application.clone());
        if fits(&job) && jobs.iter().all(|known| place(known) != place(&job)) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

pub(crate) fn sees(principal: &Principal, job: &Job) -> bool {
    principal.sees(&job.application)
}

/// The events about a job, oldest first, each with its deliveries: the first
/// [`MAX_SHOWN`](events::MAX_SHOWN) by id.
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
    let deliveries = events::deliveries(control, events.iter().map(|event| &event.id)).await?;
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
    let to_it = |event| control.table().delivery_to(event, &endpoint.id);
    let deliveries = try_join_all(job.announced.iter().map(to_it)).await?.into_iter().flatten();
    let newest = deliveries.max_by_key(|delivery| (delivery.created_at, delivery.generation));
    Ok(Some((endpoint, newest)))
}

/// The answer to a caller whose result is about to be recorded.
const RESULT_FOLLOWS: &str = "the result is being recorded; please try again";

/// A job's result, as its sender wrote it: JSON, or what the sender wrote in its place, such as
/// `NaN`.
///
/// # Errors
///
/// [`Refusal::NotFound`] if the job has no result, or its content was removed; [`Refusal::Busy`] if the
/// event with the result is about to be recorded.
pub async fn result(control: &ControlPlane, job: &Job) -> Result<String, Refusal> {
    let id = job.result_event.as_ref().ok_or(Refusal::NotFound)?;
    let Some(event) = control.table().event(id).await? else {
        let follows = job.is_in_hand(id, control.now());
        return Err(if follows { Refusal::Busy(RESULT_FOLLOWS) } else { Refusal::NotFound });
    };
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
    let (Some(body), Origin::Source { id, name, .. }) = (&event.said, &event.origin) else {
        return Ok(None);
    };
    let source = control.table().source(name).await?.filter(|source| source.id == *id);
    let Some(profile) = source.and_then(|source| source.effective()) else { return Ok(None) };
    let body = control.bucket().open(body.clone()).await?;
    let report = profile.read(&body);
    let text = report.result_text.map(Cow::into_owned);
    Ok(report.result.map(|result| result.get().to_owned()).or(text))
}

/// The result in the payload that subscribers receive: a source that was removed has no profile any
/// more.
async fn announced_result(
    control: &ControlPlane,
    event: &Event,
) -> Result<Option<String>, Refusal> {
    let body = control.bucket().open(event.payload.clone()).await?;
    let paths = ["data.result", "data.result_text"];
    let fields = JsonFields::read(&body, paths).unwrap_or_default();
    let result = fields.raw("data.result").map(|result| result.get().to_owned());
    Ok(result.or_else(|| fields.text("data.result_text")))
}
