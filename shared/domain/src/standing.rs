//! How many deliveries stand how, counted as far as somebody was ready to read.

use crate::{
    delivery::{Delivery, DeliveryState},
    time::Timestamp,
};

/// How a delivery stands, in the words of the Svix contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStanding {
    /// The endpoint has it.
    Success,
    /// Not attempted yet.
    Pending,
    /// Spent.
    Fail,
    /// Attempted, and to be attempted again.
    Sending,
    /// Nothing is to be sent any more: the endpoint or the content is gone.
    Canceled,
}

impl DeliveryStanding {
    /// How this delivery stands. That a worker holds it just now is not seen.
    pub const fn of(delivery: &Delivery) -> Self {
        match delivery.state {
            DeliveryState::Delivered => Self::Success,
            DeliveryState::Dead => Self::Fail,
            DeliveryState::Cancelled => Self::Canceled,
            DeliveryState::Pending if delivery.made == 0 => Self::Pending,
            DeliveryState::Pending => Self::Sending,
        }
    }

    /// Its number. Clients that do not know the last one are told the nearest that is true: it did
    /// not arrive.
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

    /// Its word, for the same clients.
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

/// Deliveries by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandingCounts {
    /// The endpoint has them.
    pub success: u64,
    /// Not attempted yet.
    pub pending: u64,
    /// Spent.
    pub fail: u64,
    /// Attempted, and to be attempted again.
    pub sending: u64,
    /// Nothing is to be sent any more.
    pub canceled: u64,
    /// When the earliest that was counted moved last.
    pub from: Option<Timestamp>,
    /// Whether nothing was left uncounted.
    pub complete: bool,
}

impl StandingCounts {
    /// Counts one.
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

    /// How many were counted.
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
