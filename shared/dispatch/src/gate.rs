//! Coming to an endpoint's gate and leaving it: a delivery that meets an open circuit waits there, without
//! an attempt spent and without being rung for.
//!
//! | the process dies after | then |
//! |---|---|
//! | the delivery is claimed | the claim ends, and the sweep rings |
//! | the gate is written, before the delivery waits at it | as above; a gate at which nothing waits is removed |
//! | the delivery waits | the gate is due, and lets it through |
//! | the delivery's entry is removed, before its call | the claim ends, and the sweep rings |
//! | the circuit is closed, before the gate is rung for | the gate is due when the probe's lease has ended |

use std::time::Duration;

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::{AttemptContext, ClaimedDelivery, ConcludeOutcome, WriteOutcome},
};
use domain::{
    endpoint::Endpoint, gate::Gate, health::Admission, id::EndpointId, retry::ErrorClass,
    time::Timestamp,
};
use tracing::warn;

use crate::{
    context::CallContext,
    outcome::{AttemptOutcome, AttemptReason},
};

/// Tries to put up a gate while other workers do.
const TRIES: u32 = 8;

impl CallContext {
    /// The end of the opening of a circuit that keeps a delivery back; `None` if the delivery goes on, to be
    /// called or to end without a call.
    pub(crate) fn shut_until(
        &self,
        context: &AttemptContext,
        asked: AttemptReason,
    ) -> Option<Timestamp> {
        let now = self.context.clock.now();
        let endpoint = context.endpoint.as_ref()?;
        let goes = endpoint.disabled.is_some() || endpoint.listener().is_some();
        let ends = context.event.as_ref().is_none_or(|event| event.is_expunged(now));
        match context.health.admit(asked.manual, now) {
            Admission::Defer(until) if !goes && !ends => Some(until),
            _ => None,
        }
    }

    /// Has a delivery wait at the gate of its endpoint, whose circuit is open until `until`. The gate is
    /// there before the delivery waits, and stays while anything may.
    pub(crate) async fn wait_at_gate(
        &self,
        mut claimed: ClaimedDelivery,
        endpoint: &Endpoint,
        until: Timestamp,
    ) -> Result<AttemptOutcome, Unavailable> {
        if !claimed.delivery.may_wait(until) {
            self.leave_gate(&mut claimed).await?;
            let why = ErrorClass::CircuitOpen;
            let detail = "calls to the endpoint stay stopped: it keeps failing";
            return self.park(claimed, endpoint, why, detail).await;
        }
        self.put_up_gate(&claimed, until).await?;
        let due = claimed.delivery.waits_at_most_until(self.context.clock.now());
        let table = &self.context.table;
        Ok(match table.wait_at_gate(&claimed, &endpoint.policy, until, due).await? {
            ConcludeOutcome::Done => AttemptOutcome::Early(until),
            ConcludeOutcome::Stale => AttemptOutcome::Stale,
        })
    }

    /// Makes sure that there is a gate which is looked after when the circuit may be probed. Most of those
    /// who come find it as it should be, and write nothing. One at which nothing was found to wait is written
    /// over: it would be removed otherwise, before this delivery waits there.
    async fn put_up_gate(
        &self,
        claimed: &ClaimedDelivery,
        until: Timestamp,
    ) -> Result<(), Unavailable> {
        let (table, delivery) = (&self.context.table, &claimed.delivery);
        contested::write(TRIES, || async {
            let (gate, due) = match table.gate(&delivery.endpoint).await? {
                Some((gate, due)) if due <= until && gate.empty_since.is_none() => {
                    return Ok(TryOutcome::Settled(()));
                }
                Some((gate, due)) => (Gate { empty_since: None, ..gate }, due.min(until)),
                None => (Gate::before(delivery), until),
            };
            Ok(table.keep_gate(&gate, due).await?.settles(()))
        })
        .await
    }

    /// Takes a claimed delivery off the gate, if it waited there.
    pub(crate) async fn leave_gate(
        &self,
        claimed: &mut ClaimedDelivery,
    ) -> Result<(), Unavailable> {
        self.context.table.leave_gate(&claimed.delivery).await?;
        claimed.delivery.at_gate = None;
        Ok(())
    }

    /// Has the gate of an endpoint looked after at once: its circuit has closed, or the endpoint was
    /// changed. The gate is due anyway, so that a failure costs time only.
    pub async fn look_after_gate(&self, endpoint: &EndpointId) {
        let now = self.context.clock.now();
        let rung = match self.context.table.draw_gate(endpoint, now).await {
            Ok(WriteOutcome::Done) => self.dead_letters.gate(endpoint, 0, &[Duration::ZERO]).await,
            Ok(WriteOutcome::Refused) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = rung {
            warn!(%error, %endpoint, "a gate was not rung for; the sweep will");
        }
    }
}
