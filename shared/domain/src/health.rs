//! How an endpoint fares: when calls to it stop for a while, who may ask whether it answers again,
//! and when it is given up.
//!
//! Nothing is written about an endpoint that answers. What a call found out counts only if nothing
//! was decided since the call began, and a circuit that is open is closed by nobody but the holder of
//! its probe: a worker that wakes up late changes nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    endpoint::CircuitBreaker,
    retry::{CallOutcome, ErrorClass},
    time::Timestamp,
};

/// Longest time that a circuit stays open between two probes.
pub const MAX_OPEN: Duration = Duration::from_secs(900);
/// An endpoint is disabled if nothing succeeded for this long …
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(5 * 86_400);
/// … and in this many attempts. Its owner is warned at half of both.
pub const GIVE_UP_ATTEMPTS: u32 = 100;

/// How an endpoint fares, as it lies in the table. One that was never heard of fares well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failures in a row that count against the circuit.
    pub failures: u32,
    /// When the first attempt failed since one succeeded.
    pub failing_since: Option<Timestamp>,
    /// Attempts since then.
    pub attempts: u32,
    /// Whether it is called.
    pub circuit: Circuit,
    /// How often the circuit opened since it was last closed.
    pub opened: u32,
    /// When the circuit last changed: what calls that began before found out is old.
    pub changed_at: Timestamp,
    /// Whether its owner was warned that it will be disabled.
    pub warned: bool,
    /// Counts changes; every write is conditional on the one it read. It never goes back, not even
    /// if the item was removed in between.
    pub version: u64,
}

/// Whether an endpoint is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Circuit {
    /// It is.
    #[default]
    Closed,
    /// It is not.
    Open {
        /// When somebody may ask whether it answers again.
        until: Timestamp,
    },
    /// Somebody asks.
    HalfOpen {
        /// Who.
        token: String,
        /// When somebody else may, should this one have died.
        until: Timestamp,
    },
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Go,
    /// It may, as the one that asks whether the endpoint answers again: take the probe first.
    Probe,
    /// Not before then, and no attempt is spent.
    Defer(Timestamp),
}

/// What an outcome says about the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthSignal {
    /// It took what it was sent.
    Success,
    /// It is in trouble: no answer, 5xx, 429.
    Trouble,
    /// It answers, but takes nothing.
    Refusal,
    /// Nothing: the fault is ours.
    None,
}

/// One call that was made.
#[derive(Clone, Copy, Debug)]
pub struct CallReport<'a> {
    /// What came of it.
    pub sign: HealthSignal,
    /// The token of the attempt.
    pub token: &'a str,
    /// When it began.
    pub began: Timestamp,
}

/// What follows from a call, in the order in which it is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthChange {
    /// Nothing that would have to be written.
    Same,
    /// The endpoint fares differently now.
    Changed {
        /// How, but for its version.
        next: Box<Health>,
        /// What its owner is to hear before that is written.
        news: Option<HealthNotice>,
    },
}

/// What the owner of an endpoint is to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthNotice {
    /// Half the way to being disabled lies behind it.
    Failing,
    /// It is to be disabled.
    GivenUp,
    /// It answers, after its owner was warned.
    Recovered,
}

impl HealthSignal {
    /// What an outcome says; `success` whether the policy takes it for one.
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
    /// Whether an attempt may be made now. Whoever was `asked` to by a person goes, and takes the
    /// probe if it is free.
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

    /// The circuit with the probe taken, for as long as `lease`.
    #[must_use]
    pub fn probing(&self, token: &str, lease: Duration, now: Timestamp) -> Self {
        let circuit = Circuit::HalfOpen { token: token.to_owned(), until: now.plus(lease) };
        Self { circuit, ..self.clone() }
    }

    /// What follows from a call.
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

    /// Whether there is nothing that a success would change.
    pub fn fares_well(&self) -> bool {
        self.failing_since.is_none() && self.failures == 0 && self.circuit == Circuit::Closed
    }

    fn recovered(&self, probe: bool, now: Timestamp) -> Self {
        let changed_at = if probe { now } else { self.changed_at };
        Self { changed_at, version: self.version, ..Self::default() }
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

/// How long the circuit stays open when it opens for the time number `opened`.
fn open_for(breaker: CircuitBreaker, opened: u32) -> Duration {
    let first = Duration::from_secs(breaker.recovery_seconds.into());
    let grown = first.saturating_mul(1 << opened.saturating_sub(1).min(10));
    grown.min(MAX_OPEN.max(first))
}

impl Circuit {
    /// The number that the metric `webhook_circuit_breaker_state` has for it.
    pub const fn number(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Open { .. } => 1,
            Self::HalfOpen { .. } => 2,
        }
    }

    /// What it is called.
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
