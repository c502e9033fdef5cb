//! Turn of a claimed delivery in its lane: a delivery whose lane has earlier ones that are pending is
//! released.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{ClaimedDelivery, ConcludeOutcome},
};
use domain::{endpoint::Endpoint, lane::LanePlace};

use crate::{context::CallContext, outcome::AttemptOutcome};

/// How long a delivery waits for its turn until the sweep rings for it. Normally the worker that ends
/// the delivery before it goes on with it at once; this is for a worker that died in between.
const TURN: Duration = Duration::from_secs(300);

/// Whether it is a claimed delivery's turn in its lane.
#[derive(Debug)]
pub(crate) enum Turn {
    /// No earlier delivery of its lane is pending, or it has no lane.
    Here,
    /// Earlier deliveries of its lane are pending; the delivery was released.
    Waits(AttemptOutcome),
    /// The delivery was released, and the last of the earlier ones ended before that: it has to be
    /// claimed again.
    Missed,
}

impl CallContext {
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
            return Ok(Turn::Waits(AttemptOutcome::Stale));
        }
        Ok(if self.waits(place).await? {
            Turn::Waits(AttemptOutcome::Early(at))
        } else {
            Turn::Missed
        })
    }
}
