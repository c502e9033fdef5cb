//! The progress of an event: how many of its deliveries have arrived, and how the event stands as a whole.

use serde::{Deserialize, Serialize};

use crate::delivery::{Delivery, DeliveryState};

/// How an event stands as a whole: as the worst of its deliveries does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// The attempts of a delivery are used up, and a person has to act.
    Dead,
    /// A delivery failed at least once and is attempted again.
    Failing,
    /// A delivery has not been attempted yet.
    Pending,
    /// Every delivery arrived, but for those that were cancelled.
    Delivered,
    /// Nobody receives the event: it has no deliveries, or all of them were cancelled.
    Nobody,
}

impl EventState {
    /// The name of the state in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Failing => "failing",
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Nobody => "nobody",
        }
    }
}

/// The number of an event's deliveries by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventProgress {
    /// All deliveries, those that were cancelled included.
    pub total: u64,
    /// Deliveries that their endpoint accepted.
    pub delivered: u64,
    /// Deliveries whose attempts are used up.
    pub dead: u64,
    /// Deliveries that are still to be attempted, those that failed before included.
    pub pending: u64,
    /// Deliveries that failed at least once and are still to be attempted.
    pub failing: u64,
    /// Whether the event has further deliveries, which were not counted.
    pub has_more: bool,
}

impl EventProgress {
    /// The number of these deliveries by their state.
    pub fn of<'d>(deliveries: impl IntoIterator<Item = &'d Delivery>) -> Self {
        let mut progress = Self::default();
        for delivery in deliveries {
            progress.count(delivery.state, delivery.made.into());
        }
        progress
    }

    /// Counts a delivery that is in `state` after so many attempts.
    pub const fn count(&mut self, state: DeliveryState, attempts: u64) {
        self.total += 1;
        match state {
            DeliveryState::Delivered => self.delivered += 1,
            DeliveryState::Dead => self.dead += 1,
            DeliveryState::Cancelled => (),
            DeliveryState::Pending => {
                self.pending += 1;
                if 0 < attempts {
                    self.failing += 1;
                }
            }
        }
    }

    /// The state of the event as a whole.
    pub const fn state(&self) -> EventState {
        match self {
            Self { dead: 1.., .. } => EventState::Dead,
            Self { failing: 1.., .. } => EventState::Failing,
            Self { pending: 1.., .. } => EventState::Pending,
            Self { delivered: 1.., .. } => EventState::Delivered,
            Self { .. } => EventState::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stands_as_the_worst_of_its_deliveries() {
        use DeliveryState::{Cancelled, Dead, Delivered, Pending};
        for (deliveries, state, word) in [
            (&[][..], EventState::Nobody, "nobody"),
            (&[(Cancelled, 3)], EventState::Nobody, "nobody"),
            (&[(Delivered, 1), (Cancelled, 0)], EventState::Delivered, "delivered"),
            (&[(Delivered, 1), (Pending, 0)], EventState::Pending, "pending"),
            (&[(Pending, 0), (Pending, 1)], EventState::Failing, "failing"),
            (&[(Delivered, 1), (Pending, 2), (Dead, 10)], EventState::Dead, "dead"),
        ] {
            let mut progress = EventProgress::default();
            deliveries.iter().for_each(|(state, made)| progress.count(*state, *made));
            assert_eq!(
                (progress.state(), progress.state().word()),
                (state, word),
                "{deliveries:?}"
            );
            assert_eq!(progress.total, deliveries.len() as u64);
        }
    }
}
