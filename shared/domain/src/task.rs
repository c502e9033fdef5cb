//! Tasks: long work that the relay does in steps, such as putting dead letters back.

mod cadence;
mod word;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    cadence::{AHEAD, BEAT, Cadence, Places},
    word::{TaskState, TaskWord},
};
use crate::{
    id::{ApplicationId, EndpointId, TaskId},
    letter::LetterFilter,
    replay::Replay,
    time::Timestamp,
};

/// A task, as the table holds it. A task is `due` like a delivery. After a crash in the middle of a
/// step the step is repeated, which every step allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The id of the task.
    pub id: TaskId,
    /// The kind of work, with what it works on.
    pub kind: TaskKind,
    /// Letters or messages put back per second.
    pub rate: u32,
    /// The position in the list of letters or messages at which the next step goes on.
    pub cursor: Option<String>,
    /// Letters or messages put back, or removed, so far.
    pub redriven: u64,
    /// Letters or messages looked at so far.
    #[serde(default)]
    pub scanned: u64,
    /// Letters or messages so far that the task is meant for.
    #[serde(default)]
    pub matched: u64,
    /// Whether a caller cancelled the task.
    #[serde(default)]
    pub cancelled: bool,
    /// The application of the endpoint that a recovery waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ApplicationId>,
    /// Whether the session of a portal began the task.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_portal: bool,
    /// The time at which the task was created.
    pub created_at: Timestamp,
    /// The time at which the task ended.
    pub finished_at: Option<Timestamp>,
    /// The end of the lease of the worker that does a step. Another worker leaves the task alone until
    /// then.
    #[serde(default)]
    pub lease_until: Option<Timestamp>,
    /// Whether the letters or messages were looked through once more after the task had ended; of a
    /// task that waits for letters, whether its last look found none.
    #[serde(default)]
    pub looked_again: bool,
    /// The times that the walk over letters or messages has given so far; `None` if the task does not walk
    /// now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence: Option<Cadence>,
    /// The last time at which a letter was parked for the endpoint of a recovery; an attribute of its
    /// own in the table.
    #[serde(skip)]
    pub touched_at: Option<Timestamp>,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// The work of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TaskKind {
    /// Waits until an endpoint answers again, probing with one letter at a time, and then puts back
    /// all letters of the endpoint.
    Recover {
        /// The endpoint that failed and is probed.
        endpoint: EndpointId,
        /// Whether the endpoint has answered a probe.
        answering: bool,
        /// Probes without success so far.
        probes: u32,
    },
    /// Puts back the letters that a caller chose.
    Redrive {
        /// The letters to put back.
        filter: LetterFilter,
    },
    /// Removes the letters that a caller chose.
    Discard {
        /// The choice of letters to remove.
        filter: LetterFilter,
    },
    /// Puts messages of the inbox back which could be read but not processed, again and again until
    /// none is parked.
    Resend {
        /// The number of rounds that were made so far.
        rounds: u32,
    },
    /// Sends past messages to an endpoint, again or for the first time.
    Replay(Replay),
    /// Removes the content of all messages of an application for good.
    Purge {
        /// The application whose messages are emptied.
        application: ApplicationId,
    },
}

/// Letters put back per second, unless a caller sets another rate.
pub const DEFAULT_RATE: u32 = 10;
/// Highest rate that a caller may set, in letters per second.
pub const MAX_RATE: u32 = 500;
/// The lease of a step. The function that does a step is stopped after 60 s.
pub const LEASE: Duration = Duration::from_secs(90);
/// The time after which the index shows what was written. DynamoDB updates an index within a second as
/// a rule, and gives no bound.
pub const INDEX_SETTLES: Duration = Duration::from_secs(60);
/// The time between the end of a task and the last look: a request that a
/// fault kept from being recorded is tried again 15 minutes after the fault has passed at the latest
/// ([`hidden_after`](crate::retry::hidden_after)). A task does not see what is recorded after its last
/// look, as in a fault of hours.
pub const LAST_LOOK_AFTER: Duration = Duration::from_secs(900);
/// The time before a task's creation at which its last look begins. Letters and messages that are older
/// had this long to appear in the index before the task began.
pub const LAST_LOOK_BACK: Duration = Duration::from_secs(3600);

impl Task {
    /// A task that waits until `endpoint` answers again.
    pub fn recover(endpoint: &EndpointId, now: Timestamp) -> Self {
        let kind = TaskKind::Recover { endpoint: endpoint.clone(), answering: false, probes: 0 };
        Self::new(TaskId::recovery(endpoint), kind, DEFAULT_RATE, now)
    }

    /// A task that puts messages of the inbox back which could be read but not processed.
    pub fn resend(now: Timestamp) -> Self {
        Self::new(TaskId::resend(), TaskKind::Resend { rounds: 0 }, DEFAULT_RATE, now)
    }

    /// Notes the number of rounds of a task that puts messages back; of another task it changes nothing.
    pub const fn resent(&mut self, rounds_so_far: u32) {
        if let TaskKind::Resend { rounds } = &mut self.kind {
            *rounds = rounds_so_far;
        }
    }

    /// A task that puts back the letters that `filter` matches. `rate` is brought between 1 and
    /// [`MAX_RATE`].
    pub fn redrive(id: TaskId, filter: LetterFilter, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Redrive { filter }, rate.clamp(1, MAX_RATE), now)
    }

    /// A task that removes the letters that `filter` matches.
    pub fn discard(id: TaskId, filter: LetterFilter, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Discard { filter }, MAX_RATE, now)
    }

    /// A task that sends past messages to an endpoint. `rate` is brought between 1 and
    /// [`MAX_RATE`].
    pub fn replay(id: TaskId, replay: Replay, rate: u32, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Replay(replay), rate.clamp(1, MAX_RATE), now)
    }

    /// A task that removes the content of an application's messages.
    pub fn purge(id: TaskId, application: ApplicationId, now: Timestamp) -> Self {
        Self::new(id, TaskKind::Purge { application }, MAX_RATE, now)
    }

    /// The application that the task is limited to; `None` if the task concerns several.
    pub const fn application(&self) -> Option<&ApplicationId> {
        match &self.kind {
            TaskKind::Redrive { filter } | TaskKind::Discard { filter } => {
                filter.application.as_ref()
            }
            TaskKind::Replay(replay) => Some(&replay.application),
            TaskKind::Purge { application } => Some(application),
            TaskKind::Recover { .. } | TaskKind::Resend { .. } => None,
        }
    }

    fn new(id: TaskId, kind: TaskKind, rate: u32, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            rate,
            cursor: None,
            redriven: 0,
            scanned: 0,
            matched: 0,
            cancelled: false,
            of: None,
            by_portal: false,
            created_at: now,
            finished_at: None,
            lease_until: None,
            looked_again: false,
            cadence: None,
            touched_at: None,
            version: 0,
        }
    }

    /// Whether this is a recovery whose endpoint is known to answer.
    pub const fn is_answering(&self) -> bool {
        matches!(self.kind, TaskKind::Recover { answering: true, .. })
    }

    /// Whether a worker may do a step now: no other worker holds the task, and something is left to do.
    pub fn may_step(&self, now: Timestamp) -> bool {
        let is_free = self.lease_until.is_none_or(|until| until <= now);
        is_free
            && match self.finished_at {
                None => true,
                Some(_) if self.cancelled || self.looked_again => false,
                Some(end) => end.plus(LAST_LOOK_AFTER) <= now,
            }
    }

    /// Whether a worker does a step because of a bell that follows from `hops` fans of bells. A bell that
    /// another bell was faster than, or that comes after the walk, is not heard; the first of a chain
    /// always is.
    pub fn hears(&self, hops: u8, now: Timestamp) -> bool {
        let early = |cadence: &Cadence| cadence.is_early(now);
        self.may_step(now) && (hops == 0 || self.cadence.as_ref().is_some_and(|it| !early(it)))
    }

    /// The times of the letters or messages of a step at `now`.
    pub fn places(&self, now: Timestamp) -> Places {
        let begun = Cadence::begun(now);
        self.cadence.as_ref().unwrap_or(&begun).places(self.rate, now)
    }

    /// Notes that a step has given times to letters up to these places.
    pub fn keep_place(&mut self, places: &Places, now: Timestamp) {
        self.cadence.get_or_insert(Cadence::begun(now)).next_at = places.next_at();
    }

    /// The task with the lease of a step that begins now.
    #[must_use]
    pub fn leased(&self, now: Timestamp) -> Self {
        Self { lease_until: Some(now.plus(LEASE)), ..self.clone() }
    }

    /// Ends a walk over letters or messages; returns the time of the last look if it is still to come.
    ///
    /// The index may not have shown everything that was there during the first walk, and a message may
    /// still have been in the inbox. The last look begins at [`last_look_from`](Self::last_look_from).
    pub fn end_walk(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.cursor = None;
        self.cadence = None;
        self.looked_again = self.finished_at.is_some();
        if self.looked_again {
            return None;
        }
        self.finished_at = Some(now);
        Some(now.plus(LAST_LOOK_AFTER))
    }

    /// The time from which the last look goes over letters or messages; `None` during the first walk.
    pub fn last_look_from(&self) -> Option<Timestamp> {
        let back = u64::try_from(LAST_LOOK_BACK.as_millis()).unwrap_or(u64::MAX);
        self.finished_at.map(|_| Timestamp(self.created_at.0.saturating_sub(back)))
    }

    /// The time at which a recovery may end because no letter waits: the index shows by then whatever
    /// was parked before the task was last touched.
    pub fn settles_at(&self) -> Timestamp {
        self.touched_at.unwrap_or_default().max(self.created_at).plus(INDEX_SETTLES)
    }

    /// The time of the next look after one that found no letter; `None` if the task may end. One look
    /// alone may have read an index that lags, however long ago the letter was parked.
    pub fn looks_again_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let settles = self.settles_at();
        if self.looked_again && settles <= now {
            return None;
        }
        self.looked_again = true;
        Some(settles.max(now.plus(INDEX_SETTLES)))
    }
}

/// The time between the probe number `probes` and the next one: a minute, doubling up to 15
/// minutes.
pub fn probe_interval(probes: u32) -> Duration {
    Duration::from_secs(60 << probes.min(4)).min(Duration::from_secs(900))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn redrive() -> Task {
        Task::redrive(TaskId::random([1; 16]), LetterFilter::default(), 10, NOW)
    }

    #[test]
    fn a_step_waits_for_the_lease_of_another_worker() {
        let task = redrive();
        assert!(task.may_step(NOW));
        let leased = task.leased(NOW);
        assert!(!leased.may_step(NOW) && !leased.may_step(Timestamp(NOW.plus(LEASE).0 - 1)));
        assert!(leased.may_step(NOW.plus(LEASE)));
    }

    #[test]
    fn a_bell_of_a_fan_is_heard_by_a_task_that_walks_and_has_something_to_do() {
        let mut task = redrive();
        assert!(task.hears(0, NOW) && !task.hears(1, NOW), "nothing was put back yet");
        let mut places = task.places(NOW);
        while places.take().is_some() {}
        task.keep_place(&places, NOW);
        assert!(task.hears(0, NOW) && !task.hears(1, NOW), "everything has its time");
        let later = NOW.plus(BEAT);
        assert!(task.hears(1, later) && !task.leased(later).hears(1, later));
        task.end_walk(later);
        assert!(!task.hears(1, later.plus(LAST_LOOK_AFTER)), "a bell that comes after the walk");
    }

    #[test]
    fn a_task_that_ended_looks_once_more_unless_it_was_cancelled() {
        let mut task = redrive();
        assert_eq!(task.last_look_from(), None);
        let end = NOW.plus(MINUTE);
        assert_eq!(task.end_walk(end), Some(end.plus(LAST_LOOK_AFTER)));
        let look = end.plus(LAST_LOOK_AFTER);
        assert_eq!(
            (task.finished_at, task.may_step(end), task.may_step(look)),
            (Some(end), false, true)
        );
        assert_eq!(task.last_look_from().map(|at| NOW.since(at)), Some(LAST_LOOK_BACK));
        let cancelled = Task { cancelled: true, ..task.clone() };
        assert!(!cancelled.may_step(look));
        assert_eq!(task.end_walk(look), None);
        assert_eq!((task.finished_at, task.may_step(look)), (Some(end), false));
    }

    #[test]
    fn a_recovery_ends_only_after_the_index_shows_what_was_parked_last() {
        let mut task = Task::recover(&EndpointId::random([1; 16]), NOW);
        assert_eq!(task.settles_at(), NOW.plus(INDEX_SETTLES));
        task.touched_at = Some(NOW.plus(MINUTE));
        let settles = NOW.plus(MINUTE).plus(INDEX_SETTLES);
        assert_eq!(task.settles_at(), settles);
        assert_eq!(task.looks_again_at(NOW), Some(settles));
        assert_eq!(task.looks_again_at(NOW), Some(settles));
        assert_eq!(task.looks_again_at(settles), None);
    }

    #[test]
    fn one_look_that_finds_nothing_ends_no_recovery() {
        let mut task = Task::recover(&EndpointId::random([1; 16]), NOW);
        let late = NOW.plus(Duration::from_secs(86_400));
        assert_eq!(task.looks_again_at(late), Some(late.plus(INDEX_SETTLES)));
        assert_eq!(task.looks_again_at(late.plus(INDEX_SETTLES)), None);
    }
}
