//! The status of deliveries in the words of the Svix contract, and their counts.

use crate::{
    delivery::{Delivery, DeliveryState},
    time::Timestamp,
};

/// The status of a delivery, in the words of the Svix contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStanding {
    /// The endpoint accepted the event.
    Success,
    /// No attempt was made yet.
    Pending,
    /// All attempts are used up.
    Fail,
    /// An attempt failed, and another one follows.
    Sending,
    /// Nothing more is sent, because the endpoint or the content was removed.
    Canceled,
}

impl DeliveryStanding {
    /// The status of this delivery. A delivery that a worker holds for the first time still counts
    /// as pending.
    pub const fn of(delivery: &Delivery) -> Self {
        match delivery.state {
            DeliveryState::Delivered => Self::Success,
            DeliveryState::Dead => Self::Fail,
            DeliveryState::Cancelled => Self::Canceled,
            DeliveryState::Pending if delivery.made == 0 => Self::Pending,
            DeliveryState::Pending => Self::Sending,
        }
    }

    /// The number in the Svix contract. Clients that do not know `canceled` (`expanded` is false)
    /// are told `fail`.
    pub const fn code(self, expanded: bool) -> u8 {
        match self {
            Self::Success => 0,
            Self::Pending => 1,
            Self::Fail => 2,
            Self::Sending => 3,
            Self::Canceled if expanded => 4,
            Self::Canceled => 2,
        }
    }

    /// The word in the Svix contract. Clients that do not know `canceled` (`expanded` is false) are
    /// told `fail`.
    pub const fn word(self, expanded: bool) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Fail => "fail",
            Self::Sending => "sending",
            Self::Canceled if expanded => "canceled",
            Self::Canceled => "fail",
        }
    }
}

/// The number of deliveries in each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandingCounts {
    /// Deliveries that their endpoint accepted.
    pub success: u64,
    /// Deliveries that have not been attempted yet.
    pub pending: u64,
    /// Deliveries whose attempts are used up.
    pub fail: u64,
    /// Deliveries that failed and are attempted again.
    pub sending: u64,
    /// Deliveries of which nothing more is sent.
    pub canceled: u64,
    /// The time of creation of the earliest delivery that was counted.
    pub from: Option<Timestamp>,
    /// Whether all deliveries of the period were counted.
    pub complete: bool,
}

impl StandingCounts {
    /// Counts one delivery by its standing.
    pub const fn count(&mut self, standing: DeliveryStanding) {
        let count = match standing {
            DeliveryStanding::Success => &mut self.success,
            DeliveryStanding::Pending => &mut self.pending,
            DeliveryStanding::Fail => &mut self.fail,
            DeliveryStanding::Sending => &mut self.sending,
            DeliveryStanding::Canceled => &mut self.canceled,
        };
        *count += 1;
    }

    /// The number of deliveries that were counted.
    pub fn seen(&self) -> usize {
        let all = self.success + self.pending + self.fail + self.sending + self.canceled;
        usize::try_from(all).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cancelled_is_never_called_a_success() {
        assert_eq!(
            (DeliveryStanding::Canceled.code(true), DeliveryStanding::Canceled.word(true)),
            (4, "canceled")
        );
        assert_eq!(
            (DeliveryStanding::Canceled.code(false), DeliveryStanding::Canceled.word(false)),
            (2, "fail")
        );
    }

    #[test]
    fn each_is_counted_once() {
        let mut tally = StandingCounts::default();
        for (standing, times) in [
            (DeliveryStanding::Success, 1),
            (DeliveryStanding::Pending, 2),
            (DeliveryStanding::Fail, 3),
            (DeliveryStanding::Sending, 4),
            (DeliveryStanding::Canceled, 5),
        ] {
            (0..times).for_each(|_| tally.count(standing));
        }
        let StandingCounts { success, pending, fail, sending, canceled, .. } = tally;
        assert_eq!((success, pending, fail, sending, canceled), (1, 2, 3, 4, 5));
        assert_eq!(tally.seen(), 15);
    }
}
