//! A claimed delivery whose endpoint is not called: it ends, or is released until later.

use adapters::{
    Unavailable,
    table::{AttemptContext, ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::DeliveryState,
    endpoint::Endpoint,
    retry::{ErrorClass, Policy},
    time::Timestamp,
};

use crate::{context::CallContext, outcome::AttemptOutcome, record};

impl CallContext {
    /// Ends a delivery whose content is gone: there is nothing left to send, now or later.
    pub(crate) async fn forgo(
        &self,
        mut claimed: ClaimedDelivery,
        endpoint: &Endpoint,
    ) -> Result<AttemptOutcome, Unavailable> {
        let (now, why) = (self.context.clock.now(), ErrorClass::Expunged);
        let detail = "the content of the message is gone";
        claimed.delivery.note(record::note(&claimed.delivery, endpoint, why, detail, now));
        claimed.delivery.state = DeliveryState::Cancelled;
        self.end(&claimed, &endpoint.policy).await
    }

    /// Ends a delivery whose endpoint is not called. Not an attempt: the budget is untouched.
    pub(crate) async fn park(
        &self,
        mut claimed: ClaimedDelivery,
        endpoint: &Endpoint,
        why: ErrorClass,
        detail: &str,
    ) -> Result<AttemptOutcome, Unavailable> {
        let now = self.context.clock.now();
        claimed.delivery.note(record::note(&claimed.delivery, endpoint, why, detail, now));
        claimed.delivery.state = DeliveryState::Dead;
        self.end(&claimed, &endpoint.policy).await
    }

    /// Lets a delivery go whose place in its endpoint's row is not near.
    pub(crate) async fn come_back(
        &self,
        mut claimed: ClaimedDelivery,
        endpoint: &Endpoint,
        at: Timestamp,
        hops: u8,
    ) -> Result<AttemptOutcome, Unavailable> {
        claimed.delivery.next_at = at;
        Ok(match self.put_off(&claimed, &endpoint.policy, hops).await? {
            ConcludeOutcome::Done => AttemptOutcome::Early(at),
            ConcludeOutcome::Stale => AttemptOutcome::Stale,
        })
    }

    /// Ends a delivery without a call.
    pub(crate) async fn end(
        &self,
        claimed: &ClaimedDelivery,
        policy: &Policy,
    ) -> Result<AttemptOutcome, Unavailable> {
        let dead = claimed.delivery.state == DeliveryState::Dead;
        let due = dead.then(|| self.context.clock.now());
        if self.context.table.conclude(claimed, policy, due).await? == ConcludeOutcome::Stale {
            return Ok(AttemptOutcome::Stale);
        }
        self.context.note_end(&claimed.delivery, None, self.context.clock.now()).await;
        self.follow_up(&claimed.delivery, &AttemptContext::default()).await;
        Ok(AttemptOutcome::Ended(Box::new(claimed.delivery.clone())))
    }
}
