//! Putting off: a claimed delivery is let go until its next attempt, and something stands for it meanwhile.
//!
//! | the attempt is | what stands for the delivery |
//! |---|---|
//! | within the longest delay of a message | a bell, which SQS keeps until somebody deletes it |
//! | later | an entry for that time, for which the sweep rings |
//! | neither could be written, or the chain of bells is long | the delivery is due, and the sweep rings |
//!
//! The bell or the entry comes first, then the delivery is written. If the process dies in between, the bell
//! finds the delivery held, and whoever deletes it leaves the delivery due; an entry rings in vain.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::{Delivery, GRACE, MAX_HOPS, MAX_QUEUE_DELAY},
    retry::Policy,
};
use tracing::warn;

use crate::context::CallContext;

/// Shortest delay of a bell that is rung before its delivery is written: the write is done by then, and the
/// bell does not find the delivery held.
const WRITTEN: Duration = Duration::from_secs(3);
/// Shortest time between the write of an entry and its own time. The sweep rings up to
/// [`LATER_AHEAD`](domain::delivery::LATER_AHEAD) before that, by a clock that may be ahead of this one.
const IN_TIME: Duration = Duration::from_secs(300);

impl CallContext {
    /// Writes a claimed delivery that is to be attempted at its `next_at`, gives up the claim, and sees to it
    /// that somebody comes then. The bell that brought the delivery here was number `hops` of a chain.
    pub(crate) async fn put_off(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
        hops: u8,
    ) -> Result<ConcludeOutcome, Unavailable> {
        let (table, clock, delivery) =
            (&self.context.table, &self.context.clock, &claimed.delivery);
        let now = clock.now();
        let wait = delivery.next_at.since(now);
        if MAX_QUEUE_DELAY < wait {
            match table.enter_later(delivery).await {
                Ok(()) if IN_TIME < delivery.next_at.since(clock.now()) => {
                    return table.conclude(claimed, policy, None).await;
                }
                Ok(()) => (),
                Err(error) => {
                    warn!(%error, delivery = %delivery.id, "a later attempt was not entered; it is due");
                }
            }
        } else if WRITTEN <= wait && hops < MAX_HOPS && !claimed.is_due() {
            match self.context.outbox.ring_again(delivery, hops, now).await {
                Ok(()) => {
                    return table
                        .conclude_rung(claimed, policy, delivery.next_at.plus(GRACE))
                        .await;
                }
                Err(error) => {
                    warn!(%error, delivery = %delivery.id, "an attempt was not rung for; it is due");
                    return table.conclude(claimed, policy, Some(delivery.next_at)).await;
                }
            }
        }
        let due = Delivery::due_after(hops, now, delivery.next_at);
        let concluded = table.conclude(claimed, policy, Some(due)).await?;
        if concluded == ConcludeOutcome::Done
            && let Err(error) = self.context.outbox.ring_again(delivery, hops, now).await
        {
            warn!(%error, delivery = %delivery.id, "an attempt was not rung for; the sweep will");
        }
        Ok(concluded)
    }
}
