//! The webhook of a registration: its endpoint, and the deliveries of events that were announced
//! before it was there.

use domain::{
    delivery::Delivery,
    endpoint::{Endpoint, EndpointScope},
    event::Event,
    id::EventId,
    job::{Job, MAX_WEBHOOKS},
    outgoing::STATUS_REDIS,
    time::Timestamp,
};
use futures::future::try_join_all;

use super::Registering;
use crate::{ControlPlane, Refusal, webhooks};

/// A webhook that a registration attaches to its job.
pub(super) struct Attachment {
    /// Endpoint that the webhook goes to.
    pub(super) endpoint: Endpoint,
    /// Deliveries of the events that were announced before; `None` if one of these is being recorded.
    pub(super) missed: Option<Vec<Delivery>>,
}

impl Registering<'_> {
    /// The webhook of this registration, if there is one. Its known endpoint is taken out of
    /// `webhooks`.
    pub(super) async fn attachment(
        &self,
        control: &ControlPlane,
        job: &Job,
        next: &Job,
        webhooks: &mut Vec<Endpoint>,
        now: Timestamp,
    ) -> Result<Option<Attachment>, Refusal> {
        let (Some(draft), Some(id)) = (&self.webhook, &self.registration.webhook) else {
            return Ok(None);
        };
        let known = webhooks.iter().position(|known| known.id == *id);
        let known = known.map(|at| webhooks.remove(at));
        if MAX_WEBHOOKS < next.webhooks.len() {
            let why = format!("a job has at most {MAX_WEBHOOKS} webhooks");
            return Err(Refusal::Conflict(why));
        }
        let application = job.application.clone();
        let scope = EndpointScope::Job(job.id.clone());
        let mut draft = draft.clone();
        if known.as_ref().is_none_or(|known| known.secrets.is_empty()) {
            webhooks::inherit_secret(control, &mut draft, &application).await?;
        }
        let endpoint =
            webhooks::prepare(control, draft, known, id.clone(), application, scope, now);
        let mut endpoint = endpoint.map_err(|refusal| refusal.within("webhook"))?;
        if let Some(server) = &self.source.options.status_redis {
            endpoint.metadata.insert(STATUS_REDIS.to_owned(), server.clone());
        }
        // A webhook that is registered again has been told of these events.
        let missed = match job.webhooks.contains(id) {
            true => Some(Vec::new()),
            false => missed(control, job, &endpoint, now).await?,
        };
        Ok(Some(Attachment { endpoint, missed }))
    }
}

/// Deliveries to a new webhook of the events that were announced before it was there; `None` if one of
/// them is not recorded yet.
async fn missed(
    control: &ControlPlane,
    job: &Job,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Option<Vec<Delivery>>, Refusal> {
    let mut events = control.table().events_of(&job.announced).await?;
    let is_there = |id: &EventId| events.iter().any(|event| event.id == *id);
    if job.announced.iter().any(|id| !is_there(id) && job.is_in_hand(id, now)) {
        // A worker that knows nothing of this webhook is about to record the event.
        return Ok(None);
    }
    events.retain(|event| endpoint.wants(event));
    // Only a filter looks at the payload.
    let payload = |event: &Event| {
        let payload = event.payload.clone();
        async move {
            match endpoint.filter {
                Some(_) => control.bucket().open(payload).await,
                None => Ok(Vec::new()),
            }
        }
    };
    let payloads = try_join_all(events.iter().map(payload)).await?;
    let deliveries = events.iter().zip(&payloads);
    let to = |(event, payload): (_, &Vec<u8>)| Delivery::fan_out(event, payload, [endpoint], now);
    Ok(Some(deliveries.flat_map(to).collect()))
}
