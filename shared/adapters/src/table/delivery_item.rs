//! The item of a delivery, and the conditions on its state.

use std::time::Duration;

use domain::{
    delivery::{Delivery, DeliveryState},
    id::{DeliveryId, EndpointId, EventId},
    letter::LATEST_PARKING,
    time::Timestamp,
};

use super::{
    Table,
    row::{Condition, Row, n, s},
};

pub(super) const PREFIX: &str = "DLV#";

/// The partition of an event, where its deliveries lie with it.
pub(super) fn event_partition(id: &EventId) -> String {
    format!("EVT#{}", id.bare())
}

pub(super) fn key(event: &EventId, id: &DeliveryId) -> (String, String) {
    (event_partition(event), format!("{PREFIX}{id}"))
}

impl Table {
    /// The item of a delivery. It expires with its event; one that has a dead letter, not before that. Its
    /// place in its endpoint's list is the time of its creation, so that no attempt writes to that index.
    pub(super) fn delivery_row(
        &self,
        delivery: &Delivery,
        lease: Duration,
        due: Option<Timestamp>,
    ) -> Row {
        let (pk, sk) = key(&delivery.event, &delivery.id);
        let last = delivery.attempts.last().map_or(delivery.created_at, |attempt| attempt.at);
        let ended = matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Cancelled);
        let held = !ended && delivery.letter.is_some();
        let spare = if held { LATEST_PARKING } else { Duration::ZERO };
        let expires = Some(self.expiry(last.max(delivery.next_at).plus(spare)));
        Row::new(pk, sk, delivery)
            .with("state", s(delivery.state.word()))
            .with("next_at", n(delivery.next_at.0))
            .with("made", n(delivery.made))
            .with("lease_ms", n(lease.as_millis()))
            .due(delivery.id.as_str(), due)
            .listed(delivery_list(&delivery.endpoint), delivery.created_at, delivery.id.as_str())
            .expires(expires)
    }
}

/// The delivery is in the state it was read in, and nobody attempted it since.
pub(super) fn still(state: DeliveryState, delivery: &Delivery) -> Condition {
    Condition::new("#state = :state AND made = :made")
        .name("#state", "state")
        .value(":state", s(state.word()))
        .value(":made", n(delivery.made))
}

pub(super) fn delivery_list(endpoint: &EndpointId) -> String {
    format!("EP#{endpoint}")
}
