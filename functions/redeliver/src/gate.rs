//! Steps of gates: the gate of an endpoint whose circuit is open lets one delivery through as the probe;
//! when the circuit has closed, it lets through all that wait, in order and at a rate.
//!
//! A gate is due as long as it is there. A step of a release takes a lease first and rings for the next steps
//! by a fan of bells, as that of a task does; the sweep rings if no step was done for a minute. Of two
//! workers that read the same version one does the step. A step that is repeated after a crash rings for the
//! same deliveries again; who was called in between is not found waiting.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{GateContext, GatedDelivery, WriteOutcome},
};
use domain::{
    delivery::Delivery,
    gate::{Gate, Passage},
    id::EndpointId,
    retry::Policy,
    task::Cadence,
    time::Timestamp,
};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::Redeliver;

/// Entries read at a time, together with their deliveries.
const PAGE: usize = 250;
/// The time for which a step goes on reading. The function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

impl Redeliver {
    /// Looks after the gate of an endpoint, if the bell of so many `hops` asks for that.
    pub(crate) async fn gate(&self, endpoint: &EndpointId, hops: u8) -> Result<(), Unavailable> {
        let Some((gate, _)) = self.context.table.gate(endpoint).await? else { return Ok(()) };
        let now = self.context.clock.now();
        if !gate.hears(hops, now) {
            return Ok(());
        }
        let context = self.context.table.gate_context(&gate).await?;
        let GateContext { endpoint, health, application_rate } = &context;
        match Passage::of(endpoint.as_ref(), *application_rate, health, now) {
            Passage::Shut(until) => self.shut(gate, until).await,
            Passage::Probe => {
                let policy = context.endpoint.map(|endpoint| endpoint.policy).unwrap_or_default();
                self.probe(gate, &policy).await
            }
            Passage::Free(rate) => self.release(gate, rate, hops).await,
        }
    }

    /// Lets nothing through until then.
    async fn shut(&self, mut gate: Gate, until: Timestamp) -> Result<(), Unavailable> {
        gate.shut();
        // Refused: another worker was faster, or the gate is due earlier.
        self.context.table.keep_gate(&gate, until).await.map(WriteOutcome::either_way)
    }

    /// Lets one delivery through, the one that has waited longest. The gate is due again before the probe is
    /// rung for: a crash in between costs a wait, and a second worker rings for none.
    async fn probe(&self, mut gate: Gate, policy: &Policy) -> Result<(), Unavailable> {
        let Some(first) = self.first_at_gate(&gate).await? else {
            return self.find_nothing(gate).await;
        };
        let now = self.context.clock.now();
        gate.shut();
        let again = Gate::after_probe(Delivery::lease(policy), now);
        if self.context.table.keep_gate(&gate, again).await? == WriteOutcome::Refused {
            return Ok(());
        }
        info!(endpoint = %gate.endpoint, delivery = %first.delivery, "a gate lets a probe through");
        self.context.outbox.let_through(&gate.endpoint, &[(first, Duration::ZERO)]).await
    }

    /// The delivery that has waited longest at a gate. Entries that were left behind are removed on the way.
    async fn first_at_gate(&self, gate: &Gate) -> Result<Option<GatedDelivery>, Unavailable> {
        let (table, mut size) = (&self.context.table, 1);
        let mut cursor = None;
        loop {
            let page = table.at_gate(&gate.endpoint, cursor.as_deref(), size).await?;
            let still = table.still_at_gate(page.items, &gate.endpoint).await?;
            if let Some(first) = still.into_iter().next() {
                return Ok(Some(first));
            }
            if page.next.is_none() {
                return Ok(None);
            }
            (cursor, size) = (page.next, PAGE);
        }
    }

    /// Lets through what waits, as far as a step reaches.
    async fn release(&self, gate: Gate, rate: u32, hops: u8) -> Result<(), Unavailable> {
        let (table, now) = (&self.context.table, self.context.clock.now());
        let (leased, until) = gate.leased(now);
        if table.keep_gate(&leased, until).await? == WriteOutcome::Refused {
            return Ok(());
        }
        // Every write of the step ends the lease.
        let mut gate = Gate { version: gate.version + 1, ..gate };
        let begins = gate.cadence.is_none();
        let (more, count) = self.let_through(&mut gate, rate, now).await?;
        if more {
            return self.go_on_releasing(gate, hops).await;
        }
        if begins && count == 0 {
            return self.find_nothing(gate).await;
        }
        info!(endpoint = %gate.endpoint, "what waited at a gate is on its way");
        let look = gate.end_walk(now);
        table.keep_gate(&gate, look).await.map(WriteOutcome::either_way)
    }

    /// Rings for what waits behind the gate's place, each at its own time; whether there may be more, and
    /// for how many it rang.
    async fn let_through(
        &self,
        gate: &mut Gate,
        rate: u32,
        now: Timestamp,
    ) -> Result<(bool, usize), Unavailable> {
        let (table, patience) = (&self.context.table, Instant::now() + PATIENCE);
        let mut places = gate.places(rate, now);
        let (mut more, mut count) = (true, 0);
        while more && !places.are_taken() && Instant::now() < patience {
            let page = table.at_gate(&gate.endpoint, gate.cursor.as_deref(), PAGE).await?;
            let still = table.still_at_gate(page.items, &gate.endpoint).await?;
            let (mut bells, all) = (Vec::new(), still.len());
            for entry in still {
                let Some(at) = places.take() else { break };
                gate.cursor = Some(entry.place.clone());
                bells.push((entry, at.since(now)));
            }
            let whole = bells.len() == all;
            more = page.next.is_some() || !whole;
            gate.cursor = page.next.filter(|_| whole).or(gate.cursor.take());
            count += bells.len();
            self.context.outbox.let_through(&gate.endpoint, &bells).await?;
        }
        // A look that finds nothing leaves the gate as it was.
        if count != 0 || gate.cadence.is_some() {
            gate.keep_place(&places, now);
        }
        Ok((more, count))
    }

    /// Writes a gate whose release goes on, and rings for its next steps unless their bells are on their way.
    async fn go_on_releasing(&self, mut gate: Gate, hops: u8) -> Result<(), Unavailable> {
        let now = self.context.clock.now();
        let cadence = gate.cadence.get_or_insert(Cadence::begun(now));
        let bells = cadence.fan(hops, now);
        let (due, hops) = (cadence.due(now), cadence.hops);
        if self.context.table.keep_gate(&gate, due).await? == WriteOutcome::Refused {
            // It is due, and the step is done again.
            return Ok(());
        }
        if let Err(error) = self.dead_letters.gate(&gate.endpoint, hops, &bells).await {
            warn!(%error, endpoint = %gate.endpoint, "the next steps of a gate were not rung for; the sweep will");
        }
        Ok(())
    }

    /// Notes that nothing waits at a gate, and removes a gate at which nothing has waited for long.
    async fn find_nothing(&self, mut gate: Gate) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let written = match gate.find_nothing(self.context.clock.now()) {
            Some(look) => table.keep_gate(&gate, look).await?,
            None => table.remove_gate(&gate).await?,
        };
        // Refused: somebody came to the gate, and had it looked after.
        written.either_way();
        Ok(())
    }
}
