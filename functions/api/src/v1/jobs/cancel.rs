//! Stopping a job (R0.18): it is marked and announced first, then its platform is told.
//!
//! Telling the platform is a delivery like any other, to an endpoint that is made for it: recorded in
//! the step that marks the job, tried here while somebody waits, and then by its ladder until it
//! arrives or becomes a dead letter. So no crash leaves a platform untold.

use std::{sync::Arc, time::Duration};

use adapters::table::{EventRecording, RecordOutcome};
use axum::{
    Json,
    extract::{Path, State},
};
use dispatch::attempt::Attempted;
use domain::{
    batch::BatchMarker,
    delivery::{Delivery, DeliveryState},
    endpoint::{Endpoint, EndpointScope, EndpointSecret},
    event::Event,
    headers::StoredHeader,
    id::{ApplicationId, DeliveryId, EndpointId, EventId},
    job::{Job, JobStatus, ReportEffect},
    notice,
    poll::{CancelCall, CancelSettings, PollPlatform},
    profile::SenderReport,
    retry::Policy,
    secret::{SealedSecret, Secret, SecretKind},
    source::Source,
    time::Timestamp,
};
use serde::Serialize;
use tracing::{error, info};
use utoipa::ToSchema;

use super::{JobOut, find};
use crate::{
    v1::batches,
    web::{error::Error, gate::Authenticated, params::Params},
};
use manage::ControlPlane;

/// How often a cancellation looks again when others are at the same job.
const TRIES: usize = 8;
/// How long whoever cancels waits for the platform.
const WAIT: Duration = Duration::from_secs(10);
/// Seconds between the tries to tell it: soon, for what runs costs money.
const DELAYS: [i64; 6] = [2, 10, 60, 300, 1800, 7200];

/// Whether a platform knows that its job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// It said yes.
    Reached,
    /// Not yet; it is told again until it answers.
    Pending,
    /// It refused until nobody asked any more: see the dead letters.
    Failed,
    /// Nobody said how to tell it.
    Unconfigured,
}

/// What came of cancelling a job.
#[derive(Debug)]
pub(crate) enum Cancelled {
    /// It is cancelled, now or since before.
    Yes(Box<Job>, Told),
    /// It had ended otherwise.
    TooLate(Box<Job>),
}

/// A job that was cancelled.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledOut {
    #[serde(flatten)]
    job: JobOut,
    /// Whether its platform knows: `reached`, `pending`, `failed` or `unconfigured`.
    platform: Told,
}

/// Cancels a job and tells its platform. The same again changes nothing.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = String, Path), ("source" = Option<String>, Query)),
    responses((status = 200, body = CancelledOut), (status = 401), (status = 403), (status = 404), (status = 409, description = "It has ended otherwise.")))]
pub(crate) async fn post(
    State(control): State<Arc<ControlPlane>>,
    Path(id): Path<String>,
    Authenticated(principal): Authenticated,
    params: Params,
) -> Result<Json<CancelledOut>, Error> {
    let job = find(&control, &principal, &id, &params).await?;
    match cancel(&control, &principal.key, job).await? {
        Cancelled::Yes(job, platform) => Ok(Json(CancelledOut { job: (*job).into(), platform })),
        Cancelled::TooLate(job) => {
            Err(Error::Conflict(format!("it has ended before: {}", job.status.word())))
        }
    }
}

/// Cancels a job that somebody may see.
pub(crate) async fn cancel(
    control: &ControlPlane,
    key: &str,
    mut job: Job,
) -> Result<Cancelled, Error> {
    let source = control.table().source(&job.source).await?;
    let event = EventId::derive(&["cancelled", job.id.as_str()]);
    for _ in 0..TRIES {
        if job.status == JobStatus::Cancelled {
            let told = told(control, &job, &event).await?;
            return Ok(Cancelled::Yes(Box::new(job), told));
        }
        if job.status.is_terminal() {
            return Ok(Cancelled::TooLate(Box::new(job)));
        }
        if let Some(done) = step(control, source.as_ref(), &job, &event).await? {
            info!(audit = true, key, job = %job.id, "cancelled a job");
            return Ok(done);
        }
        job = control.table().job(&job.id).await?.ok_or(Error::NotFound)?;
    }
    Err(Error::Conflict("others were at the same job all the time; please try again".to_owned()))
}

/// One step; nothing if the job changed in between.
async fn step(
    control: &ControlPlane,
    source: Option<&Source>,
    job: &Job,
    id: &EventId,
) -> Result<Option<Cancelled>, Error> {
    let now = control.now();
    let said = SenderReport::default();
    let ReportEffect::Applied(next, Some(kind)) = job.report(JobStatus::Cancelled, &said, id, now)
    else {
        return Ok(None);
    };
    let notice = notice::job_notice(id, kind, now, &next, &said, control.public_url());
    let application = ApplicationId::named(&job.application);
    let event = Event::by_relay(id.clone(), application.clone(), kind, &notice, now).about(job);
    let mut endpoints = control.table().endpoints(&application).await?;
    endpoints.extend(control.table().webhooks_of(job).await?);
    let mut deliveries = Delivery::fan_out(&event, &notice, &endpoints, now);
    let callee = source.and_then(|source| callee(control, source, job, now));
    if let Some(callee) = &callee {
        deliveries.push(Delivery::new(&event, callee, 0, now));
        endpoints.push(callee.clone());
    }
    let marker = BatchMarker::between(job, &next);
    let recording = EventRecording {
        event: &event,
        job: Some(&next),
        marker: marker.as_ref(),
        deliveries: &deliveries,
        endpoints: &endpoints,
        callee: callee.as_ref(),
    };
    if control.table().record(&recording).await? == RecordOutcome::Contested {
        return Ok(None);
    }
    let told = match &callee {
        // Told here and now; its own bell would only meet the claim.
        Some(callee) => {
            deliveries.retain(|delivery| delivery.endpoint != callee.id);
            control.announcer().ring(&deliveries).await;
            tell(control, id, callee).await?
        }
        None => {
            control.announcer().ring(&deliveries).await;
            Told::Unconfigured
        }
    };
    if let Some(marker) = marker {
        batches::ring(control, &marker.batch).await;
    }
    Ok(Some(Cancelled::Yes(next, told)))
}

fn callee_id(job: &Job) -> EndpointId {
    EndpointId::derive(&["cancel", job.id.as_str()])
}

/// The endpoint that stands for the platform of a job, if somebody said how to tell it. Its headers
/// are sealed, as any of them may hold the platform's secret.
fn callee(control: &ControlPlane, source: &Source, job: &Job, now: Timestamp) -> Option<Endpoint> {
    let CancelCall { url, verb, headers } = call(control, source, job)?;
    let id = callee_id(job);
    let owner = Endpoint::owner(&id);
    let mut endpoint = Endpoint::new(id, ApplicationId::named(&job.application), &url, now);
    endpoint.description = format!("cancels a job of {}", source.name);
    endpoint.scope = EndpointScope::Job(job.id.clone());
    endpoint.bare = Some(verb);
    let policy = Policy::of(None, Some(10), Some(DELAYS.to_vec()));
    endpoint.policy = policy.expect("within bounds");
    let seal = |(name, value): (String, Secret)| {
        (name, StoredHeader::Sealed(control.vault().seal(&owner, &value)))
    };
    endpoint.headers = headers.into_iter().map(seal).collect();
    let secret = Secret::symmetric(&adapters::random::bytes::<32>());
    let sealed = control.vault().seal(&owner, &secret);
    endpoint.secrets = vec![EndpointSecret::new(sealed, SecretKind::Hmac)];
    Some(endpoint)
}

fn call(control: &ControlPlane, source: &Source, job: &Job) -> Option<CancelCall> {
    let open = |owner: &str, sealed: Option<&SealedSecret>| match sealed
        .map(|s| control.vault().unseal(owner, s))
    {
        Some(Ok(secret)) => Some(secret),
        Some(Err(cause)) => {
            error!(source = source.name, %cause, "a platform's secret");
            None
        }
        None => None,
    };
    if let Some(cancel) = &source.options.cancel {
        let secret = open(&CancelSettings::owner(&source.name), source.cancel_secret.as_ref());
        return cancel.call(job, secret.as_ref());
    }
    let secret = open(&PollPlatform::owner(&source.name), source.platform_secret.as_ref());
    source.options.platform.as_ref()?.cancel(job, secret.as_ref())
}

/// Tells the platform once, while somebody waits.
async fn tell(control: &ControlPlane, event: &EventId, callee: &Endpoint) -> Result<Told, Error> {
    let delivery = DeliveryId::of(event, &callee.id, 0);
    let attempted = control.attempts().attempt_within(event, &delivery, false, Some(WAIT)).await?;
    Ok(match attempted {
        Attempted::Called(delivery) | Attempted::Ended(delivery) => word(delivery.state),
        _ => Told::Pending,
    })
}

/// Whether the platform of a job that was cancelled before knows by now.
async fn told(control: &ControlPlane, job: &Job, event: &EventId) -> Result<Told, Error> {
    let delivery = DeliveryId::of(event, &callee_id(job), 0);
    let delivery = control.table().delivery(event, &delivery).await?;
    Ok(delivery.map_or(Told::Unconfigured, |delivery| word(delivery.state)))
}

const fn word(state: DeliveryState) -> Told {
    match state {
        DeliveryState::Delivered => Told::Reached,
        DeliveryState::Pending => Told::Pending,
        DeliveryState::Dead | DeliveryState::Cancelled => Told::Failed,
    }
}
