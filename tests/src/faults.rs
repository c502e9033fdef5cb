//! An HTTP client for the AWS SDK that fails the k-th call of everything that shares it, or every call
//! from the k-th on for a spell.

mod answers;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapters::clock::Clock;

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use domain::time::Timestamp;

use crate::chance::Chance;

/// The way in which an AWS call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies before the call takes effect.
    DiesBefore,
    /// The process dies after the call took effect, without its answer.
    DiesAfter,
    /// Only this call fails, without effect.
    FailsOnce,
    /// Only this call's answer is lost; it took effect.
    AnswerLost,
    /// AWS refuses the call for its load, in the words of the operation: a throttled request, a
    /// transaction that is cancelled, keys that stay unread, entries of a batch that fail.
    Throttled,
    /// AWS refuses the call because IAM or KMS does not allow it.
    Denied,
    /// No answer comes within the SDK's time limit, and the call has no effect.
    TimesOut,
    /// An index does not show yet what the table holds. Only queries of an index can fail in this way.
    IndexLags,
}

impl FaultKind {
    /// The ways in which any call can fail.
    pub const ALL: [Self; 7] = [
        Self::DiesBefore,
        Self::DiesAfter,
        Self::FailsOnce,
        Self::AnswerLost,
        Self::Throttled,
        Self::Denied,
        Self::TimesOut,
    ];
    /// The ways in which AWS itself fails, for longer than one call too.
    pub const WEATHER: [Self; 3] = [Self::Throttled, Self::Denied, Self::TimesOut];
}

/// An AWS call that a handler made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsCall {
    /// The handler that made the call.
    pub by: &'static str,
    /// The operation, such as `GetItem` or `PUT object`.
    pub operation: String,
}

impl AwsCall {
    /// The ways in which it can fail that differ. A read has no effect that could be lost with its
    /// answer, so for one that does not kill its process, before and after are the same.
    pub fn ways(&self) -> Vec<FaultKind> {
        let reads = ["GetItem", "BatchGetItem", "Query", "GET object"];
        let reads = reads.iter().any(|read| self.operation.starts_with(read));
        let differs = |how: &FaultKind| !(reads && *how == FaultKind::AnswerLost);
        let lags = (self.operation == QUERY_INDEX).then_some(FaultKind::IndexLags);
        FaultKind::ALL.into_iter().filter(differs).chain(lags).collect()
    }
}

/// The name of a query that reads an index, which may lag behind the table.
pub const QUERY_INDEX: &str = "Query of an index";

/// A time in which every call fails.
#[derive(Debug)]
struct Spell {
    how: FaultKind,
    /// Number of the call that the spell begins with.
    from: usize,
    length: Duration,
    clock: Option<Clock>,
    /// The end, once the spell has begun.
    until: Option<Timestamp>,
}

impl Spell {
    /// Whether the spell lasts at a call of this number.
    fn covers(&mut self, number: usize) -> bool {
        let now = self.clock.as_ref().expect("the cloud sets the clock").now();
        if self.until.is_none() && self.from <= number {
            self.until = Some(now.plus(self.length));
        }
        self.until.is_some_and(|until| now < until)
    }
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<AwsCall>,
    written: BTreeSet<String>,
    plan: Option<(usize, FaultKind)>,
    spell: Option<Spell>,
    chaos: Option<(Chance, f64)>,
    by: &'static str,
    dead: bool,
    hits: usize,
    received: u64,
}

impl State {
    /// A fault of the share of calls that fail by chance.
    fn by_chance(&self, of_table: bool) -> Option<FaultKind> {
        let (chance, share) = self.chaos.as_ref().filter(|_| of_table)?;
        let how = if chance.hits(0.5) { FaultKind::FailsOnce } else { FaultKind::AnswerLost };
        chance.hits(*share).then_some(how)
    }
}

/// The planned faults, and the record of all calls.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Fails call number `k`, counted from 0 over all handlers.
    pub fn at(k: usize, how: FaultKind) -> Self {
        let faults = Self::default();
        faults.state().plan = Some((k, how));
        faults
    }

    /// Fails every call from number `k` on, for this time by the clock of the cloud.
    pub fn spell(k: usize, how: FaultKind, length: Duration) -> Self {
        let faults = Self::default();
        faults.state().spell = Some(Spell { how, from: k, length, clock: None, until: None });
        faults
    }

    /// Sets the clock that a spell ends by.
    pub fn set_clock(&self, clock: &Clock) {
        if let Some(spell) = &mut self.state().spell {
            spell.clock = Some(clock.clone());
        }
    }

    /// Whether a spell has begun and not ended.
    pub fn lasts(&self) -> bool {
        self.state().spell.as_mut().is_some_and(|spell| spell.covers(0))
    }

    /// Fails call number `k` from now on.
    pub fn plan(&self, k: usize, how: FaultKind) {
        self.state().plan = Some((k, how));
    }

    /// Fails this share of all calls of the table from now on, half of them after their effect.
    pub fn share(&self, seed: u64, share: f64) {
        self.state().chaos = Some((Chance::of(seed), share));
    }

    /// A new process begins: it calls as `by`.
    pub fn begin(&self, by: &'static str) {
        let mut state = self.state();
        state.by = by;
        state.dead = false;
    }

    /// The process has died since it began.
    pub fn died(&self) -> bool {
        self.state().dead
    }

    /// Number of calls that failed on purpose; all calls of a dead process count as one.
    pub fn hits(&self) -> usize {
        self.state().hits
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<AwsCall> {
        self.state().calls.clone()
    }

    /// Bytes of all answers so far.
    pub fn received(&self) -> u64 {
        self.state().received
    }

    /// The partitions of the table that calls wrote to, or tried to.
    pub fn written(&self) -> BTreeSet<String> {
        self.state().written.clone()
    }

    /// An HTTP client of the SDK, with these faults in it.
    pub fn around(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client { inner, faults: self.clone() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; its number, and the way in which it fails, if it does.
    fn meet(&self, request: &HttpRequest) -> Option<(usize, FaultKind)> {
        let mut state = self.state();
        if state.dead {
            return Some((0, FaultKind::DiesBefore));
        }
        let operation = answers::operation(request);
        let number = state.calls.len();
        let by = state.by;
        let lags = operation == QUERY_INDEX;
        let of_table = !operation.ends_with(" object") && !operation.contains("Message");
        state.calls.push(AwsCall { by, operation });
        state.written.extend(answers::written(request));
        // Handlers work through a batch at once, so call `number` may be another one than was meant.
        let can = |how: &FaultKind| *how != FaultKind::IndexLags || lags;
        let planned = state.plan.filter(|(k, how)| *k == number && can(how)).map(|(_, how)| how);
        let spell = state.spell.as_mut().filter(|_| planned.is_none());
        let lasting = spell.and_then(|spell| spell.covers(number).then_some(spell.how));
        let how = planned.or(lasting).or_else(|| state.by_chance(of_table));
        state.hits += usize::from(how.is_some());
        state.dead = matches!(how, Some(FaultKind::DiesBefore | FaultKind::DiesAfter));
        how.map(|how| (number, how))
    }
}

#[derive(Debug)]
struct Client {
    inner: SharedHttpClient,
    faults: Faults,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, faults: self.faults.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let broken = || ConnectorError::io("the connection broke on purpose".into());
        let Some((number, how)) = self.faults.meet(&request) else {
            let (call, faults) = (self.inner.call(request), self.faults.clone());
            return HttpConnectorFuture::new(async move {
                let response = call.await?;
                let body = response.body().bytes().unwrap_or_default();
                faults.state().received += u64::try_from(body.len()).unwrap_or(u64::MAX);
                Ok(response)
            });
        };
        match how {
            FaultKind::DiesBefore | FaultKind::FailsOnce => {
                HttpConnectorFuture::ready(Err(broken()))
            }
            FaultKind::TimesOut => HttpConnectorFuture::ready(Err(ConnectorError::timeout(
                "no answer on purpose".into(),
            ))),
            FaultKind::Throttled => {
                HttpConnectorFuture::ready(Ok(answers::throttled(&request, number)))
            }
            FaultKind::Denied => HttpConnectorFuture::ready(Ok(answers::denied(&request, number))),
            FaultKind::IndexLags => HttpConnectorFuture::ready(Ok(answers::nothing_found())),
            FaultKind::DiesAfter | FaultKind::AnswerLost => {
                let call = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = call.await;
                    Err(broken())
                })
            }
        }
    }
}
