//! Writes of endpoints, each in one transaction with the operational events that announce it.

use adapters::table::{EventRecording, WriteOutcome};
use dispatch::operational::Telling;
use domain::{
    endpoint::Endpoint,
    listener::Listener,
    operational::{self, EndpointChange},
};

use crate::{ControlPlane, Refusal};

/// Most items of operational events and their deliveries in the transaction that writes an endpoint.
/// A transaction of DynamoDB holds 100 items; the endpoint with its uid takes the others.
const ROOM: usize = 94;

/// Writes an endpoint that does not exist yet, and records the events that tell of it.
pub(super) async fn create(
    control: &ControlPlane,
    endpoint: &Endpoint,
) -> Result<WriteOutcome, Refusal> {
    let tellings = tellings(control, endpoint, &[EndpointChange::Created]).await?;
    let written = control.table().create_endpoint_telling(endpoint, &recordings(&tellings)).await?;
    ring(control, written, &tellings).await
}

/// Writes an endpoint over the one that was read.
pub(super) async fn update(
    control: &ControlPlane,
    known: &Endpoint,
    next: &Endpoint,
) -> Result<WriteOutcome, Refusal> {
    let enabled = known.disabled.is_some() && next.disabled.is_none();
    let changes: &[EndpointChange] = if enabled {
        &[EndpointChange::Updated, EndpointChange::Enabled]
    } else {
        &[EndpointChange::Updated]
    };
    // The event's id holds the version that is replaced; its text holds the new name.
    let about = Endpoint { version: known.version, ..next.clone() };
    let tellings = tellings(control, &about, changes).await?;
    let written =
        control.table().update_endpoint_telling(known, next, &recordings(&tellings)).await?;
    // What waits at its gate may pass now, or does not wait for a circuit any more.
    if written == WriteOutcome::Done && (known.disabled != next.disabled || known.url != next.url) {
        control.calls().look_after_gate(&next.id).await;
    }
    ring(control, written, &tellings).await
}

/// Removes an endpoint, and records the events that tell of it.
pub(super) async fn delete(
    control: &ControlPlane,
    endpoint: &Endpoint,
) -> Result<WriteOutcome, Refusal> {
    let tellings = tellings(control, endpoint, &[EndpointChange::Deleted]).await?;
    let table = control.table();
    let written =
        table.delete_endpoint_telling(endpoint, &recordings(&tellings), control.now()).await?;
    if written == WriteOutcome::Done {
        control.calls().look_after_gate(&endpoint.id).await;
    }
    ring(control, written, &tellings).await
}

/// Writes a new listener with its endpoint, over the one that was read if its endpoint is gone.
pub(super) async fn create_listener(
    control: &ControlPlane,
    listener: &Listener,
    endpoint: &Endpoint,
    gone: Option<&Listener>,
) -> Result<WriteOutcome, Refusal> {
    let tellings = tellings(control, endpoint, &[EndpointChange::Created]).await?;
    let recordings = recordings(&tellings);
    let created = control.table().create_listener(listener, endpoint, gone, &recordings).await?;
    ring(control, created, &tellings).await
}

/// Removes a listener with its endpoint.
pub(super) async fn delete_listener(
    control: &ControlPlane,
    listener: &Listener,
    endpoint: &Endpoint,
) -> Result<WriteOutcome, Refusal> {
    let tellings = tellings(control, endpoint, &[EndpointChange::Deleted]).await?;
    let (recordings, now) = (recordings(&tellings), control.now());
    let table = control.table();
    let deleted = table.delete_listener(listener, Some(endpoint), &recordings, now).await?;
    ring(control, deleted, &tellings).await
}

async fn tellings(
    control: &ControlPlane,
    endpoint: &Endpoint,
    changes: &[EndpointChange],
) -> Result<Vec<Telling>, Refusal> {
    let now = control.now();
    let application = control.table().application(&endpoint.application).await?;
    let (mut tellings, mut room): (Vec<Telling>, _) = (Vec::new(), ROOM);
    for change in changes {
        let news = operational::of_change(*change, endpoint, application.as_ref(), now);
        let Some(telling) = control.context().telling(news, now).await? else { continue };
        let size = telling.items();
        if size <= room {
            room -= size;
            tellings.push(telling);
        } else {
            // Only with some fifty endpoints that all subscribe to both events, which then are
            // recorded before the endpoint is written.
            control.context().tell(telling.news, now).await?;
        }
    }
    Ok(tellings)
}

fn recordings(tellings: &[Telling]) -> Vec<EventRecording<'_>> {
    tellings.iter().map(Telling::recording).collect()
}

async fn ring(
    control: &ControlPlane,
    written: WriteOutcome,
    tellings: &[Telling],
) -> Result<WriteOutcome, Refusal> {
    if written == WriteOutcome::Done {
        for telling in tellings {
            control.context().ring_telling(telling).await;
        }
    }
    Ok(written)
}
