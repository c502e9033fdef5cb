//! Cancellation of a job (R0.18): the job is marked and announced first, then its platform is told.
//!
//! The call to the platform is a delivery like any other, to an endpoint that is made for it. It is
//! recorded in the step that marks the job, attempted while the caller waits, and after that by its
//! retry policy until it arrives or becomes a dead letter. So no crash leaves a platform untold.

mod platform_call;

use std::time::Duration;

use adapters::{
    contested::{self, TryOutcome},
    table::{EventRecording, RecordOutcome},
};
use dispatch::outcome::AttemptOutcome;
use domain::{
    batch::BatchMarker,
    delivery::{Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    id::{DeliveryId, EventId},
    job::{Job, JobStatus, ReportEffect},
    notice,
    profile::SenderReport,
    source::Source,
};
use tracing::info;

use crate::{ControlPlane, Principal, Refusal, batches};

/// Tries of a cancellation when other requests change the same job.
const TRIES: u32 = 8;
/// Longest time that the caller waits for the platform.
const WAIT: Duration = Duration::from_secs(10);

/// Whether a platform knows that its job is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlatformState {
    /// The platform has confirmed that the call is cancelled.
    Reached,
    /// The platform has not answered yet. The call is attempted again until it does, or until every attempt
    /// has failed.
    Pending,
    /// Every attempt failed; the call is a dead letter.
    Failed,
    /// The source has no settings for cancelling.
    Unconfigured,
}

impl PlatformState {
    const fn of(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Delivered => Self::Reached,
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Dead | DeliveryState::Cancelled => Self::Failed,
        }
    }
}

/// Outcome of cancelling a job.
#[derive(Debug)]
pub enum Cancellation {
    /// The job is cancelled, by this request or an earlier one.
    Done(Box<Job>, PlatformState),
    /// The job had ended in another way before.
    TooLate(Box<Job>),
}

/// Cancels a job and tells its platform. Cancelling again changes nothing.
///
/// # Errors
///
/// [`Refusal::Busy`] if other requests change the job at every try.
pub async fn cancel(
    control: &ControlPlane,
    principal: &Principal,
    job: Job,
) -> Result<Cancellation, Refusal> {
    // The next source of this name, or this one in its next application, is not asked.
    let source = control.table().source(&job.source).await?;
    let source = source.filter(|source| source.tenure() == job.tenure());
    let event = EventId::derive(&["cancelled", job.id.as_str()]);
    let (id, event, source) = (job.id.clone(), &event, source.as_ref());
    let read = || async { control.table().job(&id).await?.ok_or(Refusal::NotFound) };
    contested::rewrite(TRIES, job, read, |job| async move {
        if job.status == JobStatus::Cancelled {
            let platform = platform_state(control, &job, event).await?;
            return Ok(TryOutcome::Settled(Cancellation::Done(Box::new(job), platform)));
        }
        if job.status.is_terminal() {
            return Ok(TryOutcome::Settled(Cancellation::TooLate(Box::new(job))));
        }
        let marked = mark(control, source, &job, event).await?;
        if let TryOutcome::Settled(_) = &marked {
            info!(audit = true, key = %principal, job = %job.id, "cancelled a job");
        }
        Ok(marked)
    })
    .await
}

/// Marks a job as cancelled, on the condition that it has not changed since it was read, and tells
/// its platform.
async fn mark(
    control: &ControlPlane,
    source: Option<&Source>,
    job: &Job,
    id: &EventId,
) -> Result<TryOutcome<Cancellation>, Refusal> {
    let now = control.now();
    let report = SenderReport::default();
    let ReportEffect::Applied(next, Some(kind)) =
        job.report(JobStatus::Cancelled, &report, id, now)
    else {
        return Ok(TryOutcome::Refused);
    };
    let notice = notice::job_notice(id, kind, now, &next, &report, control.public_url());
    let application = job.application.clone();
    let mut event = Event::by_relay(id.clone(), application.clone(), kind, &notice, now).about(job);
    let hearers = control.context().hearers(&application).await?;
    let mut endpoints = hearers.endpoints.clone();
    event.in_pages = hearers.in_pages;
    if !event.in_pages {
        // The first page looks at them else: the transaction has no room for all.
        endpoints.extend(control.table().webhooks_of(job).await?);
    }
    let mut deliveries = Delivery::fan_out(&event, &notice, &endpoints, now);
    let callee = source.and_then(|source| platform_call::endpoint(control, source, job, now));
    if let Some(callee) = &callee {
        deliveries.push(Delivery::new(&event, callee, 0, now));
        endpoints.push(callee.clone());
    }
    let marker = BatchMarker::between(job, &next);
    let recording = EventRecording {
        event: &event,
        job: Some(&next),
        marker: marker.as_ref(),
        request: None,
        deliveries: &deliveries,
        endpoints: &endpoints,
        callee: callee.as_ref(),
    };
    if control.table().record(&recording).await? == RecordOutcome::Contested {
        return Ok(TryOutcome::Refused);
    }
    if let Some(callee) = &callee {
        // The call is attempted here; a message for it would only meet the claim.
        deliveries.retain(|delivery| delivery.endpoint != callee.id);
    }
    control.context().ring(&deliveries).await;
    control.context().ring_fan_out(&event).await;
    control.context().note_event(&event, Some(&next));
    let platform = match &callee {
        Some(callee) => tell(control, id, callee).await?,
        None => PlatformState::Unconfigured,
    };
    if let Some(marker) = marker {
        batches::ring(control, &marker.batch).await;
    }
    Ok(TryOutcome::Settled(Cancellation::Done(next, platform)))
}

/// Attempts the call to the platform once, while the caller waits.
async fn tell(
    control: &ControlPlane,
    event: &EventId,
    callee: &Endpoint,
) -> Result<PlatformState, Refusal> {
    let delivery = DeliveryId::of(event, &callee.id, 0);
    let attempted = control.calls().attempt_within(event, &delivery, false, Some(WAIT)).await?;
    Ok(match attempted {
        AttemptOutcome::Called(delivery) | AttemptOutcome::Ended(delivery) => {
            PlatformState::of(delivery.state)
        }
        _ => PlatformState::Pending,
    })
}

/// Whether the platform of a job that was cancelled before knows by now.
async fn platform_state(
    control: &ControlPlane,
    job: &Job,
    event: &EventId,
) -> Result<PlatformState, Refusal> {
    let delivery = DeliveryId::of(event, &platform_call::endpoint_id(job), 0);
    let delivery = control.table().delivery(event, &delivery).await?;
    Ok(delivery.map_or(PlatformState::Unconfigured, |delivery| PlatformState::of(delivery.state)))
}
