//! Tokens with which the process that does a job appends to the job's log, and does nothing else.

use std::{fmt, time::Duration};

use super::LogOwner;
use crate::{
    id::{ApplicationId, JobId},
    job::Job,
    time::Timestamp,
};

/// The text that every token begins with.
const PREFIX: &str = "lt_";
/// The time for which a token is good beyond its job's deadline: a day, for lines that are sent late.
const SLACK: Duration = Duration::from_secs(86_400);
/// The time for which a token of a job without a deadline is good: 30 days.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(30 * 86_400);

/// The permission that a token stands for: to append to the log of one job, until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClaim {
    /// The job whose log the token opens.
    pub owner: LogOwner,
    /// The time until which the token is good, in whole seconds since 1970.
    pub until: u64,
}

/// A token as it is sent: a claim, and the code that proves that the relay made the claim. `Debug`
/// prints no code.
#[derive(Clone, PartialEq, Eq)]
pub struct LogToken {
    /// The job and the time for which the token is good.
    pub claim: LogClaim,
    /// The code over [`LogClaim::signed`], in hex.
    pub code: String,
}

impl LogClaim {
    /// The claim of a job that is registered now: good until a day after its deadline, or for 30 days.
    pub fn of(job: &Job, now: Timestamp) -> Self {
        let deadline = job.deadline_at.filter(|deadline| now < *deadline);
        let until = deadline.map_or(now.plus(WITHOUT_DEADLINE), |deadline| deadline.plus(SLACK));
        Self { owner: LogOwner::of(job), until: until.secs() }
    }

    /// The bytes that the code covers.
    pub fn signed(&self) -> Vec<u8> {
        let LogOwner { application, job } = &self.owner;
        format!("{}:{application}:{job}", self.until).into_bytes()
    }

    /// Whether the claim is good no more.
    pub const fn has_expired(&self, now: Timestamp) -> bool {
        self.until < now.secs()
    }
}

impl LogToken {
    /// Reads a token. Nothing is said of whether its code is right. `None` for any other text, such as
    /// an API key.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.splitn(4, '.');
        let mut part = || parts.next();
        let (application, job, until, code) = (part()?, part()?, part()?, part()?);
        let application = ApplicationId::parse(application).ok()?;
        let owner = LogOwner { application, job: JobId::parse(job).ok()? };
        let claim = LogClaim { owner, until: until.parse().ok()? };
        let token = Self { claim, code: code.to_owned() };
        // Of a number with a sign or zeros in front there is another spelling.
        (token.to_string() == text).then_some(token)
    }
}

impl fmt::Display for LogToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogOwner { application, job } = &self.claim.owner;
        write!(f, "{PREFIX}{application}.{job}.{}.{}", self.claim.until, self.code)
    }
}

impl fmt::Debug for LogToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogToken").field("claim", &self.claim).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Tenure;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        for job in ["job_a1", "job_a_b_c"] {
            let job = JobId::parse(job).expect("an id");
            let owner = LogOwner { application: ApplicationId::named("acme"), job };
            let claim = LogClaim { owner, until: 1_800_000_000 };
            let token = LogToken { claim, code: "c0de".to_owned() };
            assert_eq!(LogToken::parse(&token.to_string()), Some(token.clone()));
            assert!(!format!("{token:?}").contains("c0de"));
        }
        assert!(LogToken::parse("lt_app_a.job_b.1.c").is_some());
        for other in [
            "",
            "lt_",
            "lt_app_a.job_b.1",
            "lt_.job_b.1.c",
            "lt_app_a..1.c",
            "lt_app_a.job_b.+1.c",
            "lt_app_a.job_b.01.c",
            "rk_app_a.job_b.1.c",
            "lt_app_a.b.1.c",
            "lt_a.job_b.1.c",
        ] {
            assert_eq!(LogToken::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_outlives_its_jobs_deadline_by_a_day() {
        let now = Timestamp::from_secs(1_800_000_000);
        let mut job = Job::unknown(Tenure::sample(), "s", "j", now);
        assert_eq!(LogClaim::of(&job, now).until, now.secs() + 30 * 86_400);
        job.deadline_at = Some(now.plus(Duration::from_secs(60)));
        let claim = LogClaim::of(&job, now);
        assert_eq!(claim.until, now.secs() + 60 + 86_400);
        let last = Timestamp::from_secs(claim.until);
        assert!(
            !claim.has_expired(last) && claim.has_expired(Timestamp::from_secs(last.secs() + 1))
        );
        job.deadline_at = Some(Timestamp(1));
        assert_eq!(LogClaim::of(&job, now).until, now.secs() + 30 * 86_400);
    }
}
