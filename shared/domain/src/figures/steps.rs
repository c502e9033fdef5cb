//! The steps of a series: the time that is asked for, cut into equal parts. A step begins at a whole
//! multiple of its length, counted from 1970.

use super::Hour;
use crate::time::Timestamp;

/// Most steps of one series: a day by the minute, and some.
pub const MAX_POINTS: u64 = 1500;
/// Most steps of a series whose step nobody chose.
const USUAL_POINTS: u64 = 300;
/// Lengths of a step that are proposed, in seconds.
const USUAL: [u64; 8] = [60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000];

/// The steps of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first second of the first step.
    first: u64,
    /// The length of a step in seconds.
    step: u64,
    points: u64,
}

/// The reason why a time cannot be cut into steps. The message may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSteps {
    /// The time ends before it begins.
    #[error("is after `until`")]
    Since,
    /// The step is too short for the time, or none that figures are kept by.
    #[error(
        "is a whole number of minutes, or of hours where the time begins more than 48 h ago, and \
         makes at most {MAX_POINTS} steps; the smallest that goes here is {0}"
    )]
    Step(String),
}

impl Steps {
    /// The steps from `since` to `until`. `step` is in seconds; the default is the shortest usual one
    /// that makes at most 300 steps.
    ///
    /// # Errors
    /// If the time ends before it begins, or the step is too short for it.
    pub fn between(
        since: Timestamp,
        until: Timestamp,
        step: Option<u64>,
        now: Timestamp,
    ) -> Result<Self, InvalidSteps> {
        if until < since {
            return Err(InvalidSteps::Since);
        }
        let cut = |step: u64| {
            let first = since.secs() - since.secs() % step;
            let last = until.0.div_ceil(1000).div_ceil(step).saturating_mul(step);
            Self { first, step, points: (last.saturating_sub(first) / step).max(1) }
        };
        let goes = |steps: &Self, most: u64| {
            let by_hour = Timestamp::from_secs(steps.first) < Hour::first_kept(now).start();
            let unit = if by_hour { 3600 } else { 60 };
            steps.step.is_multiple_of(unit) && steps.points <= most
        };
        let smallest = |most| USUAL.into_iter().map(cut).find(|steps| goes(steps, most));
        match step {
            None => smallest(USUAL_POINTS).or_else(|| smallest(MAX_POINTS)),
            Some(0) => None,
            Some(step) => Some(cut(step)).filter(|steps| goes(steps, MAX_POINTS)),
        }
        .ok_or_else(|| {
            let step = smallest(MAX_POINTS).map_or(USUAL[USUAL.len() - 1], |steps| steps.step);
            InvalidSteps::Step(print(step))
        })
    }

    /// Reads a length such as `30s`, `5m`, `1h` or `7d`, in seconds.
    pub fn parse_length(text: &str) -> Option<u64> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return None,
        };
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| digits)?.checked_mul(unit)
    }

    /// The length of a step as text, such as `5m`.
    pub fn length(&self) -> String {
        print(self.step)
    }

    /// Whether a step is shorter than an hour, so that the series is made of minutes.
    pub const fn within_hours(&self) -> bool {
        !self.step.is_multiple_of(3600)
    }

    /// The number of steps in the series.
    pub fn len(&self) -> usize {
        usize::try_from(self.points).unwrap_or(usize::MAX)
    }

    /// Whether there is no step; never so.
    pub const fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// The first instant of the first step.
    pub const fn since(&self) -> Timestamp {
        Timestamp::from_secs(self.first)
    }

    /// The instant at which the last step ends.
    pub const fn until(&self) -> Timestamp {
        Timestamp::from_secs(self.first.saturating_add(self.points.saturating_mul(self.step)))
    }

    /// The first instant of each step.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> {
        (0..self.points).map(|point| Timestamp::from_secs(self.first + point * self.step))
    }

    /// The number of the step that an instant lies in.
    pub fn at(&self, at: Timestamp) -> Option<usize> {
        let point = at.secs().checked_sub(self.first)? / self.step;
        usize::try_from(point).ok().filter(|point| *point < self.len())
    }
}

fn print(seconds: u64) -> String {
    for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm')] {
        if seconds.is_multiple_of(unit) {
            return format!("{}{letter}", seconds / unit);
        }
    }
    format!("{seconds}s")
}
