//! Sending messages to an endpoint again: those that failed, those that the endpoint missed, those
//! that an operator chooses, or a single one. All but the single one are tasks.

use adapters::random;
use domain::{
    delivery::DeliveryState,
    endpoint::Endpoint,
    event::Event,
    id::TaskId,
    replay::{Replay, ReplaySelection},
    task::{DEFAULT_RATE, Task},
    time::Timestamp,
};
use tracing::info;

use crate::{ControlPlane, Principal, Refusal, letters, tasks};

/// Which messages are sent to an endpoint again.
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
    /// Messages on this channel.
    pub channel: Option<String>,
    /// Messages with this tag.
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
    let task = Task::replay(TaskId::random(random::bytes()), replay, rate, control.now());
    tasks::start(control, &task).await?;
    info!(audit = true, key = %principal.key, task = %task.id, "messages are to be sent again");
    Ok(task)
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
    if event.is_expunged(control.now()) {
        let why = "the content of the message is gone: there is nothing to send";
        return Err(Refusal::Conflict(why.to_owned()));
    }
    let deliveries = control.table().deliveries_of(&event.id).await?.into_iter();
    let latest = deliveries
        .filter(|delivery| delivery.endpoint == endpoint.id)
        .max_by_key(|delivery| delivery.generation);
    control.context().send_again(event, endpoint, latest, control.now()).await?;
    Ok(())
}
