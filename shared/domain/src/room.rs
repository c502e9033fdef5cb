//! The number of calls that may be under way to one endpoint, or to the endpoints of one application.
//!
//! A call that is answered quickly occupies its worker for a moment only, so quick endpoints are not
//! capped. An endpoint that accepts and does not answer holds a worker for each call until the call's
//! timeout. Such calls are capped, so that enough workers are left for everybody else. An endpoint
//! shows that it is quick by answering; until then it is given no more calls than the cap.
//!
//! A relay that is short of processor time takes longer over every call, and would take quick endpoints
//! for slow ones. So the time after which a call is slow grows with the delay of the process itself.
//!
//! Times are durations since some moment, the same for all calls of a [`Room`].

use std::time::Duration;

/// A call that has no answer after this time is slow, if the process has no delay of its own.
pub const SLOW: Duration = Duration::from_secs(1);
/// The time for which an endpoint that was slow is taken for slow, unless it answers quickly.
pub const SLOW_KEPT: Duration = Duration::from_secs(3600);
/// The time for which an endpoint that answered quickly passes the cap of its application.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The shortest and the longest basis of the time for which a delivery over the cap is put off.
const PUT_OFF: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(60));

/// The steps of a call that wait for the process: to connect, to send, to read, to conclude.
const STEPS: u32 = 20;

/// The time after which a call is slow, in a process that takes `lag` to come back to a task.
pub fn slow_after(lag: Duration) -> Duration {
    SLOW + lag * STEPS
}

/// The most calls that may be under way without a quick answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallCaps {
    /// Calls to one endpoint; at least 1.
    pub endpoint: u16,
    /// Calls to all endpoints of one application together; at least 1.
    pub application: u16,
}

impl CallCaps {
    /// A fifth of the workers for one endpoint and two fifths for one application: an application that
    /// occupies its whole share leaves more than half to the others.
    pub const fn share_of(workers: u16) -> Self {
        let fifth = if workers < 5 { 1 } else { workers / 5 };
        Self { endpoint: fifth, application: fifth * 2 }
    }
}

/// The calls under way to one endpoint, or to the endpoints of one application.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// The beginnings of the calls under way.
    began: Vec<Duration>,
    /// Calls that wait for the first answer.
    waiting: usize,
    /// The time of the last quick answer, unless a slow one came after it.
    quick_at: Option<Duration>,
    /// The most calls that were under way when a quick answer came, as long as such answers come.
    proven: usize,
}

/// The bounds of a room: how many calls may be under way, and when a call is slow.
#[derive(Clone, Copy, Debug)]
pub struct RoomRule {
    /// The calls that may be under way without a quick answer.
    cap: u16,
    /// The time after which a call is slow.
    slow_after: Duration,
    /// The time for which quick answers let more calls in than the cap.
    memory: Duration,
}

impl RoomRule {
    /// The rule for an endpoint. Its quick answers are remembered.
    pub const fn endpoint(caps: CallCaps, slow_after: Duration) -> Self {
        Self { cap: caps.endpoint, slow_after, memory: REMEMBERED }
    }

    /// The rule for an application. Its quick answers may come from other endpoints than the one that
    /// is to be called, so only those of this moment count.
    pub const fn application(caps: CallCaps, slow_after: Duration) -> Self {
        Self { cap: caps.application, slow_after, memory: slow_after }
    }
}

/// Whether a call may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The call may begin at once.
    Go,
    /// The call may wait until this time for an answer to another call.
    Wait(Duration),
    /// The cap is reached, and no answer is to be expected soon.
    Full,
}

impl Room {
    /// Whether one more call may begin. Beyond the cap, twice as many calls may be under way as were
    /// when quick answers came that are remembered, and fewer than the cap of all may be slow. As many
    /// calls as the cap may wait for the first answer; for the next answer of an endpoint that answers
    /// quickly any number waits, because it comes soon, or makes the call before it a slow one.
    pub fn judge(&self, rule: RoomRule, now: Duration) -> Entry {
        let (cap, total) = (usize::from(rule.cap), self.began.len());
        let slow = self.slow(rule.slow_after, now);
        let answers = self.quick_at.is_some_and(|at| now < at + rule.memory);
        if total < cap || (answers && slow < cap && total - slow < 2 * self.proven) {
            return Entry::Go;
        }
        match self.began.iter().min() {
            Some(first) if slow == 0 && (answers || self.waiting < cap) => {
                Entry::Wait(*first + rule.slow_after)
            }
            _ => Entry::Full,
        }
    }

    /// Whether the endpoint answered quickly of late, and owes no answer for long.
    pub fn is_quick(&self, slow_after: Duration, now: Duration) -> bool {
        self.quick_at.is_some_and(|at| now < at + REMEMBERED) && self.slow(slow_after, now) == 0
    }

    /// Whether nothing is known that a new room would not say as well.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.began.is_empty() && self.waiting == 0 && !self.is_quick(SLOW, now)
    }

    /// Notes that a call begins.
    pub fn enter(&mut self, now: Duration) {
        self.began.push(now);
    }

    /// A call that began at `began` ends.
    pub fn leave(&mut self, began: Duration, slow_after: Duration, now: Duration) {
        let young = self.began.len() - self.slow(slow_after, now);
        if let Some(index) = self.began.iter().position(|other| *other == began) {
            self.began.swap_remove(index);
        }
        if began + slow_after <= now {
            (self.quick_at, self.proven) = (None, 0);
        } else {
            let remembered = self.quick_at.is_some_and(|at| now < at + REMEMBERED);
            self.proven = if remembered { self.proven.max(young) } else { young };
            self.quick_at = Some(now);
        }
    }

    /// A call begins or ceases to wait.
    pub fn wait(&mut self, waits: bool) {
        self.waiting = if waits { self.waiting + 1 } else { self.waiting.saturating_sub(1) };
    }

    fn slow(&self, slow_after: Duration, now: Duration) -> usize {
        self.began.iter().filter(|began| **began + slow_after <= now).count()
    }
}

/// The time for which a delivery over the cap is put off: a quarter to all of the time that it has
/// waited already, within bounds. So a backlog asks less and less often. Deliveries that came together
/// are spread over seconds, because those of others wait while they ask together. `dice` is 0 to 1.
pub fn put_off(waited: Duration, dice: f64) -> Duration {
    let basis = waited.clamp(PUT_OFF.0, PUT_OFF.1);
    basis.mul_f64(0.25 + 0.75 * dice.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const fn rule(cap: u16) -> RoomRule {
        RoomRule::endpoint(CallCaps { endpoint: cap, application: cap }, SLOW)
    }

    #[test]
    fn a_process_that_is_late_takes_no_endpoint_for_a_slow_one() {
        assert_eq!(slow_after(Duration::ZERO), SLOW);
        let late = slow_after(at(100));
        assert_eq!(late, at(3000));
        let mut room = Room::default();
        for call in 0..8 {
            room.enter(at(call));
        }
        let (caps, now) = (CallCaps { endpoint: 8, application: 8 }, at(2500));
        assert_eq!(room.judge(RoomRule::endpoint(caps, late), now), Entry::Wait(at(3000)));
        assert_eq!(room.judge(RoomRule::endpoint(caps, SLOW), now), Entry::Full);
        room.leave(at(0), late, now);
        assert!(room.is_quick(late, now));
        assert_eq!(room.judge(RoomRule::application(caps, late), at(2600)), Entry::Go);
    }

    #[test]
    fn an_endpoint_that_never_answers_has_no_more_calls_than_the_cap() {
        let mut room = Room::default();
        for call in 0..10 {
            assert_eq!(room.judge(rule(10), at(call)), Entry::Go, "{call}");
            room.enter(at(call));
        }
        for _ in 0..10 {
            assert_eq!(room.judge(rule(10), at(20)), Entry::Wait(at(1000)));
            room.wait(true);
        }
        // As many may wait as may be called, so that the rest of the workers is free.
        assert_eq!(room.judge(rule(10), at(20)), Entry::Full);
        (0..10).for_each(|_| room.wait(false));
        assert_eq!(room.judge(rule(10), at(1000)), Entry::Full);
        assert_eq!(room.judge(rule(10), at(300_000)), Entry::Full);
        // One call ends with its timeout: one may begin.
        room.leave(at(0), SLOW, at(30_000));
        assert_eq!(room.judge(rule(10), at(30_000)), Entry::Go);
        room.enter(at(30_000));
        assert_eq!(room.judge(rule(10), at(30_001)), Entry::Full);
    }

    #[test]
    fn an_endpoint_that_answers_quickly_is_not_capped() {
        let mut room = Room::default();
        let (mut now, mut under_way) = (0, Vec::new());
        // Each round begins as many calls as may, and answers them all after 100 ms.
        for round in 0..8 {
            while room.judge(rule(4), at(now)) == Entry::Go && under_way.len() < 500 {
                room.enter(at(now));
                under_way.push(at(now));
            }
            assert!((4 << round).min(500) <= under_way.len(), "{round}: {}", under_way.len());
            now += 100;
            under_way.drain(..).for_each(|began| room.leave(began, SLOW, at(now)));
        }
        assert!(room.is_quick(SLOW, at(now + 599_999)) && !room.is_quick(SLOW, at(now + 600_000)));
    }

    #[test]
    fn a_burst_to_an_endpoint_that_answers_quickly_waits_and_is_not_put_off() {
        let mut room = Room::default();
        room.enter(at(0));
        room.leave(at(0), SLOW, at(10));
        for call in 0..4 {
            assert_eq!(room.judge(rule(4), at(20)), Entry::Go, "{call}");
            room.enter(at(20));
        }
        for call in 0..500 {
            assert_eq!(room.judge(rule(4), at(30)), Entry::Wait(at(1020)), "{call}");
            room.wait(true);
        }
        // Its silence is noticed as soon as without them.
        assert_eq!(room.judge(rule(4), at(1020)), Entry::Full);
        room.leave(at(20), SLOW, at(40));
        for call in 3..8 {
            assert_eq!(room.judge(rule(4), at(40)), Entry::Go, "{call}");
            room.enter(at(40));
        }
        assert_eq!(room.judge(rule(4), at(40)), Entry::Wait(at(1020)));
    }

    #[test]
    fn an_endpoint_that_ceases_to_answer_is_capped_after_a_second() {
        let mut room = Room::default();
        for _ in 0..8 {
            room.enter(at(0));
        }
        for _ in 0..8 {
            room.leave(at(0), SLOW, at(10));
        }
        for call in 0..16 {
            assert_eq!(room.judge(rule(4), at(20)), Entry::Go, "{call}");
            room.enter(at(20));
        }
        assert!(matches!(room.judge(rule(4), at(20)), Entry::Wait(_)));
        assert_eq!(room.judge(rule(4), at(1020)), Entry::Full);
        assert!(!room.is_quick(SLOW, at(1020)));
    }

    #[test]
    fn quick_answers_of_one_endpoint_do_not_let_slow_ones_of_its_application_in() {
        let mut room = Room::default();
        for call in 0..20 {
            room.enter(at(call));
        }
        let caps = CallCaps { endpoint: 10, application: 20 };
        for now in (2000..60_000).step_by(50) {
            assert_eq!(room.judge(RoomRule::application(caps, SLOW), at(now)), Entry::Full);
            // An endpoint that is quick is not asked for its application's room, and enters it.
            room.enter(at(now));
            room.leave(at(now), SLOW, at(now + 5));
        }
    }

    #[test]
    fn caps_are_a_share_of_the_workers_and_at_least_one() {
        assert_eq!(CallCaps::share_of(50), CallCaps { endpoint: 10, application: 20 });
        for workers in 0..=5 {
            assert_eq!(CallCaps::share_of(workers), CallCaps { endpoint: 1, application: 2 });
        }
    }

    #[test]
    fn what_is_over_the_cap_comes_back_less_and_less_often() {
        for (waited, from, to) in
            [(0, 5000, 20_000), (40_000, 10_000, 40_000), (900_000, 15_000, 60_000)]
        {
            assert_eq!(put_off(at(waited), 0.0), at(from));
            assert_eq!(put_off(at(waited), 1.0), at(to));
        }
    }
}
