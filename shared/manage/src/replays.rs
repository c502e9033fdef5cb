//! Sending messages to an endpoint again: those that failed, those that the endpoint missed, those
//! that an operator chooses, or a single one. All but the single one are tasks.

use adapters::random;
use domain::{
    delivery::DeliveryState,
    endpoint::Endpoint,
    event::{Event, EventOutcome},
    filter::Payload,
    id::{EndpointId, TaskId},
    replay::{Replay, ReplaySelection},
    task::{DEFAULT_RATE, Task},
    time::Timestamp,
};
use futures::future::try_join_all;
use tracing::info;

use crate::{ControlPlane, Principal, Refusal, endpoints, letters, tasks};

/// Endpoints that one message is sent to at the same time.
const AT_ONCE: usize = 32;
/// Endpoints that are read at a time.
const PAGE: usize = 500;

/// The choice of the messages that are sent to an endpoint again.
#[derive(Clone, Debug)]
pub struct ReplayDraft {
    /// Messages from this time or later.
    pub since: Timestamp,
    /// Messages from before this time; now, if `None`.
    pub until: Option<Timestamp>,
    /// Messages per second, 1 to [`MAX_RATE`](domain::task::MAX_RATE); the endpoint's own rate or
    /// [`DEFAULT_RATE`] if `None`.
    pub rate: Option<i64>,
    /// Whether the task only counts them.
    pub dry_run: bool,
    /// Messages by the state of their delivery to the endpoint.
    pub selection: ReplaySelection,
    /// Messages of these types; empty means all.
    pub event_types: Vec<String>,
    /// Only messages on this channel.
    pub channel: Option<String>,
    /// Only messages with this tag.
    pub tag: Option<String>,
}

/// Selects the deliveries that were tried, by Svix's number of a state and by the hundred of the
/// last status code.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a number that names no state, or a class that is no hundred up to 500.
pub fn tried(status: Option<u8>, code_class: Option<u16>) -> Result<ReplaySelection, Refusal> {
    let state = match status {
        None => None,
        Some(0) => Some(DeliveryState::Delivered),
        // Pending deliveries are never sent again, so that this selects nothing.
        Some(1 | 3) => Some(DeliveryState::Pending),
        Some(2) => Some(DeliveryState::Dead),
        Some(_) => return Err(Refusal::field("status", "is 0, 1, 2 or 3")),
    };
    if code_class.is_some_and(|class| 500 < class || class % 100 != 0) {
        let why = "is 0, 100, 200, 300, 400 or 500";
        return Err(Refusal::field("status_code_class", why));
    }
    Ok(ReplaySelection::Tried { state, code_class })
}

/// Starts a task that sends messages to an endpoint again.
///
/// # Errors
///
/// [`Refusal::Invalid`] for a rate or times out of bounds.
pub async fn start(
    control: &ControlPlane,
    principal: &Principal,
    endpoint: Endpoint,
    draft: ReplayDraft,
) -> Result<Task, Refusal> {
    if draft.until.is_some_and(|until| until <= draft.since) {
        return Err(Refusal::field("until", "is after `since`"));
    }
    let rate = letters::checked_rate(draft.rate)?;
    let rate = rate.unwrap_or_else(|| endpoint.throttle_rate.map_or(DEFAULT_RATE, u32::from));
    let replay = Replay {
        application: endpoint.application,
        endpoint: endpoint.id,
        which: draft.selection,
        since: draft.since,
        until: draft.until,
        event_types: draft.event_types,
        channel: draft.channel,
        tag: draft.tag,
        dry_run: draft.dry_run,
    };
    let mut task = Task::replay(TaskId::random(random::bytes()), replay, rate, control.now());
    task.by_portal = principal.is_portal();
    tasks::start(control, &task).await?;
    info!(audit = true, key = %principal, task = %task.id, "messages are to be sent again");
    Ok(task)
}

/// Sends one message again to one endpoint of its application, or to all that would receive it now: the
/// endpoints of the application and the webhooks of its job. Returns the endpoints; a dry run sends
/// nothing. If the process dies in between, some have been sent the message and others not, and asking
/// again sends it to all.
///
/// # Errors
///
/// [`Refusal::Invalid`] of `endpoint` if the application has no such endpoint; [`Refusal::Conflict`] if
/// the content of the message was removed, or subscribers never were to receive it.
pub async fn replay_event(
    control: &ControlPlane,
    principal: &Principal,
    event: &Event,
    endpoint: Option<&str>,
    dry_run: bool,
) -> Result<Vec<EndpointId>, Refusal> {
    must_have_content(control, event)?;
    if event.outcome != EventOutcome::Announced {
        let why = "the event changed nothing that subscribers hear of: there is nothing to send";
        return Err(Refusal::Conflict(why.to_owned()));
    }
    let endpoints = match endpoint {
        Some(name) => {
            let found = endpoints::resolve(control, &event.application, name).await;
            vec![found.map_err(|refusal| match refusal {
                Refusal::NotFound => Refusal::field("endpoint", "there is no such endpoint"),
                other => other,
            })?]
        }
        None => receivers(control, event).await?,
    };
    if !dry_run {
        let (context, now) = (control.context(), control.now());
        let send = |endpoint: &Endpoint| {
            let endpoint = endpoint.clone();
            async move {
                let latest = control.table().delivery_to(&event.id, &endpoint.id).await?;
                context.send_again(event, &endpoint, latest, now).await
            }
        };
        for some in endpoints.chunks(AT_ONCE) {
            try_join_all(some.iter().map(send)).await?;
        }
        let count = endpoints.len();
        info!(audit = true, key = %principal, event = %event.id, count, "an event is sent again");
    }
    Ok(endpoints.into_iter().map(|endpoint| endpoint.id).collect())
}

/// The endpoints that would receive an event now.
async fn receivers(control: &ControlPlane, event: &Event) -> Result<Vec<Endpoint>, Refusal> {
    let payload = control.bucket().open(event.payload.clone()).await?;
    let (mut endpoints, mut after) = (Vec::new(), None);
    loop {
        let page = control.table().endpoints_page(&event.application, after.as_ref(), PAGE).await?;
        endpoints.extend(accepting(event, &payload, page.endpoints));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    if let Some(id) = &event.job
        && let Some(job) = control.table().job(id).await?
    {
        endpoints.extend(accepting(event, &payload, control.table().webhooks_of(&job).await?));
    }
    Ok(endpoints)
}

/// Those of these endpoints that accept an event with this payload.
fn accepting(event: &Event, payload: &[u8], mut endpoints: Vec<Endpoint>) -> Vec<Endpoint> {
    let payload = Payload::new(payload);
    endpoints.retain(|endpoint| endpoint.accepts(event, &payload));
    endpoints
}

fn must_have_content(control: &ControlPlane, event: &Event) -> Result<(), Refusal> {
    match event.is_expunged(control.now()) {
        false => Ok(()),
        true => {
            let why = "the content of the message is gone: there is nothing to send";
            Err(Refusal::Conflict(why.to_owned()))
        }
    }
}

/// Sends one message to an endpoint again, with all retries of its policy.
///
/// # Errors
///
/// [`Refusal::Conflict`] if the content of the message was removed.
pub async fn resend(
    control: &ControlPlane,
    event: &Event,
    endpoint: &Endpoint,
) -> Result<(), Refusal> {
    must_have_content(control, event)?;
    let latest = control.table().delivery_to(&event.id, &endpoint.id).await?;
    control.context().send_again(event, endpoint, latest, control.now()).await?;
    Ok(())
}
