//! When to try again, and when to stop.

mod rules;
mod success;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    rules::{InvalidStatuses, StatusList, StatusRules, StatusRuling},
    success::SuccessStatuses,
};

/// How an endpoint is retried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Seconds to wait before each retry; the last one repeats.
    pub delays: Vec<u32>,
    /// Retries after the first attempt, 1 to [`MAX_RETRIES`].
    pub max_retries: u8,
    /// Time for one attempt in seconds, [`MIN_TIMEOUT`] to [`MAX_TIMEOUT`].
    pub timeout_seconds: u16,
    /// What is said about single statuses.
    #[serde(default)]
    pub rules: StatusRules,
}

/// How much longer a claim lasts than the call it is for: reading, signing and concluding.
pub const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// The example ladder of Standard Webhooks; its first step is the first attempt itself.
pub const LADDER: [u32; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Longest wait between two attempts that a policy may ask for, in seconds: a day.
pub const MAX_DELAY: u32 = 86_400;

/// Most retries that a policy may ask for. With waits of [`MAX_DELAY`], spread by up to 20 %, ten of
/// them end within 12 days; an event is kept for 14 days at least.
pub const MAX_RETRIES: u8 = 10;

/// Fewest days that a deployment may keep events, deliveries and jobs: longer than the longest
/// policy takes, so that nothing expires while it may still be retried.
pub const MIN_RETENTION_DAYS: u64 = 14;

/// Most waits that a policy may list: one per retry.
pub const MAX_DELAYS: usize = MAX_RETRIES as usize;

/// Shortest time for one attempt, in seconds.
pub const MIN_TIMEOUT: u16 = 5;

/// Longest time for one attempt, in seconds. `DeliverFunction` in template.yaml has to run for
/// longer than this and [`LEASE_MARGIN`].
pub const MAX_TIMEOUT: u16 = 300;

/// Time for one attempt in seconds, unless a policy sets it.
pub const DEFAULT_TIMEOUT: u16 = 30;

impl Default for Policy {
    fn default() -> Self {
        Self {
            delays: LADDER.to_vec(),
            max_retries: LADDER.len() as u8,
            timeout_seconds: DEFAULT_TIMEOUT,
            rules: StatusRules::default(),
        }
    }
}

/// Why a policy cannot be kept. The caller may read this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The number of retries is out of bounds.
    #[error("maxRetries is 1 to {most}", most = MAX_RETRIES)]
    MaxRetries,
    /// The time for one attempt is out of bounds.
    #[error("timeoutSeconds is {least} to {most}", least = MIN_TIMEOUT, most = MAX_TIMEOUT)]
    Timeout,
    /// There are too many waits or none, or one of them is too long.
    #[error(
        "delays is a list of 1 to {most} whole seconds, each at most {longest}",
        most = MAX_DELAYS,
        longest = MAX_DELAY
    )]
    Delays,
}

impl Policy {
    /// A policy from what a caller gave of it: `delays` alone say how many retries there are.
    pub fn of(
        max_retries: Option<i64>,
        timeout_seconds: Option<i64>,
        delays: Option<Vec<i64>>,
    ) -> Result<Self, InvalidPolicy> {
        let mut policy = Self::default();
        if let Some(delays) = delays {
            if delays.is_empty() || MAX_DELAYS < delays.len() {
                return Err(InvalidPolicy::Delays);
            }
            let seconds =
                |delay: i64| u32::try_from(delay).ok().filter(|delay| *delay <= MAX_DELAY);
            let delays: Option<Vec<_>> = delays.into_iter().map(seconds).collect();
            policy.delays = delays.ok_or(InvalidPolicy::Delays)?;
            policy.max_retries = u8::try_from(policy.delays.len()).unwrap_or(MAX_RETRIES);
        }
        if let Some(retries) = max_retries {
            let retries = u8::try_from(retries).ok().filter(|n| (1..=MAX_RETRIES).contains(n));
            policy.max_retries = retries.ok_or(InvalidPolicy::MaxRetries)?;
        }
        if let Some(seconds) = timeout_seconds {
            let allowed = MIN_TIMEOUT..=MAX_TIMEOUT;
            let seconds = u16::try_from(seconds).ok().filter(|n| allowed.contains(n));
            policy.timeout_seconds = seconds.ok_or(InvalidPolicy::Timeout)?;
        }
        Ok(policy)
    }

    /// Whether a function that ends after `function` can make its calls: claiming and concluding
    /// need time as well. If not, the longest timeout that it can, in seconds.
    pub fn fits(&self, function: Duration) -> Result<(), u64> {
        let longest = function.saturating_sub(LEASE_MARGIN).as_secs().saturating_sub(1);
        if u64::from(self.timeout_seconds) <= longest { Ok(()) } else { Err(longest) }
    }

    /// How long to wait after the attempt number `tried` (the first is 1), or that it was the last.
    /// `dice` in 0..1 spreads the delay over ±20 %; the endpoint's own `Retry-After` only
    /// lengthens it.
    pub fn delay(&self, tried: u32, dice: f64, retry_after: Option<Duration>) -> Option<Duration> {
        if u32::from(self.max_retries) < tried {
            return None;
        }
        let step = tried.saturating_sub(1) as usize;
        let seconds = *self.delays.get(step).or(self.delays.last())?;
        let spread = Duration::from_secs(seconds.into()).mul_f64(0.8 + 0.4 * dice.clamp(0.0, 1.0));
        Some(spread.max(retry_after.unwrap_or_default()))
    }
}

/// Longest `Retry-After` that is honoured: ten of them must not outlive the event.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Reads `Retry-After` as seconds or as an HTTP date given in seconds by `date`.
pub fn retry_after(
    value: &str,
    now_secs: u64,
    date: impl Fn(&str) -> Option<u64>,
) -> Option<Duration> {
    let seconds = match value.trim().parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => date(value.trim())?.saturating_sub(now_secs),
    };
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// How long an endpoint is left alone that answers 429 and does not say for how long.
const THROTTLED: Duration = Duration::from_secs(60);

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum CallOutcome {
    /// The endpoint answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No usable answer.
    Failed(ErrorClass),
}

/// Why an attempt got no usable answer, or why there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The answer was not a success.
    Status,
    /// The deadline passed.
    Timeout,
    /// The name did not resolve.
    Dns,
    /// Nobody took the connection.
    Connect,
    /// The certificate or the handshake was wrong.
    Tls,
    /// The connection broke, or what came was not HTTP.
    Protocol,
    /// The address is one we refuse to call.
    ForbiddenAddress,
    /// The destination takes nothing like it: it is too large, or no text.
    Unfit,
    /// The endpoint is disabled.
    EndpointDisabled,
    /// Its circuit stays open.
    CircuitOpen,
    /// The content of the message is gone.
    Expunged,
    /// The relay itself could not finish.
    Relay,
}

impl ErrorClass {
    /// Whether it says why nothing was called, and so stands in a note and not in an attempt.
    pub const fn is_note(self) -> bool {
        matches!(self, Self::EndpointDisabled | Self::CircuitOpen | Self::Expunged)
    }
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryVerdict {
    /// The endpoint has it.
    Delivered,
    /// Try again after this long.
    Retry(Duration),
    /// It is spent.
    Dead,
    /// It is spent, and the endpoint said that it is gone for good.
    Gone,
}

/// Judges the attempt number `tried` of a round (the first is 1); `success` says which statuses the
/// endpoint's profile takes for one.
pub fn judge(
    policy: &Policy,
    success: &SuccessStatuses,
    outcome: &CallOutcome,
    tried: u32,
    dice: f64,
) -> RetryVerdict {
    let is_success = |status| match policy.rules.success_on.is_empty() {
        true => success.is(status),
        false => policy.rules.success_on.has(status),
    };
    let retry_after = match outcome {
        CallOutcome::Answered { status, .. } if is_success(*status) => {
            return RetryVerdict::Delivered;
        }
        CallOutcome::Answered { status, retry_after } => match (policy.rules.of(*status), status) {
            (StatusRuling::GiveUp, _) => return RetryVerdict::Dead,
            (StatusRuling::Usual, 410) => return RetryVerdict::Gone,
            (_, 429) => retry_after.or(Some(THROTTLED)),
            _ => *retry_after,
        },
        // Asking again cannot change where the name points on purpose, nor what there is to send.
        CallOutcome::Failed(ErrorClass::ForbiddenAddress | ErrorClass::Unfit) => {
            return RetryVerdict::Dead;
        }
        CallOutcome::Failed(_) => None,
    };
    policy.delay(tried, dice, retry_after).map_or(RetryVerdict::Dead, RetryVerdict::Retry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{delivery::MAX_PUT_OFF, letter::LATEST_PARKING};

    fn answered(status: u16) -> CallOutcome {
        CallOutcome::Answered { status, retry_after: None }
    }

    #[test]
    fn the_verdict_follows_the_status() {
        let policy = Policy::default();
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(
                judge(&policy, &SuccessStatuses::default(), &answered(status), 1, 0.5),
                RetryVerdict::Delivered
            );
        }
        for status in [100, 199, 301, 302, 303, 307, 308, 400, 401, 404, 500, 503] {
            let retry = RetryVerdict::Retry(Duration::from_secs(5));
            assert_eq!(
                judge(&policy, &SuccessStatuses::default(), &answered(status), 1, 0.5),
                retry,
                "{status}"
            );
        }
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &answered(410), 1, 0.5),
            RetryVerdict::Gone
        );
        let only_ok = SuccessStatuses::List(vec![200]);
        assert_eq!(judge(&policy, &only_ok, &answered(200), 1, 0.5), RetryVerdict::Delivered);
        for status in [201, 204] {
            let retry = RetryVerdict::Retry(Duration::from_secs(5));
            assert_eq!(judge(&policy, &only_ok, &answered(status), 1, 0.5), retry, "{status}");
        }
        assert_eq!(judge(&policy, &only_ok, &answered(410), 1, 0.5), RetryVerdict::Gone);
        for why in [ErrorClass::ForbiddenAddress, ErrorClass::Unfit] {
            let failed = CallOutcome::Failed(why);
            assert_eq!(
                judge(&policy, &SuccessStatuses::default(), &failed, 1, 0.5),
                RetryVerdict::Dead
            );
        }
    }

    #[test]
    fn rules_about_single_statuses_come_before_what_is_usual() {
        let list = |given: serde_json::Value| {
            StatusList::parse(given.as_array().expect("a list")).expect("valid")
        };
        let policy = Policy {
            rules: StatusRules {
                retry_on: list(serde_json::json!(["5xx", 410])),
                give_up_on: list(serde_json::json!([501])),
                success_on: list(serde_json::json!(["2xx", 409])),
            },
            ..Policy::default()
        };
        let retry = RetryVerdict::Retry(Duration::from_secs(5));
        for (outcome, verdict) in [
            (answered(409), RetryVerdict::Delivered),
            (answered(204), RetryVerdict::Delivered),
            (answered(503), retry.clone()),
            (answered(410), retry.clone()),
            (answered(501), RetryVerdict::Dead),
            (answered(404), RetryVerdict::Dead),
            (CallOutcome::Failed(ErrorClass::Timeout), retry),
        ] {
            assert_eq!(
                judge(&policy, &SuccessStatuses::default(), &outcome, 1, 0.5),
                verdict,
                "{outcome:?}"
            );
        }
        // Whoever is asked for too much says so, and is left alone for a while.
        let usual = Policy::default();
        for (retry_after, wait) in [(None, 60), (Some(7), 7), (Some(600), 600)] {
            let retry_after = retry_after.map(Duration::from_secs);
            let outcome = CallOutcome::Answered { status: 429, retry_after };
            let verdict = RetryVerdict::Retry(Duration::from_secs(wait));
            assert_eq!(judge(&usual, &SuccessStatuses::default(), &outcome, 1, 0.5), verdict);
        }
    }

    #[test]
    fn the_longest_policy_ends_before_anything_expires() {
        let delays = vec![i64::from(MAX_DELAY); MAX_DELAYS];
        let policy = Policy::of(Some(MAX_RETRIES.into()), None, Some(delays)).expect("valid");
        let waits = (1..=u32::from(MAX_RETRIES))
            .map(|tried| policy.delay(tried, 1.0, Some(MAX_RETRY_AFTER)).expect("a retry"));
        let longest: Duration = waits.sum();
        let retention = Duration::from_secs(MIN_RETENTION_DAYS * 86_400);
        assert!(longest <= MAX_PUT_OFF, "{longest:?} of retries, {MAX_PUT_OFF:?} are allowed");
        assert!(MAX_PUT_OFF < retention && LATEST_PARKING <= retention);
    }

    #[test]
    fn a_timeout_that_the_function_does_not_have_is_refused() {
        let seconds = Duration::from_secs;
        let policy = |timeout| Policy::of(None, Some(timeout), None).expect("valid");
        assert_eq!(policy(300).fits(seconds(360)), Ok(()));
        assert_eq!(policy(300).fits(seconds(330)), Err(299));
        assert_eq!(policy(29).fits(seconds(60)), Ok(()));
        assert_eq!(policy(30).fits(seconds(60)), Err(29));
    }

    #[test]
    fn the_ladder_has_ten_attempts_and_every_step_stays_within_its_jitter() {
        let policy = Policy::default();
        for (index, seconds) in LADDER.iter().enumerate() {
            let tried = u32::try_from(index).expect("small") + 1;
            for dice in [0.0, 0.25, 0.5, 0.999] {
                let wait = policy.delay(tried, dice, None).expect("a retry").as_secs_f64();
                let ratio = wait / f64::from(*seconds);
                assert!((0.8..=1.2).contains(&ratio), "step {index}: {ratio}");
            }
        }
        assert_eq!(
            judge(&policy, &SuccessStatuses::default(), &answered(500), 10, 0.5),
            RetryVerdict::Dead
        );
    }

    #[test]
    fn retry_after_only_lengthens() {
        let policy = Policy::of(None, None, Some(vec![10])).expect("valid");
        let after = |secs| policy.delay(1, 0.5, Some(Duration::from_secs(secs)));
        assert_eq!(after(3), Some(Duration::from_secs(10)));
        assert_eq!(after(120), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("120", 0, |_| None), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("soon", 0, |_| None), None);
        assert_eq!(retry_after("Sun", 100, |_| Some(160)), Some(Duration::from_secs(60)));
        assert_eq!(retry_after("99999999999", 0, |_| None), Some(MAX_RETRY_AFTER));
        assert_eq!(retry_after("-5", 0, |_| None), None);
    }

    #[test]
    fn a_policy_is_checked() {
        let of = |retries, timeout, delays| Policy::of(retries, timeout, delays);
        for bad in [0, 11, -1] {
            assert_eq!(of(Some(bad), None, None), Err(InvalidPolicy::MaxRetries));
        }
        for bad in [4, 301] {
            assert_eq!(of(None, Some(bad), None), Err(InvalidPolicy::Timeout));
        }
        for bad in [vec![], vec![1; 11], vec![-1], vec![86_401]] {
            assert_eq!(of(None, None, Some(bad)), Err(InvalidPolicy::Delays));
        }
        let policy = of(None, Some(5), Some(vec![1, 2])).expect("valid");
        assert_eq!((policy.max_retries, policy.timeout_seconds), (2, 5));
        let repeated = of(Some(3), None, Some(vec![7])).expect("valid");
        assert_eq!(repeated.delay(3, 0.5, None), Some(Duration::from_secs(7)));
        assert_eq!(repeated.delay(4, 0.5, None), None);
    }
}
