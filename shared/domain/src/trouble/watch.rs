//! Memory of the sweep from round to round, and the troubles that follow from what a round saw.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::time::Timestamp;

/// Minutes of a period over which figures are added up.
const PERIOD: u64 = 5;
/// Periods that are looked at.
const PERIODS: u64 = 6;
/// Periods among them in which much was refused.
const REFUSED_PERIODS: usize = 3;
/// The latest periods in which nothing arrived.
const VAIN_PERIODS: u64 = 3;
/// Fewest refused requests, or attempts, of a period that count.
const FEW: u64 = 5;
/// Rounds that are looked at for lateness, and how many of them have to be late.
const LATE_ROUNDS: (u32, u32) = (3, 5);
/// Lateness of a round that counts.
const LATE: Duration = Duration::from_secs(300);
/// The time for which a delivery may wait.
const MAX_WAIT: Duration = Duration::from_secs(900);
/// The time for which the sight of a delivery that waits counts. The sweep rings for it after 1, 2, 4, 8
/// and 16 minutes, at last every hour, and sees only then how long it waits.
const SIGHT: Duration = Duration::from_secs(75 * 60);
/// The time for which a queue holds more than it lets go, before it is stuck.
const STUCK: Duration = Duration::from_secs(30 * 60);
/// The time for which the dead-letter queue is not found empty, before it is stuck. Nothing counts what that
/// queue lets go, and a long redrive keeps it busy.
const DEAD_STUCK: Duration = Duration::from_secs(3600);
/// Minutes of calls that the outbox may hold: a call may take five.
const LONGEST_CALLS: u64 = 5;

/// A queue that the sweep asks how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchedQueue {
    /// The inbox: requests that were accepted and are to be processed.
    Inbox,
    /// The outbox: doorbells of deliveries.
    Outbox,
    /// Messages that died, and bells for tasks.
    DeadLetters,
    /// Live updates that could not be worked on. Nothing reads them.
    LiveDeadLetters,
}

/// Counts of what happened in a minute, in all applications together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MinuteCounts {
    /// The minute, counted from 1970.
    pub minute: u64,
    /// Requests of sources that were recorded.
    pub received: u64,
    /// Requests of sources that were refused.
    pub refused: u64,
    /// Attempts of deliveries, those that failed included.
    pub attempts: u64,
    /// Deliveries that their endpoint accepted.
    pub delivered: u64,
}

/// Facts that a round of the sweep has seen.
#[derive(Clone, Debug, Default)]
pub struct RoundFacts {
    /// The time of the round.
    pub at: Timestamp,
    /// The time since the longest overdue item was due.
    pub due_lag: Duration,
    /// The time since the longest waiting delivery could have been attempted.
    pub waiting: Duration,
    /// The figures of the latest minute that is complete; `None` if they could not be read.
    pub minute: Option<MinuteCounts>,
    /// The messages of each queue that can be received or are worked on. Queues that were not asked in this
    /// round, or did not answer, are not among them.
    pub held: BTreeMap<WatchedQueue, u64>,
}

/// The sums of a period. The fields have short names because the item is written each minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Period {
    #[serde(rename = "r")]
    received: u64,
    #[serde(rename = "x")]
    refused: u64,
    #[serde(rename = "a")]
    attempts: u64,
    #[serde(rename = "d")]
    delivered: u64,
}

/// Memory of the sweep from round to round. A field that this version does not know is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Sums by the number of the period since 1970. A period in which nothing happened is not there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    periods: BTreeMap<u64, Period>,
    /// The latest minute that is in the sums.
    minute: u64,
    /// The time since which each queue holds more than it lets go.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    held_since: BTreeMap<WatchedQueue, Timestamp>,
    /// The live updates that were known to have failed.
    dead_updates: u64,
    /// Whether the latest rounds were late, the last one in the lowest bit.
    late: u32,
    /// The time at which a delivery that waits was seen last.
    waiting_at: Option<Timestamp>,
    /// The troubles of the last round, each with the time of the first round without a break that had it.
    pub troubles: BTreeMap<Trouble, Timestamp>,
}

impl Watch {
    /// Takes in what a round saw. [`Self::troubles`] are then those of this round.
    pub fn see(&mut self, seen: &RoundFacts) {
        let mut found = Vec::new();
        let is_late = u32::from(LATE < seen.due_lag);
        self.late = ((self.late << 1) | is_late) & ((1 << LATE_ROUNDS.1) - 1);
        if LATE_ROUNDS.0 <= self.late.count_ones() {
            found.push(Trouble::DueLag);
        }
        if MAX_WAIT < seen.waiting {
            self.waiting_at = Some(seen.at);
        }
        self.waiting_at = self.waiting_at.filter(|at| seen.at.since(*at) < SIGHT);
        found.extend(self.waiting_at.map(|_| Trouble::OldestWaiting));
        if let Some(counts) = &seen.minute {
            self.add(counts);
            found.extend(self.of_figures(counts.minute / PERIOD));
            for (queue, held) in &seen.held {
                self.hold(*queue, *held, counts, seen.at);
            }
        }
        for (queue, trouble, long) in [
            (WatchedQueue::Inbox, Trouble::InboxStuck, STUCK),
            (WatchedQueue::Outbox, Trouble::OutboxStuck, STUCK),
            (WatchedQueue::DeadLetters, Trouble::DeadLettersStuck, DEAD_STUCK),
        ] {
            let since = self.held_since.get(&queue);
            found.extend(since.filter(|since| long <= seen.at.since(**since)).map(|_| trouble));
        }
        if let Some(dead) = seen.held.get(&WatchedQueue::LiveDeadLetters) {
            // They lie there until somebody purges the queue, so only new ones are news.
            found.extend((self.dead_updates < *dead).then_some(Trouble::LiveDeadLetters));
            self.dead_updates = if *dead == 0 { 0 } else { self.dead_updates.max(*dead) };
        }
        let since = |trouble: &Trouble| self.troubles.get(trouble).copied().unwrap_or(seen.at);
        self.troubles = found.iter().map(|trouble| (*trouble, since(trouble))).collect();
    }

    /// Adds a minute to the sums, once.
    fn add(&mut self, counts: &MinuteCounts) {
        let number = counts.minute / PERIOD;
        self.periods.retain(|period, _| number < period + PERIODS + 1);
        let MinuteCounts { minute, received, refused, attempts, delivered } = *counts;
        if minute <= self.minute {
            return;
        }
        self.minute = minute;
        if received + refused + attempts + delivered != 0 {
            let period = self.periods.entry(number).or_default();
            period.received += received;
            period.refused += refused;
            period.attempts += attempts;
            period.delivered += delivered;
        }
    }

    /// The troubles that the periods before this one make.
    fn of_figures(&self, present: u64) -> Vec<Trouble> {
        let of = |back: u64| {
            let period = present.checked_sub(back).and_then(|number| self.periods.get(&number));
            period.copied().unwrap_or_default()
        };
        let is_refused =
            |period: &Period| FEW <= period.refused && period.received <= 4 * period.refused;
        let is_vain = |period: Period| FEW <= period.attempts && period.delivered == 0;
        let mut found = Vec::new();
        if REFUSED_PERIODS <= (1..=PERIODS).map(of).filter(is_refused).count() {
            found.push(Trouble::Refusals);
        }
        if (1..=VAIN_PERIODS).map(of).all(is_vain) {
            found.push(Trouble::NothingDelivered);
        }
        found
    }

    /// Takes in what a queue holds beside what went in a minute.
    fn hold(&mut self, queue: WatchedQueue, held: u64, counts: &MinuteCounts, at: Timestamp) {
        let goes = match queue {
            WatchedQueue::Inbox => counts.received,
            WatchedQueue::Outbox => LONGEST_CALLS * counts.attempts,
            WatchedQueue::DeadLetters => 0,
            WatchedQueue::LiveDeadLetters => return,
        };
        match goes < held {
            true => _ = self.held_since.entry(queue).or_insert(at),
            false => _ = self.held_since.remove(&queue),
        }
    }
}

#[cfg(test)]
mod tests;
