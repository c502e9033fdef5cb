//! Retries: when a call is made again, and when a delivery ends.

mod rules;
mod success;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    rules::{InvalidStatuses, MAX_STATUSES, StatusList, StatusRules, StatusRuling},
    success::SuccessStatuses,
};

/// The retry policy of an endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Seconds to wait before each retry; the last one repeats.
    pub delays: Vec<u32>,
    /// Retries after the first attempt, 0 to [`MAX_RETRIES`].
    pub max_retries: u8,
    /// Time for one attempt in seconds, [`MIN_TIMEOUT`] to [`MAX_TIMEOUT`].
    pub timeout_seconds: u16,
    /// Rules about single HTTP statuses.
    #[serde(default)]
    pub rules: StatusRules,
}

/// The time by which a claim lasts longer than the call's timeout: reading, signing and concluding
/// take some.
pub const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// The delays of the example in Standard Webhooks, in seconds. That example counts the first
/// attempt as a step of its own.
pub const LADDER: [u32; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Longest wait between two attempts that a policy may ask for, in seconds: a day.
pub const MAX_DELAY: u32 = 86_400;

/// Most retries that a policy may ask for. With waits of [`MAX_DELAY`], spread by up to 20 %, ten of
/// them end within 12 days; an event is kept for 14 days at least.
pub const MAX_RETRIES: u8 = 10;

/// Fewest days that a deployment may keep events, deliveries and jobs: longer than the longest
/// policy takes, so that nothing expires while it may still be retried.
pub const MIN_RETENTION_DAYS: u64 = 14;

/// Shortest time for which a message of the inbox stays hidden after it could not be processed, in
/// seconds.
const MIN_HIDDEN: u64 = 5;

/// Longest such time, in seconds. 300 receives (`maxReceiveCount` in template.yaml) then last for three
/// days of the 14 for which SQS keeps a message.
const MAX_HIDDEN: u64 = 900;

/// How long a message of the inbox stays hidden after its receive number `receives`, counted from 1,
/// ended without a result because something else failed: 5 s, doubling up to 15 minutes. The
/// concurrency of `process` is bounded, so the times need no jitter.
pub fn hidden_after(receives: u32) -> Duration {
    let doublings = receives.saturating_sub(1).min(8);
    Duration::from_secs((MIN_HIDDEN << doublings).min(MAX_HIDDEN))
}

/// How long a doorbell stays hidden after its receive number `receives`, counted from 1, ended without a
/// result because AWS failed: 1, 5, 15 and 30 minutes. The fifth receive is the last before SQS moves the
/// bell to its dead-letter queue, so that the bell of a delivery outlasts 51 minutes of any failure.
pub fn bell_hidden_after(receives: u32) -> Duration {
    let minutes = match receives {
        0 | 1 => 1,
        2 => 5,
        3 => 15,
        _ => 30,
    };
    Duration::from_secs(60 * minutes)
}

/// Receives after which a message that cannot be read is parked as a dead letter. With the inbox's
/// visibility timeout they last for 12 minutes, in which a deployment that is the cause can be
/// withdrawn.
pub const UNREADABLE_RECEIVES: u32 = 5;

/// Most waits that a policy may list: one per retry.
pub const MAX_DELAYS: usize = MAX_RETRIES as usize;

/// Shortest time for one attempt, in seconds: a TLS handshake around the world and an answer fit in
/// it.
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

/// Why a policy is refused. The message may be shown to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The number of retries is out of bounds.
    #[error("maxRetries is 0 to {most}", most = MAX_RETRIES)]
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
    /// A policy with the values that a caller set. If only `delays` is set, there are as many
    /// retries as delays.
    ///
    /// # Errors
    /// If a value is out of bounds.
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
            let retries = u8::try_from(retries).ok().filter(|n| *n <= MAX_RETRIES);
            policy.max_retries = retries.ok_or(InvalidPolicy::MaxRetries)?;
        }
        if let Some(seconds) = timeout_seconds {
            let allowed = MIN_TIMEOUT..=MAX_TIMEOUT;
            let seconds = u16::try_from(seconds).ok().filter(|n| allowed.contains(n));
            policy.timeout_seconds = seconds.ok_or(InvalidPolicy::Timeout)?;
        }
        Ok(policy)
    }

    /// Whether a function that runs for at most `function` can make its calls by this policy, with
    /// time to claim and conclude.
    ///
    /// # Errors
    /// If it cannot: the longest timeout for which it could, in seconds.
    pub fn fits(&self, function: Duration) -> Result<(), u64> {
        let longest = function.saturating_sub(LEASE_MARGIN).as_secs().saturating_sub(1);
        if u64::from(self.timeout_seconds) <= longest { Ok(()) } else { Err(longest) }
    }

    /// The wait after the attempt number `tried` (the first is 1); `None` if that was the last.
    /// `dice` in 0..1 spreads the wait by ±20 %, and the endpoint's own `Retry-After` only
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

/// Longest `Retry-After` that is followed: as long as [`MAX_DELAY`], so that [`MAX_RETRIES`] of
/// them end before the event expires.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// Reads `Retry-After`: a number of seconds or an HTTP date, which `date` reads into seconds since
/// the epoch. At most [`MAX_RETRY_AFTER`]; `None` for other text.
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

/// The wait after a 429 without `Retry-After`: rate limits usually count per minute.
const THROTTLED: Duration = Duration::from_secs(60);

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallOutcome {
    /// The destination answered.
    Answered {
        /// The HTTP status. Destinations without HTTP have the status that is nearest.
        status: u16,
        /// The wait that the answer asks for.
        retry_after: Option<Duration>,
    },
    /// There was no usable answer.
    Failed(ErrorClass),
}

/// Why an attempt failed, or why none was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The endpoint answered with a status that is no success.
    Status,
    /// The time for the attempt ran out.
    Timeout,
    /// The host's name did not resolve.
    Dns,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed, or the certificate is not valid.
    Tls,
    /// The connection broke, or the answer was not HTTP.
    Protocol,
    /// The relay must not call the address.
    ForbiddenAddress,
    /// The destination cannot take the message: it is too large, or not text.
    Unfit,
    /// The endpoint is disabled, so nothing was called.
    EndpointDisabled,
    /// The endpoint's circuit stayed open for too long, so nothing was called.
    CircuitOpen,
    /// The content of the message was removed, so nothing was called.
    Expunged,
    /// Nobody listened for so long that the delivery would have expired.
    NoListener,
    /// The relay itself failed.
    Relay,
}

impl ErrorClass {
    /// Every class.
    pub const ALL: [Self; 13] = [
        Self::Status,
        Self::Timeout,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Protocol,
        Self::ForbiddenAddress,
        Self::Unfit,
        Self::EndpointDisabled,
        Self::CircuitOpen,
        Self::Expunged,
        Self::NoListener,
        Self::Relay,
    ];

    /// The name of the class in the API, as it serialises.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::ForbiddenAddress => "forbidden_address",
            Self::Unfit => "unfit",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::CircuitOpen => "circuit_open",
            Self::Expunged => "expunged",
            Self::NoListener => "no_listener",
            Self::Relay => "relay",
        }
    }

    /// Whether the class says why nothing was called, and so belongs to a note and not to an
    /// attempt.
    pub const fn is_note(self) -> bool {
        matches!(
            self,
            Self::EndpointDisabled | Self::CircuitOpen | Self::Expunged | Self::NoListener
        )
    }
}

/// The effect of an attempt on its delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryVerdict {
    /// The endpoint accepted the event.
    Delivered,
    /// Another attempt follows after this wait.
    Retry(Duration),
    /// All attempts are used up, or no other attempt can succeed: the delivery becomes a dead
    /// letter.
    Dead,
    /// As `Dead`, and the endpoint said that it is gone for good (410): it is disabled.
    Gone,
}

/// Judges the attempt number `tried` of a round (the first is 1). `success` are the statuses that
/// the endpoint's profile takes for success. `dice` in 0..1 spreads the wait.
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
mod tests;
