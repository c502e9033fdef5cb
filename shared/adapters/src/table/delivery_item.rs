//! The item of a delivery, and the conditions on its state.

use std::time::Duration;

use domain::{
    delivery::{Delivery, DeliveryState, GRACE},
    id::{DeliveryId, EndpointId, EventId},
    letter::LATEST_PARKING,
    time::Timestamp,
};

use super::{
    Table,
    row::{Condition, Key, Row, n, s},
};

pub(super) const PREFIX: &str = "DLV#";

/// The partition of an event, where its deliveries lie with it.
pub(super) fn event_partition(id: &EventId) -> String {
    format!("EVT#{}", id.bare())
}

/// The key of an event.
pub(super) fn event_key(id: &EventId) -> Key {
    (event_partition(id), "EVT".to_owned())
}

pub(super) fn key(event: &EventId, id: &DeliveryId) -> Key {
    (event_partition(event), format!("{PREFIX}{id}"))
}

impl Table {
    /// The item of a delivery. It expires with its event; one that has a dead letter, not before that.
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
            .listed(delivery_list(&delivery.endpoint), listed_at(delivery), delivery.id.as_str())
            .expires(expires)
    }
}

/// The time that gives a delivery its place in its endpoint's list. It is that of the creation, so that
/// attempts do not write to the index; after a round that ended with the second attempt or a later one, or
/// later than [`GRACE`] after the creation, it is the time of that round's last attempt.
pub(super) fn listed_at(delivery: &Delivery) -> Timestamp {
    let made = match delivery.state {
        // The attempts before this round.
        DeliveryState::Pending => delivery.round_from,
        _ => delivery.made,
    };
    let behind = usize::try_from(delivery.made.saturating_sub(made)).unwrap_or(usize::MAX);
    let last = delivery.attempts.iter().rev().nth(behind).map(|attempt| attempt.at);
    last.filter(|last| 1 < made || delivery.created_at.plus(GRACE) < *last)
        .unwrap_or(delivery.created_at)
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
