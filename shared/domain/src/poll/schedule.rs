//! The schedule of polling: when a job's platform is asked, and when the relay stops asking.

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

/// Longest wait between two polls of one job, however long the report is overdue.
const MAX_INTERVAL: Duration = Duration::from_secs(900);
/// Seconds past its deadline for which a job is polled: a day.
const GIVE_UP: u64 = 86_400;
/// Seconds that a webhook may be late if no platform is asked.
const GRACE: u64 = 300;
/// Time past its deadline for which a job is polled that its platform does not know, and the least
/// number of polls.
const UNKNOWN_FOR: (Duration, u32) = (Duration::from_secs(600), 3);

/// The settings of a source about polling, with defaults for those it does not set.
#[derive(Clone, Copy, Debug)]
pub struct PollSchedule {
    /// The part that polling has beside webhooks.
    pub mode: PollMode,
    deadline: Option<Duration>,
    /// The shortest wait between two polls of one job.
    pub interval: Duration,
    give_up: Duration,
    /// The number of the source's jobs that are polled at the same time.
    pub concurrency: usize,
}

/// The next step about a job whose `poll_at` has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PollStep {
    /// Ask the platform how the job fares.
    Ask,
    /// The job has ended: find out whether a webhook reported that.
    Reckon,
    /// The job has used up its time and is recorded as timed out.
    GiveUp,
    /// Look again at this time, or never.
    Wait(Option<Timestamp>),
}

impl PollSchedule {
    /// The settings of a source.
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

    /// The shortest wait between two polls of one job.
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// The time of the first poll of a job, given its deadline; `None` for no poll.
    fn first(&self, job: &Job, now: Timestamp) -> Option<Timestamp> {
        match self.mode {
            PollMode::Dual => Some(now.plus(self.interval)),
            PollMode::Primary => job.deadline_at,
            PollMode::Only => job.deadline_at.map(|at| at.plus(self.give_up)),
        }
    }

    /// The next step about a job whose `poll_at` has come.
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

    /// The job as it is written before its platform is asked: `poll_at` says when to ask again,
    /// should no answer come. The wait is as long as the report has been overdue, at most 15
    /// minutes. `dice` in 0..1 lengthens it by up to 20 %.
    pub fn asked(&self, job: &Job, now: Timestamp, dice: f64) -> Job {
        let waited = overdue_since(job, now).map_or(Duration::ZERO, |since| now.since(since));
        let wait = waited.min(MAX_INTERVAL).max(self.interval);
        let mut next = job.clone();
        next.polls += 1;
        next.poll_at = Some(now.plus(wait.mul_f64(1.0 + 0.2 * dice.clamp(0.0, 1.0))));
        next.watch.hold_until = Some(now.plus(self.interval));
        edited(next)
    }

    /// The next step about a job that has not ended according to its platform; `None` to go on as
    /// was written before the platform was asked. A job that neither was registered nor has a
    /// deadline, and did not start, is given up without an event.
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

    /// Whether the end of a job that polling found counts as missed: no webhook had reported it by
    /// the deadline, or none has at all. `heard` is how often a webhook reported it since.
    pub fn missed(&self, job: &Job, heard: u64) -> bool {
        let late = job.deadline_at.zip(job.finished_at).is_some_and(|(due, end)| due <= end);
        !job.watch.missed && job.watch.claimed.is_none() && (late || heard == 0)
    }
}

/// Whether a sender claims that a job ended which had timed out.
fn is_claimed_late(job: &Job) -> bool {
    job.status == JobStatus::TimedOut && job.finished_at < job.watch.claimed_at
}

/// The time from which a report is overdue: the deadline, or the claim that is to be confirmed.
fn overdue_since(job: &Job, now: Timestamp) -> Option<Timestamp> {
    let deadline = job.deadline_at.filter(|deadline| *deadline <= now);
    [deadline, job.watch.claimed_at].into_iter().flatten().min()
}

/// The job with one more change that no event caused.
fn edited(mut job: Job) -> Job {
    job.edits += 1;
    job.version += 1;
    job
}

/// The job with the next poll at this time, or without one.
pub fn postponed(job: &Job, at: Option<Timestamp>) -> Job {
    edited(Job { poll_at: at, ..job.clone() })
}

/// The job as one whose end no webhook reported.
pub fn missed(job: &Job) -> Job {
    let mut next = Job { poll_at: None, ..job.clone() };
    next.watch.missed = true;
    next.version += 1;
    next
}

/// Sets the deadline and the first poll of a job that has not ended, as the source's options say.
/// Called where a job is made: by a registration, or by a first report.
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

/// Sets the next poll of a job after a report has changed it.
///
/// An end that polling found is looked at once more, to see whether a webhook reports it too: at
/// the deadline, or after a grace time without one. An end that a sender claims who cannot sign is
/// asked for at once, but never before `hold_until`.
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
