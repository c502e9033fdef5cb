//! The lateness with which a round found what is due.

use std::time::Duration;

use adapters::{
    metrics::Unit,
    table::{DueItem, DueSubject},
};
use domain::{delivery::DeliveryState, time::Timestamp};

/// The lateness of the items that a round finds due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// The time since the longest overdue item was due. The sweep puts off what it rings for, so that this
    /// time is long if the sweep itself is late.
    pub(crate) due: Duration,
    /// The time since the longest waiting delivery could have been attempted. Ringing does not change it, so
    /// that it is long if nobody attempts deliveries.
    pub(crate) waiting: Duration,
}

impl Lateness {
    pub(crate) fn of(due: &[DueItem], now: Timestamp) -> Self {
        let first = due.first().map(|oldest| now.since(Timestamp(oldest.at())));
        let free = due.iter().filter(|due| due.held_until(now).is_none());
        let waits = free.filter_map(|due| match &due.what {
            // One that is due at a gate has waited for its endpoint.
            DueSubject::Delivery(delivery)
                if delivery.state == DeliveryState::Pending && delivery.at_gate.is_none() =>
            {
                Some(now.since(delivery.next_at))
            }
            _ => None,
        });
        Self { due: first.unwrap_or_default(), waiting: waits.max().unwrap_or_default() }
    }

    pub(crate) fn max(self, other: Self) -> Self {
        Self { due: self.due.max(other.due), waiting: self.waiting.max(other.waiting) }
    }

    /// The metrics of what is late. What is not late makes none, because CloudWatch bills a metric for each
    /// hour in which it is emitted.
    pub(crate) fn metrics(self) -> Vec<(&'static str, Unit, f64)> {
        let mut metrics = vec![
            ("due_lag_seconds", Unit::Seconds, self.due.as_secs_f64()),
            ("oldest_waiting_seconds", Unit::Seconds, self.waiting.as_secs_f64()),
        ];
        metrics.retain(|(.., seconds)| *seconds != 0.0);
        metrics
    }
}
