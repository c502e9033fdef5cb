//! Many deliveries that wait at an endpoint's gate, as they come there, without the calls that opened the
//! circuit.

use std::time::Duration;

use adapters::table::{ClaimOutcome, ConcludeOutcome, WriteOutcome};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    gate::Gate,
    health::{Circuit, Health},
    time::Timestamp,
};
use futures::{StreamExt, stream};

use crate::{cloud::Cloud, letters};

/// Deliveries that are brought to the gate at the same time.
const AT_ONCE: usize = 8;

impl Cloud {
    /// Opens the circuit of an endpoint for so long.
    pub async fn open_circuit(&self, endpoint: &Endpoint, time: Duration) -> Timestamp {
        let (table, now) = (self.sound_table(), self.clock.now());
        let known = table.health(&endpoint.id).await.expect("read").unwrap_or_default();
        let until = now.plus(time);
        let open = Health {
            circuit: Circuit::Open { until },
            failures: 5,
            opened: 1,
            attempts: 5,
            failing_since: Some(now),
            changed_at: now,
            ..known.clone()
        };
        let kept = table.keep_health(&endpoint.id, known.version, &open, now).await;
        assert_eq!(kept.expect("kept"), WriteOutcome::Done);
        until
    }

    /// Has so many deliveries wait at the gate of an endpoint whose circuit is open until then. Their events
    /// were recorded a millisecond apart, up to now.
    pub async fn gather_at_gate(
        &self,
        endpoint: &Endpoint,
        count: u64,
        until: Timestamp,
    ) -> Vec<Delivery> {
        let (table, now) = (self.sound_table(), self.clock.now());
        let bring = |n: u64| {
            let table = table.clone();
            async move {
                let at = Timestamp(now.0 - count + n);
                let name = format!("gated {} {} {n}", endpoint.id, now.0);
                let event = letters::event(endpoint, &name, at);
                let delivery = Delivery::new(&event, endpoint, 0, at);
                letters::record(&table, &event, std::slice::from_ref(&delivery)).await;
                if n == 0 && table.gate(&endpoint.id).await.expect("read").is_none() {
                    let kept = table.keep_gate(&Gate::before(&delivery), until).await;
                    assert_eq!(kept.expect("kept"), WriteOutcome::Done);
                }
                let claim = table.claim(&event.id, &delivery.id, "worker", now).await;
                let Ok(ClaimOutcome::Taken(claimed)) = claim else { panic!("{claim:?}") };
                let due = delivery.waits_at_most_until(now);
                let waits = table.wait_at_gate(&claimed, &endpoint.policy, until, due).await;
                assert_eq!(waits.expect("waits"), ConcludeOutcome::Done);
                delivery
            }
        };
        stream::iter(0..count).map(bring).buffered(AT_ONCE).collect().await
    }

    /// The number of deliveries that wait at the gate of an endpoint.
    pub async fn count_at_gate(&self, endpoint: &Endpoint) -> usize {
        let table = self.sound_table();
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = table.at_gate(&endpoint.id, cursor.as_deref(), 1000).await.expect("read");
            count += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                return count;
            }
        }
    }
}
