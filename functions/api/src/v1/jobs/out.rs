//! A job as we show it.

use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    job::{Job, JobStatus},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobOut {
    /// The relay's id, `job_…`.
    id: String,
    /// The sender's id.
    external_id: String,
    source: String,
    /// Id of its application.
    application: String,
    call_id: Option<String>,
    batch_id: Option<String>,
    run_id: Option<String>,
    project_id: Option<String>,
    /// `pending`, `running`, `succeeded`, `failed`, `timed_out` or `cancelled`.
    status: &'static str,
    /// The job ended anew after it had timed out, or succeeded after it had failed.
    late: bool,
    /// Different ends that came afterwards and changed nothing.
    conflicts: u32,
    /// The event that holds its result.
    result_event: Option<String>,
    /// The registrar's own data.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Time of its registration; null if only its sender reported it.
    registered_at: Option<String>,
    /// Time from which its answer is overdue.
    deadline_at: Option<String>,
    /// The end that a sender claims who cannot sign: believed once the platform says so.
    claimed: Option<&'static str>,
    /// Number of questions to its platform.
    polls: u32,
    /// Time of the next question to its platform, or of the last look at its end.
    next_poll_at: Option<String>,
    /// No webhook told how it ended.
    missed: bool,
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
            application: job.application.to_string(),
            call_id: job.call_id,
            batch_id: job.batch_id,
            run_id: job.run_id,
            project_id: job.project_id,
            status: job.status.word(),
            late: job.late,
            conflicts: job.conflicts,
            result_event: job.result_event.map(|event| event.event()),
            metadata: job.metadata,
            registered_at: job.registered_at.map(|at| at.rfc3339()),
            deadline_at: job.deadline_at.map(|at| at.rfc3339()),
            claimed: job.watch.claimed.map(JobStatus::word),
            polls: job.polls,
            next_poll_at: job.poll_at.map(|at| at.rfc3339()),
            missed: job.watch.missed,
            created_at: job.created_at.rfc3339(),
            started_at: job.started_at.map(|at| at.rfc3339()),
            finished_at: job.finished_at.map(|at| at.rfc3339()),
            updated_at: job.updated_at.rfc3339(),
        }
    }
}

/// A job with what was announced about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    pub(super) job: JobOut,
    /// Events about the job, oldest first, with their deliveries.
    pub(super) events: Vec<JobEventOut>,
    /// Webhooks of its registration.
    pub(super) webhooks: Vec<WebhookOut>,
}

/// A webhook of one job or batch. Its secret is never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookOut {
    endpoint_id: String,
    url: String,
    /// Event types that the webhook receives; empty for all of them.
    events: Vec<String>,
    profile: Option<String>,
    max_retries: u8,
    timeout: u16,
    disabled: bool,
}

impl From<Endpoint> for WebhookOut {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            endpoint_id: endpoint.id.to_string(),
            url: endpoint.url,
            events: endpoint.event_types,
            profile: endpoint.profile,
            max_retries: endpoint.policy.max_retries,
            timeout: endpoint.policy.timeout_seconds,
            disabled: endpoint.disabled.is_some(),
        }
    }
}

/// An event about a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobEventOut {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    created_at: String,
    deliveries: Vec<JobDelivery>,
}

/// Delivery of an event to an endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobDelivery {
    id: String,
    endpoint_id: String,
    /// `pending`, `delivered`, `dead` or `cancelled`.
    state: &'static str,
    /// Number of attempts so far.
    attempts: u32,
}

impl From<Delivery> for JobDelivery {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            state: delivery.state.word(),
            attempts: delivery.made,
        }
    }
}

impl JobEventOut {
    pub(super) fn of(event: Event, deliveries: Vec<Delivery>) -> Self {
        Self {
            id: event.id.event(),
            event_type: event.event_type,
            created_at: event.created_at.rfc3339(),
            deliveries: deliveries.into_iter().map(JobDelivery::from).collect(),
        }
    }
}
