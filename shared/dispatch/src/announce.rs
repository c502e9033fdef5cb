//! Recording an event with its deliveries, then ringing for them.

use adapters::{
    Unavailable,
    bells::Outbox,
    clock::Clock,
    table::{Recorded, Recording, Table},
};
use domain::{
    batch::Marker,
    delivery::Delivery,
    endpoint::Endpoint,
    event::{Event, Outcome},
    job::Job,
};
use tracing::warn;

/// Announces events.
#[derive(Clone, Debug)]
pub struct Announcer {
    /// Where everything is kept.
    pub table: Table,
    /// How deliveries are rung for.
    pub outbox: Outbox,
    /// What time it is.
    pub clock: Clock,
}

/// What is to be announced.
#[derive(Clone, Copy, Debug)]
pub struct Announcement<'a> {
    /// The event.
    pub event: &'a Event,
    /// What subscribers receive, as it is before it may be carried elsewhere.
    pub payload: &'a [u8],
    /// The job as it becomes.
    pub job: Option<&'a Job>,
    /// What that means for its batch.
    pub marker: Option<&'a Marker>,
    /// Whoever may want to hear of it.
    pub endpoints: &'a [Endpoint],
}

impl Announcer {
    /// Records an event, its job and a delivery to every endpoint that wants it in one step, then
    /// rings. A crash in between leaves deliveries that are due, for which the sweep rings.
    pub async fn announce(&self, announcement: &Announcement<'_>) -> Result<Recorded, Unavailable> {
        let now = self.clock.now();
        let Announcement { event, payload, job, marker, endpoints } = *announcement;
        let deliveries = match event.outcome {
            Outcome::Announced => Delivery::fan_out(event, payload, endpoints, now),
            Outcome::Noted | Outcome::Stale | Outcome::Conflict => Vec::new(),
        };
        let recording =
            Recording { event, job, marker, deliveries: &deliveries, endpoints, callee: None };
        let recorded = self.table.record(&recording).await?;
        if recorded == Recorded::New {
            self.ring(&deliveries).await;
        }
        Ok(recorded)
    }

    /// Rings once more for deliveries that nobody has attempted: what a crash may have left undone.
    pub async fn heal(&self, event: &Event) -> Result<(), Unavailable> {
        let mut deliveries = self.table.deliveries_of(&event.id).await?;
        deliveries.retain(|delivery| {
            delivery.made == 0 && delivery.state == domain::delivery::State::Pending
        });
        self.ring(&deliveries).await;
        Ok(())
    }

    /// A bell that is not heard is no failure: everything rung for is also due.
    pub async fn ring(&self, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        if let Err(error) = self.outbox.ring(deliveries, self.clock.now()).await {
            warn!(%error, "bells were not rung; the sweep will");
        }
    }
}
