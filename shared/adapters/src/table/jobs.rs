//! Jobs.

use std::slice::from_ref;

use domain::{
    batch::BatchMarker,
    delivery::Delivery,
    endpoint::{Endpoint, EndpointScope},
    id::{self, JobId, Tenure},
    job::{Job, JobStatus},
    profile::ended,
    source::Source,
};

use super::{
    Page, Table, WriteOutcome,
    delivery_item::event_key,
    endpoints, events,
    row::{self, Condition, Key, Row, Write, list_at, n},
};
use crate::Unavailable;

const JOBS: &str = "JOBS";
/// How many times the retention a job is found by the id of its call: as long as its endpoints stay.
const CALLS_KEPT: u32 = 4;
/// The states that the report of a call's end may name.
const ENDS: [JobStatus; 4] =
    [JobStatus::Succeeded, JobStatus::Failed, JobStatus::TimedOut, JobStatus::Cancelled];

/// A registration, and what it changes.
#[derive(Debug)]
pub struct JobRegistration<'a> {
    /// The job as it becomes.
    pub job: &'a Job,
    /// What that means for its batch.
    pub marker: Option<&'a BatchMarker>,
    /// The endpoint that hears of it, new or changed.
    pub endpoint: Option<&'a Endpoint>,
    /// What that endpoint has missed.
    pub deliveries: &'a [Delivery],
}

pub(super) fn key(id: &JobId) -> (String, String) {
    (format!("JOB#{id}"), "JOB".to_owned())
}

/// The keys of the endpoints that hear of a job alone.
pub(super) fn webhook_keys(job: &Job) -> impl Iterator<Item = Key> {
    let scope = EndpointScope::Job(job.id.clone());
    job.webhooks.iter().map(move |id| endpoints::key(&job.application, &scope, id))
}

/// Hashed: a key holds 2048 bytes, and a call's id is its platform's.
fn call_key(tenure: &Tenure, call_id: &str) -> (String, String) {
    let (source, application) = (tenure.source.as_str(), tenure.application.as_str());
    (format!("CALL#{}", id::digest(&[source, application, call_id])), "CALL".to_owned())
}

impl Table {
    /// The writes that keep a job as it follows from the one that was read.
    pub(super) fn job_writes(&self, job: &Job) -> Vec<Write> {
        let mut writes = vec![Write::Put(self.job_row(job), Condition::version(job.version - 1))];
        writes.extend(self.call_row(job).map(|row| Write::Put(row, Condition::default())));
        writes
    }

    /// The item by which a job is found by the id of its call, if that became known with this change. It is
    /// written once and stays longer than the job does that is heard of within the retention.
    pub(super) fn call_row(&self, job: &Job) -> Option<Row> {
        let call_id = job.call_id.as_ref().filter(|call_id| **call_id != job.external_id);
        let call_id = call_id.filter(|_| job.learned_call)?;
        let (pk, sk) = call_key(&job.tenure(), call_id);
        let kept = self.retention * CALLS_KEPT;
        Some(Row::new(pk, sk, &job.id).expires(Some(job.updated_at.plus(kept).secs())))
    }

    fn job_row(&self, job: &Job) -> Row {
        let (pk, sk) = key(&job.id);
        Row::new(pk, sk, job)
            .with("version", n(job.version))
            .due(job.id.as_str(), job.poll_at)
            .listed(JOBS, job.created_at, job.id.as_str())
            .expires(Some(self.expiry(job.poll_at.unwrap_or_default().max(job.updated_at))))
    }

    /// Keeps a job as it follows from the one that was read, no id of it having changed; `Refused`
    /// if somebody else changed it since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_job(&self, job: &Job) -> Result<WriteOutcome, Unavailable> {
        self.put(self.job_row(job), Some(Condition::version(job.version - 1))).await
    }

    /// Keeps a job as it follows from a report, before the event of that report is recorded; `Refused` if
    /// somebody else changed it since it was read.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn keep_report(&self, job: &Job) -> Result<WriteOutcome, Unavailable> {
        if let Some(row) = self.call_row(job) {
            // It says nothing that is not so even if the job is not written.
            self.put(row, None).await?.either_way();
        }
        self.keep_job(job).await
    }

    /// Registers a job as it follows from the one that was read, with the endpoint that hears of
    /// it and the deliveries of what that one has missed, all or nothing; `Refused` if the job or
    /// the endpoint changed since.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn register(
        &self,
        registering: &JobRegistration<'_>,
    ) -> Result<WriteOutcome, Unavailable> {
        let mut writes = self.job_writes(registering.job);
        let now = registering.job.updated_at;
        let marker = registering.marker;
        writes.extend(marker.into_iter().flat_map(|marker| self.marker_writes(marker, now)));
        if let Some(endpoint) = registering.endpoint {
            writes.push(self.scoped_endpoint(endpoint, now));
        }
        writes.extend(
            self.new_deliveries(registering.deliveries, registering.endpoint.map_or(&[], from_ref)),
        );
        self.transact(writes).await
    }

    /// The endpoints that hear of a job alone.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an endpoint is not what this version writes.
    pub async fn webhooks_of(&self, job: &Job) -> Result<Vec<Endpoint>, Unavailable> {
        self.items(webhook_keys(job).collect()).await?.iter().map(row::document).collect()
    }

    /// The job of this id.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or the item is not what this version writes.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, Unavailable> {
        let (pk, sk) = key(id);
        self.entity(&pk, &sk).await
    }

    /// Several jobs at once, in no order; those that are gone are left out.
    ///
    /// # Errors
    /// Fails if DynamoDB does, or an item is not what this version writes.
    pub async fn jobs_of(&self, ids: &[JobId]) -> Result<Vec<Job>, Unavailable> {
        self.items(ids.iter().map(key).collect()).await?.iter().map(row::document).collect()
    }

    /// The jobs that a caller can mean, the one that changed last first: by the relay's id, or by the
    /// sender's id or the call id in one of these tenures.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] if the table does not answer, or an item cannot be read.
    pub async fn find_jobs(&self, name: &str, tenures: &[Tenure]) -> Result<Vec<Job>, Unavailable> {
        if let Ok(id) = JobId::parse(name)
            && let Some(job) = self.job(&id).await?
        {
            return Ok(vec![job]);
        }
        let external = tenures.iter().map(|tenure| key(&JobId::of(tenure, name)));
        let calls = tenures.iter().map(|tenure| call_key(tenure, name));
        // Of some profiles the idempotency key names the call: its event stands for an item of the call.
        let ends = tenures.iter().flat_map(|tenure| {
            let event = |state| event_key(&Source::event_id(tenure, &ended(name, state)));
            ENDS.into_iter().map(event)
        });
        let mut jobs = Vec::new();
        let mut ids = Vec::new();
        for item in self.items(external.chain(calls).chain(ends).collect()).await? {
            match row::text(&item, "sk") {
                Some("JOB") => jobs.push(row::document(&item)?),
                Some("EVT") => ids.extend(events::from_item(&item)?.job),
                _ => ids.push(row::document(&item)?),
            }
        }
        ids.retain(|id| jobs.iter().all(|job: &Job| job.id != *id));
        ids.sort();
        ids.dedup();
        jobs.extend(self.jobs_of(&ids).await?);
        jobs.sort_by_key(|job: &Job| std::cmp::Reverse(job.updated_at));
        jobs.dedup_by(|one, other| one.id == other.id);
        Ok(jobs)
    }

    /// Where a job stands in the list, for going on behind it.
    pub fn job_cursor(job: &Job) -> String {
        list_at(job.created_at, job.id.as_str())
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// Fails if DynamoDB does. An item that cannot be read is logged and left out.
    pub async fn jobs(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Job>, Unavailable> {
        self.page(JOBS, cursor, limit, false).await
    }
}
