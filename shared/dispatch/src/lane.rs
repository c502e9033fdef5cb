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

use crate::{
    attempt::{AttemptReason, Attempted},
    context::CallContext,
};

/// Deliveries of a lane that one bell may attempt.
const AT_MOST: usize = 50;
/// How long it may go on beginning attempts; the function has longer than this and one more attempt.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a delivery waits for its turn until the sweep rings for it. Normally the worker that ends
/// the delivery before it goes on with it at once; this is for a worker that died in between.
const TURN: Duration = Duration::from_secs(300);

impl CallContext {
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
            let Some(next) = self.context.table.head(&here).await? else { break };
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
        let now = self.context.clock.now();
        if MAX_HOPS <= hops {
            return self.context.table.hasten(event, id, now).await;
        }
        let Some(delivery) = self.context.table.delivery(event, id).await? else { return Ok(()) };
        self.context.outbox.ring_again(&delivery, hops, now).await
    }

    /// Whether it is a claimed delivery's turn in its lane. A delivery that has to wait is released.
    pub(crate) async fn turn(
        &self,
        claimed: &ClaimedDelivery,
        endpoint: &Endpoint,
    ) -> Result<Turn, Unavailable> {
        let Some(place) = &claimed.delivery.lane else { return Ok(Turn::Here) };
        if !self.waits(place).await? {
            return Ok(Turn::Here);
        }
        self.release(claimed, place, endpoint).await
    }

    /// Whether an earlier delivery of the lane is still pending.
    async fn waits(&self, place: &LanePlace) -> Result<bool, Unavailable> {
        let head = self.context.table.head(&place.lane).await?;
        Ok(head.is_some_and(|head| head.number < place.number))
    }

    /// Releases a delivery that waits for earlier ones, and reads its lane once more. The worker that
    /// ended the delivery before it goes on with this one, but cannot claim it while it is claimed
    /// here. If that happened, nobody else comes before the delivery is due, so it is claimed again.
    pub(crate) async fn release(
        &self,
        claimed: &ClaimedDelivery,
        place: &LanePlace,
        endpoint: &Endpoint,
    ) -> Result<Turn, Unavailable> {
        let at = self.context.clock.now().plus(TURN);
        let concluded = self.context.table.conclude(claimed, &endpoint.policy, Some(at)).await?;
        if concluded == ConcludeOutcome::Stale {
            return Ok(Turn::Waits(Attempted::Stale));
        }
        Ok(if self.waits(place).await? { Turn::Waits(Attempted::Early(at)) } else { Turn::Missed })
    }
}

/// Whether it is a claimed delivery's turn in its lane.
#[derive(Debug)]
pub(crate) enum Turn {
    /// No earlier delivery of its lane is pending, or it has no lane.
    Here,
    /// Earlier deliveries of its lane are pending; the delivery was released.
    Waits(Attempted),
    /// The delivery was released, and the last of the earlier ones ended before that: it has to be
    /// claimed again.
    Missed,
}

/// The place of a delivery that has ended, if it had one.
fn ended(attempted: &Attempted) -> Option<&LanePlace> {
    let (Attempted::Called(delivery) | Attempted::Ended(delivery)) = attempted else { return None };
    let Delivery { lane, state, .. } = &**delivery;
    lane.as_ref().filter(|_| *state != DeliveryState::Pending)
}
