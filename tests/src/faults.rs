//! An HTTP client for the AWS SDK that fails the k-th call of everything that shares it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};

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
}

impl FaultKind {
    /// All ways.
    pub const ALL: [Self; 4] =
        [Self::DiesBefore, Self::DiesAfter, Self::FailsOnce, Self::AnswerLost];
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
    pub fn ways(&self) -> &'static [FaultKind] {
        let reads = ["GetItem", "BatchGetItem", "Query", "GET object"];
        if reads.contains(&self.operation.as_str()) {
            &FaultKind::ALL[..3]
        } else {
            &FaultKind::ALL
        }
    }
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<AwsCall>,
    plan: Option<(usize, FaultKind)>,
    chaos: Option<(Chance, f64)>,
    by: &'static str,
    dead: bool,
    hits: usize,
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

    /// The SDK's HTTP client, with these faults in it.
    pub fn client(&self) -> SharedHttpClient {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        SharedHttpClient::new(Client { inner, faults: self.clone() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call; the way in which it fails, if it does.
    fn meet(&self, request: &HttpRequest) -> Option<FaultKind> {
        let mut state = self.state();
        if state.dead {
            return Some(FaultKind::DiesBefore);
        }
        let operation = match request.headers().get("x-amz-target") {
            Some(target) => target.rsplit('.').next().unwrap_or(target).to_owned(),
            None => format!("{} object", request.method()),
        };
        let number = state.calls.len();
        let by = state.by;
        let of_table = !operation.ends_with(" object") && !operation.contains("Message");
        state.calls.push(AwsCall { by, operation });
        let planned = state.plan.filter(|(k, _)| *k == number).map(|(_, how)| how);
        let by_chance = || {
            let (chance, share) = state.chaos.as_ref().filter(|_| of_table)?;
            let how = if chance.hits(0.5) { FaultKind::FailsOnce } else { FaultKind::AnswerLost };
            chance.hits(*share).then_some(how)
        };
        let how = planned.or_else(by_chance);
        state.hits += usize::from(how.is_some());
        state.dead = matches!(how, Some(FaultKind::DiesBefore | FaultKind::DiesAfter));
        how
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
        match self.faults.meet(&request) {
            None => self.inner.call(request),
            Some(FaultKind::DiesBefore | FaultKind::FailsOnce) => {
                HttpConnectorFuture::ready(Err(broken()))
            }
            Some(FaultKind::DiesAfter | FaultKind::AnswerLost) => {
                let call = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = call.await;
                    Err(broken())
                })
            }
        }
    }
}
