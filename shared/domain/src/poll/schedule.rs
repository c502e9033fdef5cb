//! When a job's platform is asked, and when the relay stops asking.

use std::time::Duration;

use super::{
    answer::PollAnswer,
    settings::{CONCURRENCY, INTERVAL, PollMode},
};
use crate::{
    envelope::Trust,
    job::{Job, JobStatus},
    source::SourceOptions,
    time::Timestamp,
};

/// Longest wait between two looks, however long an answer is overdue.
const MAX_INTERVAL: Duration = Duration::from_secs(900);
/// How long the platform is asked past the deadline: a day.
const GIVE_UP: u64 = 86_400;
/// How long a webhook may be late where nobody is asked.
const GRACE: u64 = 300;
/// How long past its time a job that its platform does not know is still asked for, and how often
/// at least.
const UNKNOWN_FOR: (Duration, u32) = (Duration::from_secs(600), 3);

/// A source's choices about asking, with the usual ones in the place of those it left out.
#[derive(Clone, Copy, Debug)]
pub struct PollSchedule {
    /// How webhooks and polling share the work.
    pub mode: PollMode,
    deadline: Option<Duration>,
    /// How long lies between two looks at one job, at first.
    pub interval: Duration,
    give_up: Duration,
    /// How many of its jobs are asked for at the same time.
    pub concurrency: usize,
}

/// What is to be done about a job whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollStep {
    /// Ask its platform.
    Ask,
    /// It has ended: see whether a webhook told so.
    Reckon,
    /// It has timed out.
    GiveUp,
    /// Look again at this time, or not at all.
    Wait(Option<Timestamp>),
}

impl PollSchedule {
    /// What a source has chosen.
    pub fn of(options: &SourceOptions) -> Self {
        let pace = options.poll.clone().unwrap_or_default();
        let mode = match (&options.platform, options.mode) {
            (None, _) => PollMode::Only,
            (Some(_), mode) => mode.unwrap_or(PollMode::Primary),
        };
        let patience = if mode == PollMode::Only { GRACE } else { GIVE_UP };
        Self {
            mode,
            deadline: options.deadline_seconds.map(Duration::from_secs),
            interval: Duration::from_secs(pace.interval_seconds.unwrap_or(INTERVAL)),
            give_up: Duration::from_secs(pace.give_up_after_seconds.unwrap_or(patience)),
            concurrency: pace.concurrency.unwrap_or(CONCURRENCY),
        }
    }

    /// How long it is at least between two looks at one job.
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// When to look at a job for the first time, given its deadline.
    fn first(&self, job: &Job, now: Timestamp) -> Option<Timestamp> {
        match self.mode {
            PollMode::Dual => Some(now.plus(self.interval)),
            PollMode::Primary => job.deadline_at,
            PollMode::Only => job.deadline_at.map(|at| at.plus(self.give_up)),
        }
    }

    /// What to do about a job whose time has come.
    pub fn step(&self, job: &Job, now: Timestamp) -> PollStep {
        if job.status.is_terminal() && !is_claimed_late(job) {
            return PollStep::Reckon;
        }
        if self.mode != PollMode::Only {
            return PollStep::Ask;
        }
        match job.deadline_at.map(|at| at.plus(self.give_up)) {
            Some(end) if end <= now => PollStep::GiveUp,
            later => PollStep::Wait(later),
        }
    }

    /// The job as it is written before its platform is asked: if the answer never comes, this is
    /// when it is asked again. The longer it has been overdue, the longer that is: as long as it
    /// has been overdue already, a quarter of an hour at most. `dice` in 0..1 spreads it, and only
    /// lengthens it.
    pub fn asked(&self, job: &Job, now: Timestamp, dice: f64) -> Job {
        let waited = overdue_since(job, now).map_or(Duration::ZERO, |since| now.since(since));
        let wait = waited.min(MAX_INTERVAL).max(self.interval);
        let mut next = job.clone();
        next.polls += 1;
        next.poll_at = Some(now.plus(wait.mul_f64(1.0 + 0.2 * dice.clamp(0.0, 1.0))));
        next.watch.hold_until = Some(now.plus(self.interval));
        edited(next)
    }

    /// What to do about a job that has not ended as far as its platform said: nothing more than was
    /// written before it was asked, unless it is time to stop. A job that nobody ever told us to
    /// expect but who could not sign is stopped without a word.
    pub fn stop(&self, job: &Job, answer: &PollAnswer<'_>, now: Timestamp) -> Option<PollStep> {
        let since = match job.deadline_at {
            Some(deadline) => deadline,
            None => job.watch.claimed_at.unwrap_or(job.created_at),
        };
        let (patience, looks) = UNKNOWN_FOR;
        let unknown = matches!(answer, PollAnswer::Unknown)
            && looks <= job.polls
            && since.plus(patience) <= now;
        if !unknown && now < since.plus(self.give_up) {
            return None;
        }
        if job.status.is_terminal() {
            return Some(PollStep::Wait(None));
        }
        let expected = job.deadline_at.is_some() || job.registered_at.is_some();
        let started = job.status == JobStatus::Running;
        Some(if expected || started { PollStep::GiveUp } else { PollStep::Wait(None) })
    }

    /// Whether a job's end, that a poll told, counts as missed: nobody had told when it was due, or
    /// (`heard` is how often a webhook told it since) ever.
    pub fn missed(&self, job: &Job, heard: u64) -> bool {
        let late = job.deadline_at.zip(job.finished_at).is_some_and(|(due, end)| due <= end);
        !job.watch.missed && job.watch.claimed.is_none() && (late || heard == 0)
    }
}

/// Whether a job that had timed out is claimed to have ended after all.
fn is_claimed_late(job: &Job) -> bool {
    job.status == JobStatus::TimedOut && job.finished_at < job.watch.claimed_at
}

/// Since when an answer is overdue: the deadline, or the claim that is to be confirmed.
fn overdue_since(job: &Job, now: Timestamp) -> Option<Timestamp> {
    let deadline = job.deadline_at.filter(|deadline| *deadline <= now);
    [deadline, job.watch.claimed_at].into_iter().flatten().min()
}

/// The job as it follows from one that was read, by nobody's report.
fn edited(mut job: Job) -> Job {
    job.edits += 1;
    job.version += 1;
    job
}

/// The job with the time of its next look, or without one.
pub fn postponed(job: &Job, at: Option<Timestamp>) -> Job {
    edited(Job { poll_at: at, ..job.clone() })
}

/// The job as one whose end no webhook told.
pub fn missed(job: &Job) -> Job {
    let mut next = Job { poll_at: None, ..job.clone() };
    next.watch.missed = true;
    next.version += 1;
    next
}

/// Gives a job that has not ended its deadline, if it has none and its source has one, and the time
/// of its first look. For whoever makes a job: by registration, or because it was heard of.
pub fn expect(job: &mut Job, options: &SourceOptions, now: Timestamp) {
    if job.status.is_terminal() {
        return;
    }
    let watch = PollSchedule::of(options);
    if job.deadline_at.is_none() {
        job.deadline_at = watch.deadline.map(|wait| now.plus(wait));
    }
    if job.watch.claimed.is_none() {
        let hold = job.watch.hold_until.unwrap_or_default();
        job.poll_at = watch.first(job, now).map(|at| at.max(hold));
    }
}

/// What a report means for asking, once it has changed the job.
///
/// An end that a poll told is looked at once more, to see whether a webhook told it too: where the
/// platform is asked from the start, when one is overdue; else at once. An end that was claimed by
/// who cannot sign is asked for at once, but never before its time.
pub fn heard(
    job: &mut Job,
    options: &SourceOptions,
    trust: Trust,
    said: JobStatus,
    now: Timestamp,
) {
    let watch = PollSchedule::of(options);
    if trust == Trust::Token && said.is_terminal() {
        let open = !job.status.is_terminal() || job.status == JobStatus::TimedOut;
        if open && watch.mode != PollMode::Only {
            job.watch.claimed = Some(said);
            job.watch.claimed_at = Some(now);
            job.poll_at = Some(job.watch.hold_until.unwrap_or(now).max(now));
        }
        return;
    }
    if !job.status.is_terminal() {
        if job.poll_at.is_none() {
            expect(job, options, now);
        }
        return;
    }
    let told_by_poll = trust == Trust::Polled && said == job.status && job.finished_at == Some(now);
    if told_by_poll && job.watch.claimed.is_none() && !job.watch.missed {
        let due = job.deadline_at.unwrap_or_else(|| now.plus(Duration::from_secs(GRACE)));
        job.poll_at = Some(due.max(now));
    }
}
