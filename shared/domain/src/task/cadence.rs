//! The cadence of a task's walk: the times at which its letters or messages go, and the bells that its
//! steps follow from.
//!
//! A step gives each letter a time of its own, up to [`AHEAD`] ahead, and rings for the next minute's
//! steps by a *fan* of delayed bells. The last bell of a fan sends the next fan. A fan that follows from
//! [`MAX_HOPS`] others is the last of its chain: the sweep begins another while its bells still come.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{delivery::MAX_HOPS, time::Timestamp};

/// The time that a step fills ahead of itself. A bell, and the work of a step, may be this late before
/// the rate falls behind.
pub const AHEAD: Duration = Duration::from_secs(20);
/// The time between two bells of a fan. SQS delays a message by whole seconds.
pub const BEAT: Duration = Duration::from_secs(10);
/// The bells of a fan: those of one minute.
const BELLS: u32 = 6;

/// The times that the letters of a task have been given so far, and the bells that are on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// The time at which the next letter or message goes.
    pub next_at: Timestamp,
    /// The time of the last bell that is on its way.
    pub rung_until: Timestamp,
    /// The number of fans that this one follows from, each sent by a step of the one before.
    pub hops: u8,
}

/// The times of the letters or messages of one step, in order.
#[derive(Clone, Debug)]
pub struct Places {
    from: Timestamp,
    until: Timestamp,
    rate: u32,
    taken: u64,
}

impl Cadence {
    /// The cadence of a walk that begins now.
    pub const fn begun(now: Timestamp) -> Self {
        Self { next_at: now, rung_until: now, hops: 0 }
    }

    /// The times that a step at `now` gives to letters, at `rate` letters per second. A task that is
    /// late does not catch up: nothing goes faster than the rate.
    pub fn places(&self, rate: u32, now: Timestamp) -> Places {
        let rate = rate.max(1);
        Places { from: self.next_at.max(now), until: now.plus(AHEAD), rate, taken: 0 }
    }

    /// Whether a bell of a fan finds less than half a beat to do: another bell was faster.
    pub fn is_early(&self, now: Timestamp) -> bool {
        now.plus(AHEAD.saturating_sub(BEAT / 2)) < self.next_at
    }

    /// The delays of the bells that a step at `now` sends, which was begun by a bell of `hops`. There are
    /// none while bells of the fan before are on their way. The sweep's bell, whose `hops` are 0, begins a
    /// new chain if the fan on its way is the last of the old one.
    pub fn fan(&mut self, hops: u8, now: Timestamp) -> Vec<Duration> {
        let under_way = now.plus(BEAT / 2) < self.rung_until;
        let handed_over = hops == 0 && MAX_HOPS <= self.hops;
        if MAX_HOPS <= hops || (under_way && !handed_over) {
            return Vec::new();
        }
        self.hops = hops + 1;
        self.rung_until = now.plus(BEAT * BELLS);
        (1..=BELLS).map(|bell| BEAT * bell).collect()
    }

    /// The time at which the sweep rings. During the last fan of a chain that is at once. Otherwise the
    /// sweep is only the safety net: it rings if no step was done for a minute.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        match MAX_HOPS <= self.hops {
            // Every step of this fan writes the same time, so that the sweep can mark what it has read.
            true => self.rung_until.minus(BEAT * BELLS),
            false => now.plus(BEAT * BELLS),
        }
    }
}

impl Places {
    /// The times of a step that gives none: the work is done at once, however much it is.
    pub const fn unbounded(now: Timestamp) -> Self {
        Self { from: now, until: Timestamp(u64::MAX), rate: u32::MAX, taken: 0 }
    }

    /// The time of the next letter; `None` if it belongs to the next step.
    pub fn take(&mut self) -> Option<Timestamp> {
        let at = self.next_at();
        (at < self.until).then(|| {
            self.taken += 1;
            at
        })
    }

    /// The time of the letter behind those that have theirs.
    pub fn next_at(&self) -> Timestamp {
        self.from.plus(Duration::from_millis(self.taken * 1000 / u64::from(self.rate)))
    }

    /// Whether the next letter belongs to the next step.
    pub fn are_taken(&self) -> bool {
        self.until <= self.next_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// A queue of bells and a sweep, played for so many seconds; the times of the letters. Every bell
    /// comes `late(number of the bell)` milliseconds after its time, and may be heard `heard` times.
    fn play(rate: u32, seconds: u64, heard: usize, late: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut cadence = Cadence::begun(START);
        let (mut bells, mut rung, mut times) = (vec![(START.0, 0u8)], 0u64, Vec::new());
        let end = START.plus(Duration::from_secs(seconds)).0;
        let (mut due, mut tick) = (None, START.0 + 37_000);
        loop {
            bells.sort_unstable();
            let next = bells.first().map_or(u64::MAX, |(at, _)| *at);
            if end <= next.min(tick) {
                return times;
            }
            if tick <= next {
                if due.is_some_and(|due: Timestamp| due.0 <= tick) {
                    bells.push((tick, 0));
                }
                tick += 60_000;
                continue;
            }
            let (at, hops) = bells.remove(0);
            let now = Timestamp(at);
            for _ in 0..heard {
                if hops != 0 && cadence.is_early(now) {
                    continue;
                }
                let mut places = cadence.places(rate, now);
                times.extend(std::iter::from_fn(|| places.take()).map(|at| at.0));
                cadence.next_at = places.next_at();
                for delay in cadence.fan(hops, now) {
                    rung += 1;
                    bells.push((now.plus(delay).0 + late(rung), hops + 1));
                }
                due = Some(cadence.due(now));
            }
        }
    }

    /// Checks that every whole minute of the times has the letters of a minute, give or take a twentieth.
    fn keeps(rate: u32, times: &[u64], minutes: u64) {
        for minute in 0..minutes {
            let from = START.0 + minute * 60_000;
            let count = times.iter().filter(|at| (from..from + 60_000).contains(at)).count();
            let (wanted, count) = (f64::from(rate) * 60.0, count as f64);
            assert!((count - wanted).abs() <= wanted / 20.0, "{rate}/s, minute {minute}: {count}");
        }
    }

    #[test]
    fn every_rate_is_kept_in_every_minute_over_the_ends_of_chains() {
        for rate in [1, 3, 50, 333, 500] {
            // A chain of twelve fans ends after twelve minutes.
            keeps(rate, &play(rate, 30 * 60, 1, |_| 0), 29);
            keeps(rate, &play(rate, 30 * 60, 1, |bell| bell * 397 % 2_500), 29);
        }
    }

    #[test]
    fn bells_that_are_heard_twice_hurry_nothing() {
        for rate in [1, 50, 500] {
            let times = play(rate, 10 * 60, 2, |bell| bell * 397 % 2_500);
            keeps(rate, &times, 9);
            assert!(times.is_sorted(), "each letter has a time behind the one before");
        }
    }

    #[test]
    fn a_bell_that_is_lost_costs_nothing() {
        // It comes after the whole run.
        let times = play(50, 10 * 60, 1, |bell| if bell % 6 == 3 { 3_600_000 } else { 0 });
        keeps(50, &times, 9);
    }

    #[test]
    fn a_task_that_was_late_does_not_catch_up() {
        let cadence = Cadence::begun(START);
        let late = START.plus(Duration::from_secs(300));
        let mut places = cadence.places(10, late);
        assert_eq!(places.take(), Some(late));
        assert_eq!(std::iter::from_fn(|| places.take()).count(), 199);
    }
}
