//! The health of an endpoint: when its circuit opens, who may probe it, and when the endpoint is
//! disabled.
//!
//! Nothing is written about an endpoint that answers. The result of a call counts only if the
//! circuit has not changed since the call began, and only the holder of the probe closes an open
//! circuit: a worker that wakes up late changes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::CircuitBreaker,
    retry::{CallOutcome, ErrorClass},
    time::Timestamp,
};

/// Longest time that a circuit stays open between two probes.
pub const MAX_OPEN: Duration = Duration::from_secs(900);
/// An endpoint is disabled once it has failed for this long and in [`GIVE_UP_ATTEMPTS`] attempts.
/// The owner is warned at half of both. Svix disables after five days as well.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// Attempts that must have failed before an endpoint is disabled, so that a rarely used one is not
/// disabled for two failures.
pub const GIVE_UP_ATTEMPTS: u32 = 100;

/// The health of an endpoint, as the table holds it. An endpoint without a record is healthy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failures in a row that count towards opening the circuit.
    pub failures: u32,
    /// The time of the first failed attempt since the last success.
    pub failing_since: Option<Timestamp>,
    /// Failed attempts since the last success.
    pub attempts: u32,
    /// The state of the circuit.
    pub circuit: Circuit,
    /// The number of times that the circuit opened since it was last closed.
    pub opened: u32,
    /// The time of the circuit's last change. The results of calls that began earlier are out of
    /// date.
    pub changed_at: Timestamp,
    /// The time until which the endpoint is taken for slow: its calls are counted across workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_until: Option<Timestamp>,
    /// Whether the owner was warned that the endpoint will be disabled.
    pub warned: bool,
    /// The number of changes; every write is conditional on the version that was read. The number
    /// never falls, not even if the item was removed in between.
    pub version: u64,
}

/// The state of an endpoint's circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Circuit {
    /// Calls are made.
    #[default]
    Closed,
    /// No calls are made.
    Open {
        /// The time from which a worker may probe.
        until: Timestamp,
    },
    /// One worker makes a call, the probe; no others do.
    HalfOpen {
        /// The token of the attempt that is the probe.
        token: String,
        /// The time from which another worker may probe, should this one have died.
        until: Timestamp,
    },
}

/// Whether an attempt may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The attempt may be made.
    Go,
    /// The attempt may be made as the probe, which must be taken first.
    Probe,
    /// No attempt may be made before this time; the delivery is put off without using up an
    /// attempt.
    Defer(Timestamp),
}

/// The meaning of a call's outcome for the endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthSignal {
    /// The endpoint accepted the request.
    Success,
    /// The endpoint is in trouble: no response, 5xx, or 429.
    Trouble,
    /// The endpoint responds but refuses the request.
    Refusal,
    /// The outcome says nothing about the endpoint, because the fault is the relay's.
    None,
}

/// The result of one call, as far as health is concerned.
#[derive(Clone, Copy, Debug)]
pub struct CallReport<'a> {
    /// The meaning of the outcome.
    pub sign: HealthSignal,
    /// The token of the attempt.
    pub token: &'a str,
    /// The time at which the call began.
    pub began: Timestamp,
}

/// The effect of a call on the endpoint's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// Nothing changes, so nothing is written.
    Same,
    /// The health changes.
    Changed {
        /// The health afterwards; its version is counted up by the write.
        next: Box<Health>,
        /// An event for the owner, which is recorded before the change is written.
        news: Option<HealthNotice>,
    },
}

/// A change of health that the owner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthNotice {
    /// The endpoint has failed for half of the time after which it is disabled.
    Failing,
    /// The endpoint is about to be disabled.
    GivenUp,
    /// The endpoint answers again, after its owner was warned.
    Recovered,
}

impl HealthSignal {
    /// The meaning of an outcome; `success` says whether the retry policy takes the outcome for a
    /// success.
    pub const fn of(outcome: &CallOutcome, success: bool) -> Self {
        match outcome {
            CallOutcome::Answered { .. } if success => Self::Success,
            CallOutcome::Answered { status: 429 | 500..=599, .. } => Self::Trouble,
            CallOutcome::Answered { .. } => Self::Refusal,
            CallOutcome::Failed(class) => match class {
                // A name that does not resolve is as far away as a host that does not answer.
                ErrorClass::Timeout
                | ErrorClass::Dns
                | ErrorClass::Connect
                | ErrorClass::Tls
                | ErrorClass::Protocol => Self::Trouble,
                // Nobody was asked: its owner must change it, and that resets everything.
                ErrorClass::ForbiddenAddress => Self::Refusal,
                _ => Self::None,
            },
        }
    }
}

impl Health {
    /// Whether an attempt may be made now. An attempt that a person asked for (`asked`) is made in
    /// any case, and takes the probe if that is free.
    pub fn admit(&self, asked: bool, now: Timestamp) -> Admission {
        match &self.circuit {
            Circuit::Closed => Admission::Go,
            Circuit::Open { until } | Circuit::HalfOpen { until, .. } if *until <= now => {
                Admission::Probe
            }
            Circuit::Open { .. } if asked => Admission::Probe,
            Circuit::HalfOpen { .. } if asked => Admission::Go,
            Circuit::Open { until } | Circuit::HalfOpen { until, .. } => Admission::Defer(*until),
        }
    }

    /// The health with the probe taken by the attempt `token`, for `lease`.
    #[must_use]
    pub fn probing(&self, token: &str, lease: Duration, now: Timestamp) -> Self {
        let circuit = Circuit::HalfOpen { token: token.to_owned(), until: now.plus(lease) };
        Self { circuit, ..self.clone() }
    }

    /// The effect of a call.
    pub fn judge(
        &self,
        called: CallReport<'_>,
        breaker: CircuitBreaker,
        now: Timestamp,
    ) -> HealthChange {
        let probe = match &self.circuit {
            _ if called.sign == HealthSignal::None => return HealthChange::Same,
            Circuit::Open { .. } => return HealthChange::Same,
            Circuit::HalfOpen { token, .. } if token != called.token => return HealthChange::Same,
            Circuit::HalfOpen { .. } => true,
            Circuit::Closed if called.began < self.changed_at => return HealthChange::Same,
            Circuit::Closed => false,
        };
        if called.sign == HealthSignal::Success {
            let news = self.warned.then_some(HealthNotice::Recovered);
            return match self.fares_well() {
                true => HealthChange::Same,
                false => HealthChange::Changed { next: Box::new(self.recovered(probe, now)), news },
            };
        }
        let next = self.failed(called, probe, breaker, now);
        let since = next.failing_since.unwrap_or(now);
        let past = |part: u32| {
            GIVE_UP_ATTEMPTS / part <= next.attempts && GIVE_UP_AFTER / part <= now.since(since)
        };
        let news = if past(1) {
            Some(HealthNotice::GivenUp)
        } else if past(2) && !self.warned {
            Some(HealthNotice::Failing)
        } else {
            None
        };
        let warned = self.warned || news.is_some();
        HealthChange::Changed { next: Box::new(Self { warned, ..next }), news }
    }

    /// Whether a success would change nothing.
    pub fn fares_well(&self) -> bool {
        self.failing_since.is_none() && self.failures == 0 && self.circuit == Circuit::Closed
    }

    fn recovered(&self, probe: bool, now: Timestamp) -> Self {
        let changed_at = if probe { now } else { self.changed_at };
        Self { changed_at, version: self.version, slow_until: self.slow_until, ..Self::default() }
    }

    fn failed(
        &self,
        called: CallReport<'_>,
        probe: bool,
        breaker: CircuitBreaker,
        now: Timestamp,
    ) -> Self {
        let mut next = self.clone();
        next.failing_since.get_or_insert(called.began);
        next.attempts = next.attempts.saturating_add(1);
        // Whoever refuses is there: the row of troubles ends, and so does the asking.
        next.failures = match called.sign {
            HealthSignal::Trouble => next.failures.saturating_add(1),
            _ => 0,
        };
        let trouble = called.sign == HealthSignal::Trouble;
        if trouble && (probe || u32::from(breaker.threshold) <= next.failures) {
            next.opened = next.opened.saturating_add(1);
            next.circuit = Circuit::Open { until: now.plus(open_for(breaker, next.opened)) };
            next.changed_at = now;
        } else if probe {
            (next.circuit, next.opened, next.changed_at) = (Circuit::Closed, 0, now);
        }
        next
    }
}

/// The time for which the circuit stays open when it opens for the time number `opened`: twice as
/// long each time, up to [`MAX_OPEN`].
fn open_for(breaker: CircuitBreaker, opened: u32) -> Duration {
    let first = Duration::from_secs(breaker.recovery_seconds.into());
    let grown = first.saturating_mul(1 << opened.saturating_sub(1).min(10));
    grown.min(MAX_OPEN.max(first))
}

impl Circuit {
    /// The value in the metric `webhook_circuit_breaker_state`.
    pub const fn number(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open { .. } => 1,
            Self::HalfOpen { .. } => 2,
        }
    }

    /// The name of the state in the API.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

#[cfg(test)]
mod tests;
