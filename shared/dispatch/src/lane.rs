//! One after the other: who is not next in its lane waits, and whoever has ended goes on with the next
//! at once. Only after many, or after a while, a bell is rung instead: a lane that is long must not be
//! a chain of a function that keeps calling itself.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::{Delivery, DeliveryState, MAX_HOPS},
    endpoint::Endpoint,
    id::{DeliveryId, EventId},
    lane::LanePlace,
};
use tokio::time::Instant;
use tracing::warn;

use crate::attempt::{AttemptReason, Attempted, Attempts};

/// Deliveries of a lane that one bell may attempt.
const AT_MOST: usize = 50;
/// How long it may go on beginning attempts; the function has longer than this and one more attempt.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a delivery waits for its turn until it looks for itself. Whoever ends before it rings.
const TURN: Duration = Duration::from_secs(300);

impl Attempts {
    /// Attempts a delivery, and if it was the first of its lane and has ended, those behind it.
    pub(crate) async fn take_all(
        &self,
        event: &EventId,
        id: &DeliveryId,
        asked: AttemptReason,
    ) -> Result<Attempted, Unavailable> {
        let until = Instant::now() + PATIENCE;
        let first = self.take(event, id, asked).await?;
        let mut lane = ended(&first).map(|place| place.lane.clone());
        for turn in 1.. {
            let Some(here) = lane.take() else { break };
            let Some(next) = self.table.head(&here).await? else { break };
            if turn == AT_MOST || until < Instant::now() {
                self.pass_on(&next.event, &next.delivery, asked.hops).await?;
                break;
            }
            // What cannot be attempted is due. Nobody's failure here is the first one's.
            match self.take(&next.event, &next.delivery, asked).await {
                Ok(attempted) => lane = ended(&attempted).map(|place| place.lane.clone()),
                Err(error) => warn!(%error, "a lane stands still; the sweep will go on"),
            }
        }
        Ok(first)
    }

    async fn pass_on(&self, event: &EventId, id: &DeliveryId, hops: u8) -> Result<(), Unavailable> {
        let now = self.clock.now();
        if MAX_HOPS <= hops {
            return self.table.hasten(event, id, now).await;
        }
        let Some(delivery) = self.table.delivery(event, id).await? else { return Ok(()) };
        self.bells.outbox.ring_again(&delivery, hops, now).await
    }

    /// Whether a delivery is to wait for others of its lane; it is let go then.
    pub(crate) async fn wait_for_turn(
        &self,
        claimed: &ClaimedDelivery,
        endpoint: &Endpoint,
    ) -> Result<Option<Attempted>, Unavailable> {
        let Some(place) = &claimed.delivery.lane else { return Ok(None) };
        let before = self.table.head(&place.lane).await?.filter(|head| head.number < place.number);
        if before.is_none() {
            return Ok(None);
        }
        let at = self.clock.now().plus(TURN);
        let concluded = self.table.conclude(claimed, &endpoint.policy, Some(at)).await?;
        Ok(Some(match concluded {
            ConcludeOutcome::Done => Attempted::Early(at),
            ConcludeOutcome::Stale => Attempted::Stale,
        }))
    }
}

/// The place of a delivery that has ended, if it had one.
fn ended(attempted: &Attempted) -> Option<&LanePlace> {
    let (Attempted::Called(delivery) | Attempted::Ended(delivery)) = attempted else { return None };
    let Delivery { lane, state, .. } = &**delivery;
    lane.as_ref().filter(|_| *state != DeliveryState::Pending)
}
