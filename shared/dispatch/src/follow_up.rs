//! Consequences of a delivery that was concluded: doorbells, the dashboard of the endpoint's system, and
//! the letters that waited for the endpoint.
//!
//! Everything that is rung for here is due, so a doorbell that is lost costs time only: the sweep rings
//! again.

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::AttemptContext,
};
use domain::{
    delivery::{Delivery, DeliveryState},
    outgoing::{DeliveryResult, STATUS_REDIS},
    task::Task,
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{
    context::{CallContext, Context},
    status,
};

/// Tries to note that an endpoint answers. Whatever is refused more often is found by the next probe.
const TRIES: u32 = 5;

impl CallContext {
    /// Tells the dashboard of the endpoint's system how a delivery ended, where it has one.
    pub(crate) async fn tell_dashboard(
        &self,
        delivery: &Delivery,
        context: &AttemptContext,
        at: Timestamp,
    ) {
        let (Some(event), Some(endpoint)) = (&context.event, &context.endpoint) else { return };
        let Some(server) = endpoint.metadata.get(STATUS_REDIS) else { return };
        if !matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Dead) {
            return;
        }
        let delivered = delivery.state == DeliveryState::Delivered;
        let ended = DeliveryResult { url: &endpoint.url, delivered, attempts: delivery.made, at };
        match self.context.bucket.open(event.payload.clone()).await {
            Ok(payload) => status::tell(&self.caller, server, &payload, ended).await,
            Err(error) => warn!(%error, "a dashboard was not told how a delivery ended"),
        }
    }

    /// Rings for what follows from the state of a delivery.
    pub(crate) async fn follow_up(&self, delivery: &Delivery, context: &AttemptContext) {
        let rung = match delivery.state {
            DeliveryState::Dead => {
                info!(delivery = %delivery.id, endpoint = %delivery.endpoint, attempts = delivery.made, "a delivery is spent");
                self.dead_letters.park([delivery]).await
            }
            DeliveryState::Delivered => self.recovered(context).await,
            // One that is pending was rung for when it was put off.
            DeliveryState::Pending | DeliveryState::Cancelled => Ok(()),
        };
        if delivery.letter.is_some()
            && matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Cancelled)
            && let Err(error) = self
                .context
                .table
                .let_event_go(&delivery.event, None, self.context.clock.now())
                .await
        {
            warn!(%error, event = %delivery.event, "an event stays longer than it must");
        }
        if let Err(error) = rung {
            warn!(%error, delivery = %delivery.id, "what follows was not rung for; the sweep will");
        }
    }

    /// The endpoint answers: whatever waits for that may come.
    async fn recovered(&self, context: &AttemptContext) -> Result<(), Unavailable> {
        let Some(task) = &context.recovery else { return Ok(()) };
        if task.is_answering() {
            return Ok(());
        }
        self.context.note_answering(task).await?;
        self.dead_letters.task(&task.id).await
    }
}

impl Context {
    /// Notes that the endpoint of a recovery answers: its letters go back from now on. A step of the
    /// recovery, or a letter that is parked, may change the task at the same time.
    ///
    /// # Errors
    /// Fails if DynamoDB does.
    pub async fn note_answering(&self, task: &Task) -> Result<(), Unavailable> {
        let read = || self.table.task(&task.id);
        contested::rewrite_or(TRIES, (), Some(task.clone()), read, |task| async move {
            let Some(task) = task.filter(|task| !task.is_answering()) else {
                return Ok(TryOutcome::Settled(()));
            };
            Ok(self.table.note_answering(&task, self.clock.now()).await?.settles(()))
        })
        .await
    }
}
