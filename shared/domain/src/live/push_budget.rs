//! The budget of pushes: how many calls of all workers together API Gateway gets in a second.
//!
//! Pushes count against the account's 10,000 requests a second, from which the requests of senders
//! are taken as well. Workers take pushes from the budget in slices, so that the table is asked once
//! for many pushes. The table holds one time: the moment at which the next slice is free.

use std::time::Duration;

use crate::time::Timestamp;

/// The pushes that a worker takes at a time. A budget below this many per second is taken a second's
/// worth at a time.
pub const SLICE: u32 = 100;
/// The time for which unused slices are saved up, so that a burst may follow a pause.
pub const SAVED: Duration = Duration::from_secs(1);
/// The time within which a worker has to use a slice. A worker that stood still does not push later
/// what others have had in the meantime.
pub const KEPT: Duration = Duration::from_secs(1);

/// The pushes that all workers together may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushBudget {
    /// Pushes per second; at least 1.
    per_second: u32,
}

/// A slice of the budget, taken by one worker. Its pushes are spread over the time that it stands for:
/// a hundred at once would make everything else on the machine wait, and API Gateway with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushSlice {
    /// The pushes that were taken out of it.
    made: u32,
    /// The pushes that it holds.
    size: u32,
    /// The time of its first push. It lies in the past if pushes were saved up.
    start: Timestamp,
    /// The time that it stands for, in milliseconds.
    length: u64,
    /// The time after which it is too old.
    until: Timestamp,
}

/// A slice, and the time at which the next one is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenSlice {
    /// The slice of the worker that takes it.
    pub slice: PushSlice,
    /// The time to be written, on the condition that the one that was read still stands.
    pub next_free: Timestamp,
}

impl PushBudget {
    /// A budget of so many pushes per second; 0 is taken as 1.
    pub const fn new(per_second: u32) -> Self {
        Self { per_second: if per_second == 0 { 1 } else { per_second } }
    }

    const fn slice(self) -> u32 {
        if self.per_second < SLICE { self.per_second } else { SLICE }
    }

    /// Pushes per second that each of so many connections may have, 1 at least.
    pub fn share(self, connections: usize) -> usize {
        let per_second = usize::try_from(self.per_second).unwrap_or(usize::MAX);
        (per_second / connections.max(1)).max(1)
    }

    /// Takes a slice. `next_free` is what the table holds, if anything.
    pub fn take(self, next_free: Option<Timestamp>, now: Timestamp) -> TakenSlice {
        let saved = u64::try_from(SAVED.as_millis()).unwrap_or(0);
        let earliest = Timestamp(now.0.saturating_sub(saved));
        let start = next_free.unwrap_or(earliest).max(earliest);
        // Rounded up: a budget that divides no second is kept below, never above.
        let length = (u64::from(self.slice()) * 1000).div_ceil(u64::from(self.per_second));
        TakenSlice {
            slice: PushSlice {
                made: 0,
                size: self.slice(),
                start,
                length,
                until: start.max(now).plus(KEPT),
            },
            next_free: Timestamp(start.0.saturating_add(length)),
        }
    }
}

impl PushSlice {
    /// Takes one push out of the slice: the time to wait before it is made, or `None` if the slice is
    /// used up or too old, and another has to be taken.
    pub fn push(&mut self, now: Timestamp) -> Option<Duration> {
        if self.made == self.size || self.until < now {
            return None;
        }
        let after = self.length * u64::from(self.made) / u64::from(self.size);
        self.made += 1;
        Some(Timestamp(self.start.0.saturating_add(after)).since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// The pushes that workers who push as fast as they may make within a time.
    fn pushed(budget: PushBudget, within: Duration) -> u64 {
        let (mut next_free, mut count) = (None, 0);
        loop {
            let taken = budget.take(next_free, NOW);
            next_free = Some(taken.next_free);
            let mut slice = taken.slice;
            while let Some(wait) = slice.push(NOW) {
                if within <= wait {
                    return count;
                }
                count += 1;
            }
        }
    }

    #[test]
    fn no_more_is_pushed_than_the_budget_and_what_was_saved() {
        for per_second in [1, 7, 50, 100, 300, 1000, 5000] {
            for seconds in [1, 10, 60] {
                let count = pushed(PushBudget::new(per_second), Duration::from_secs(seconds));
                let allowed = u64::from(per_second) * (seconds + 1);
                let slice = u64::from(PushBudget::new(per_second).slice());
                assert!(count <= allowed + slice, "{per_second}/s in {seconds} s: {count}");
                assert!(
                    allowed * 9 / 10 <= count + slice,
                    "{per_second}/s in {seconds} s: {count}"
                );
            }
        }
    }

    #[test]
    fn a_slice_is_used_up_or_grows_old() {
        let TakenSlice { mut slice, next_free } = PushBudget::new(1000).take(None, NOW);
        assert_eq!(next_free, Timestamp(NOW.0 - 900));
        for _ in 0..SLICE {
            assert_eq!(slice.push(NOW), Some(Duration::ZERO));
        }
        assert_eq!(slice.push(NOW), None);
        let mut old = PushBudget::new(1000).take(None, NOW).slice;
        assert!(old.push(NOW.plus(KEPT)).is_some());
        assert_eq!(old.push(Timestamp(NOW.plus(KEPT).0 + 1)), None);
    }

    #[test]
    fn a_slice_of_later_is_waited_for() {
        let later = NOW.plus(Duration::from_millis(300));
        let TakenSlice { mut slice, next_free } = PushBudget::new(1000).take(Some(later), NOW);
        for millis in 300..400 {
            assert_eq!(slice.push(NOW), Some(Duration::from_millis(millis)), "spread evenly");
        }
        assert_eq!(slice.push(NOW), None);
        assert_eq!(next_free, Timestamp(later.0 + 100));
        // Without a budget there is one push per second, and not none or a panic.
        assert_eq!(PushBudget::new(0).take(Some(NOW), NOW).next_free, Timestamp(NOW.0 + 1000));
    }
}
