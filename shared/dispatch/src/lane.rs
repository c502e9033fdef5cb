//! Attempts of deliveries, in their lanes one after the other: a worker whose delivery has ended goes on
//! with the next one of the lane at once. After [`AT_MOST`] deliveries or [`PATIENCE`] it rings a
//! doorbell instead, because Lambda stops a function that keeps calling itself.

use std::time::Duration;

use adapters::Unavailable;
use domain::{
    delivery::{Delivery, DeliveryState, MAX_HOPS},
    id::{DeliveryId, EventId},
    lane::LanePlace,
};
use tokio::time::Instant;
use tracing::warn;

use crate::{
    context::CallContext,
    outcome::{AttemptOutcome, AttemptReason},
};

/// Deliveries of a lane that one bell may attempt.
const AT_MOST: usize = 50;
/// How long it may go on beginning attempts; the function has longer than this and one more attempt.
const PATIENCE: Duration = Duration::from_secs(20);

impl CallContext {
    /// Attempts a delivery once, if it can be attempted now. `manual` says that a person asked for it:
    /// the attempt waits neither for the endpoint's rate nor for its circuit.
    ///
    /// # Errors
    /// Fails if AWS does. The delivery is due then, and attempted again.
    pub async fn attempt(
        &self,
        event: &EventId,
        id: &DeliveryId,
        manual: bool,
    ) -> Result<AttemptOutcome, Unavailable> {
        self.attempt_within(event, id, manual, None).await
    }

    /// Attempts a delivery because of a doorbell, which is number `hops` of a chain where each attempt
    /// rang for the next one.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub async fn attempt_rung(
        &self,
        event: &EventId,
        id: &DeliveryId,
        hops: u8,
    ) -> Result<AttemptOutcome, Unavailable> {
        self.take_all(event, id, AttemptReason { hops, ..AttemptReason::default() }).await
    }

    /// Attempts a delivery while a caller waits: the call takes no longer than `limit`, or than the
    /// endpoint's policy allows, whichever is less.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub async fn attempt_within(
        &self,
        event: &EventId,
        id: &DeliveryId,
        manual: bool,
        limit: Option<Duration>,
    ) -> Result<AttemptOutcome, Unavailable> {
        self.take_all(event, id, AttemptReason { manual, limit, hops: 0 }).await
    }

    /// Attempts a delivery, and if it was the first of its lane and has ended, those behind it.
    async fn take_all(
        &self,
        event: &EventId,
        id: &DeliveryId,
        asked: AttemptReason,
    ) -> Result<AttemptOutcome, Unavailable> {
        let first = Box::pin(self.take(event, id, asked)).await?;
        self.go_on_with_lane(&first, asked).await?;
        Ok(first)
    }

    /// Attempts the deliveries behind one that has ended, if it was in a lane.
    ///
    /// # Errors
    /// Fails if the lane cannot be read, or its next doorbell cannot be rung.
    pub(crate) async fn go_on_with_lane(
        &self,
        first: &AttemptOutcome,
        asked: AttemptReason,
    ) -> Result<(), Unavailable> {
        let until = Instant::now() + PATIENCE;
        let mut lane = ended(first).map(|place| place.lane.clone());
        for turn in 1.. {
            let Some(here) = lane.take() else { break };
            let Some(next) = self.context.table.head(&here).await? else { break };
            if turn == AT_MOST || until < Instant::now() {
                self.pass_on(&next.event, &next.delivery, asked.hops).await?;
                break;
            }
            // What cannot be attempted is due. Nobody's failure here is the first one's.
            match Box::pin(self.take(&next.event, &next.delivery, asked)).await {
                Ok(attempted) => lane = ended(&attempted).map(|place| place.lane.clone()),
                Err(error) => warn!(%error, "a lane stands still; the sweep will go on"),
            }
        }
        Ok(())
    }

    async fn pass_on(&self, event: &EventId, id: &DeliveryId, hops: u8) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        if MAX_HOPS <= hops {
            return self.context.table.hasten(event, id, now).await;
        }
        let Some(delivery) = self.context.table.delivery(event, id).await? else { return Ok(()) };
        self.context.outbox.ring_again(&delivery, hops, now).await
    }
}

/// The place of a delivery that has ended, if it had one.
fn ended(attempted: &AttemptOutcome) -> Option<&LanePlace> {
    let (AttemptOutcome::Called(delivery) | AttemptOutcome::Ended(delivery)) = attempted else {
        return None;
    };
    let Delivery { lane, state, .. } = &**delivery;
    lane.as_ref().filter(|_| *state != DeliveryState::Pending)
}
