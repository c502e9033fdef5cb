//! The number of lines that a job may log in a second, over all processes that take them.
//!
//! A process lets [`SLICE`] lines of each job and second pass by itself. For more it draws slices
//! from a count that all processes share, which holds the rest of [`MAX_PER_SECOND`]. So a job that
//! logs a little costs no count, and each process beyond the first raises the limit by one slice.

use std::collections::HashMap;

use super::MAX_LINES;
use crate::{id::JobId, time::Timestamp};

/// Most lines of a job in a second.
pub const MAX_PER_SECOND: u32 = 5_000;
/// Lines that are drawn at once: as many as a batch has at most.
pub const SLICE: u32 = MAX_LINES as u32;
/// Slices of a job and second that all processes share.
const SHARED: u32 = MAX_PER_SECOND / SLICE - 1;
/// The wait that a refused sender is told, in seconds: until another second has begun.
pub const RETRY_AFTER: u64 = 1;
/// Jobs that a process remembers.
const MAX_JOBS: usize = 1000;

/// The step that a process takes about lines that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateStep {
    /// The lines fit the rate and may be taken.
    Go,
    /// Draw a slice of this second first. So many may be drawn by all processes together.
    Draw {
        /// The second to draw from, counted from 1970.
        second: u64,
        /// Slices that may be drawn in it.
        most: u32,
    },
}

/// The lines that this process may take, per job.
#[derive(Debug, Default)]
pub struct LineRate(HashMap<JobId, Allowance>);

#[derive(Clone, Copy, Debug)]
struct Allowance {
    second: u64,
    left: u32,
}

impl LineRate {
    /// Takes lines of a job if the process may.
    pub fn take(&mut self, job: &JobId, lines: usize, now: Timestamp) -> RateStep {
        let second = now.secs();
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let allowance = self.allowance(job, second);
        match allowance.left.checked_sub(lines) {
            Some(left) => {
                allowance.left = left;
                RateStep::Go
            }
            None => RateStep::Draw { second, most: SHARED },
        }
    }

    /// Adds a slice that was drawn for this second.
    pub fn drew(&mut self, job: &JobId, second: u64) {
        self.allowance(job, second).left += SLICE;
    }

    fn allowance(&mut self, job: &JobId, second: u64) -> &mut Allowance {
        if MAX_JOBS <= self.0.len() && !self.0.contains_key(job) {
            self.0.retain(|_, allowance| allowance.second == second);
            if MAX_JOBS <= self.0.len() {
                self.0.clear();
            }
        }
        let fresh = Allowance { second, left: SLICE };
        let allowance = self.0.entry(job.clone()).or_insert(fresh);
        if allowance.second < second {
            *allowance = fresh;
        }
        allowance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that pass in one second over some processes, which ask in turn.
    fn passed(processes: usize, batch: usize) -> usize {
        let (job, now) = (JobId::derive(&["j"]), Timestamp::from_secs(1_800_000_000));
        let mut rates: Vec<_> = (0..processes).map(|_| LineRate::default()).collect();
        let (mut drawn, mut passed) = (0, 0);
        for turn in 0..100_000 / batch {
            let rate = &mut rates[turn % processes];
            if let RateStep::Draw { second, most } = rate.take(&job, batch, now) {
                if most <= drawn {
                    continue;
                }
                drawn += 1;
                rate.drew(&job, second);
                assert_eq!(rate.take(&job, batch, now), RateStep::Go, "a slice holds a batch");
            }
            passed += batch;
        }
        passed
    }

    #[test]
    fn a_job_may_log_5000_lines_in_a_second() {
        for batch in [1, 50, 500] {
            assert_eq!(passed(1, batch), 5_000, "batches of {batch}");
        }
        assert_eq!(passed(4, 500), 5_000 + 3 * 500, "each further process adds a slice");
    }

    #[test]
    fn a_second_begins_anew_and_no_job_takes_from_another() {
        let (one, other) = (JobId::derive(&["1"]), JobId::derive(&["2"]));
        let mut rate = LineRate::default();
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(rate.take(&one, 500, now), RateStep::Go);
        assert!(matches!(rate.take(&one, 1, now), RateStep::Draw { .. }));
        assert_eq!(rate.take(&other, 500, now), RateStep::Go);
        assert_eq!(rate.take(&one, 500, Timestamp(now.0 + 1000)), RateStep::Go);
    }

    #[test]
    fn a_process_remembers_a_bounded_number_of_jobs() {
        let mut rate = LineRate::default();
        for job in 0..10 * MAX_JOBS {
            let now = Timestamp::from_secs(1_800_000_000 + job as u64 / 3000);
            let _ = rate.take(&JobId::derive(&[&job.to_string()]), 1, now);
            assert!(rate.0.len() <= MAX_JOBS);
        }
    }
}
