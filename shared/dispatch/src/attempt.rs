//! One attempt of one delivery: claim, ask whether the endpoint is called, sign, post, judge, conclude.
//!
//! A crash after any of these leaves a delivery whose lease ends and which is due; whoever comes
//! late finds another token on it and changes nothing.

use std::time::Duration;

use adapters::{
    Unavailable,
    caller::{CallLabel, CallResult, OutboundCall},
    random,
    table::{AttemptContext, ClaimOutcome, ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    endpoint::{DisabledReason, Endpoint},
    event::Event,
    health::{CallReport, HealthSignal},
    id::{AttemptId, DeliveryId, EventId},
    outgoing::{DeliveryResult, STATUS_REDIS},
    poll::CancelMethod,
    retry::{self, ErrorClass, LEASE_MARGIN, Policy, RetryVerdict},
    task::TaskKind,
    time::Timestamp,
};
use http::Method;
use tracing::{info, warn};

use crate::{
    admit::Admitted,
    compose::{self, Request},
    context::CallContext,
    lane::Turn,
    measure, record, status,
};

/// What came of trying.
#[derive(Debug)]
pub enum Attempted {
    /// The endpoint was called, and the delivery is now as it stands here.
    Called(Box<Delivery>),
    /// Nothing was called: the delivery had ended, or ended now without a call.
    Ended(Box<Delivery>),
    /// Another worker holds it.
    Busy,
    /// Its time has not come, or was put off without an attempt.
    Early(Timestamp),
    /// Another worker took it while we called: what we found out changed nothing.
    Stale,
    /// There is no such delivery.
    Unknown,
}

/// Who asked for an attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptReason {
    /// A person did, who waits.
    pub(crate) manual: bool,
    /// The call takes no longer than this, whatever the policy says.
    pub(crate) limit: Option<Duration>,
    /// The bell that was heard is this one of its chain.
    pub(crate) hops: u8,
}

/// A bell this early is waited for instead of being left to the sweep: SQS counts in seconds, and
/// its clock is not ours.
const PATIENCE: Duration = Duration::from_secs(2);

impl CallContext {
    /// Attempts a delivery once, if it is there to be attempted.
    pub async fn attempt(
        &self,
        event: &EventId,
        id: &DeliveryId,
        manual: bool,
    ) -> Result<Attempted, Unavailable> {
        self.attempt_within(event, id, manual, None).await
    }

    /// The same because a bell rang, which is number `hops` of a chain of bells that each rang the
    /// next.
    pub async fn hear(
        &self,
        event: &EventId,
        id: &DeliveryId,
        hops: u8,
    ) -> Result<Attempted, Unavailable> {
        self.take_all(event, id, AttemptReason { hops, ..AttemptReason::default() }).await
    }

    /// The same for somebody who waits: the call takes no longer than `limit`, whatever the policy
    /// says.
    pub async fn attempt_within(
        &self,
        event: &EventId,
        id: &DeliveryId,
        manual: bool,
        limit: Option<Duration>,
    ) -> Result<Attempted, Unavailable> {
        self.take_all(event, id, AttemptReason { manual, limit, hops: 0 }).await
    }

    pub(crate) async fn take(
        &self,
        event: &EventId,
        id: &DeliveryId,
        asked: AttemptReason,
    ) -> Result<Attempted, Unavailable> {
        loop {
            let attempted = match self.claim(event, id).await? {
                ClaimOutcome::Taken(claimed) => self.work(*claimed, asked).await?,
                ClaimOutcome::Busy => Some(Attempted::Busy),
                ClaimOutcome::Early(at) => Some(Attempted::Early(at)),
                ClaimOutcome::Finished(delivery) => Some(Attempted::Ended(delivery)),
                ClaimOutcome::Unknown => Some(Attempted::Unknown),
            };
            if let Some(attempted) = attempted {
                return Ok(attempted);
            }
        }
    }

    /// Claims a delivery. One that is due within [`PATIENCE`] is waited for.
    async fn claim(&self, event: &EventId, id: &DeliveryId) -> Result<ClaimOutcome, Unavailable> {
        let token = random::token();
        let claim = self.context.table.claim(event, id, &token, self.context.clock.now()).await?;
        let ClaimOutcome::Early(at) = claim else { return Ok(claim) };
        let wait = at.since(self.context.clock.now());
        if PATIENCE < wait {
            return Ok(claim);
        }
        tokio::time::sleep(wait).await;
        self.context.table.claim(event, id, &token, self.context.clock.now().max(at)).await
    }

    /// Goes on with a claimed delivery; `None` if it was released and has to be claimed again.
    async fn work(
        &self,
        mut claimed: ClaimedDelivery,
        asked: AttemptReason,
    ) -> Result<Option<Attempted>, Unavailable> {
        let context = self.context.table.context(&claimed.delivery).await?;
        let (Some(event), Some(endpoint)) = (&context.event, &context.endpoint) else {
            claimed.delivery.state = DeliveryState::Cancelled;
            return self.end(&claimed, &Policy::default()).await.map(Some);
        };
        if event.is_expunged(self.context.clock.now()) {
            return self.forgo(claimed, endpoint).await.map(Some);
        }
        if endpoint.disabled.is_some() {
            let why = ErrorClass::EndpointDisabled;
            return self.park(claimed, endpoint, why, "the endpoint is disabled").await.map(Some);
        }
        // A delivery that a person asks for does not wait for its turn.
        if !asked.manual {
            match self.turn(&claimed, endpoint).await? {
                Turn::Here => (),
                Turn::Waits(attempted) => return Ok(Some(attempted)),
                Turn::Missed => return Ok(None),
            }
        }
        self.go(claimed, &context, (event, endpoint), asked).await.map(Some)
    }

    /// Goes on with a claimed delivery whose turn it is: sends it, if its endpoint is called now.
    async fn go(
        &self,
        mut claimed: ClaimedDelivery,
        context: &AttemptContext,
        (event, endpoint): (&Event, &Endpoint),
        asked: AttemptReason,
    ) -> Result<Attempted, Unavailable> {
        let at = match self.admit(&mut claimed, endpoint, context, asked).await? {
            Admitted::Now(at) => at.max(self.context.clock.now()),
            Admitted::Closed(until) => return self.put_off(claimed, endpoint, until).await,
            Admitted::Place(at) => return self.come_back(claimed, endpoint, at, asked.hops).await,
        };
        let body = self.context.bucket.open(event.payload.clone()).await?;
        let request = compose::request(&self.vault, event, endpoint, &claimed.delivery, body, at);
        if let Ok(request) = &request {
            claimed.delivery.sent = compose::shown(&request.headers);
        }
        let answer = match request {
            Ok(request) => self.call(&claimed, (event, endpoint), request, at, asked.limit).await,
            Err(why) => record::unsendable(why),
        };
        self.conclude(claimed, context, endpoint, answer, at, asked).await
    }

    /// Calls the endpoint, well within the lease.
    async fn call(
        &self,
        claimed: &ClaimedDelivery,
        (event, endpoint): (&Event, &Endpoint),
        Request { headers, body, sealed }: Request,
        at: Timestamp,
        limit: Option<Duration>,
    ) -> CallResult {
        let asked = Duration::from_secs(endpoint.policy.timeout_seconds.into());
        let asked = asked.min(limit.unwrap_or(asked));
        // The policy may have changed since the lease was measured.
        let timeout = asked.min(claimed.until.since(at).saturating_sub(LEASE_MARGIN / 2));
        let method = endpoint.bare.map_or(Method::POST, CancelMethod::method);
        // A queue that drops what it was sent already must not drop what a person asks for.
        let once = match claimed.delivery.round {
            AttemptRound::Policy => claimed.delivery.id.to_string(),
            AttemptRound::Once => {
                AttemptId::of(&claimed.delivery.id, claimed.delivery.made).to_string()
            }
        };
        let id = event.webhook_id();
        let label = Some(CallLabel {
            id: &id,
            endpoint: endpoint.id.as_str(),
            application: endpoint.application.as_str(),
            event_type: &event.event_type,
            once: &once,
            happened: event.created_at,
        });
        let call = OutboundCall { url: &endpoint.url, headers, body, timeout, now: at, label };
        let mut answer = self.caller.send(method, call).await;
        compose::redact(&mut answer.response, &sealed);
        answer
    }

    async fn conclude(
        &self,
        mut claimed: ClaimedDelivery,
        context: &AttemptContext,
        endpoint: &Endpoint,
        answer: CallResult,
        at: Timestamp,
        asked: AttemptReason,
    ) -> Result<Attempted, Unavailable> {
        let policy = &endpoint.policy;
        let token = claimed.token().to_owned();
        let delivery = &mut claimed.delivery;
        let tried = delivery.tried() + 1;
        let success = endpoint.outgoing().map(|out| out.success.clone()).unwrap_or_default();
        let verdict = retry::judge(policy, &success, &answer.outcome, tried, random::dice());
        delivery.record(record::attempt(delivery, endpoint, &answer, &verdict, at, asked.manual));
        let now = self.context.clock.now();
        let due = match verdict {
            RetryVerdict::Delivered => {
                delivery.state = DeliveryState::Delivered;
                None
            }
            RetryVerdict::Retry(wait) if delivery.round == AttemptRound::Policy => {
                delivery.next_at = now.plus(wait);
                Some(Delivery::due_after(asked.hops, now, delivery.next_at))
            }
            RetryVerdict::Retry(_) | RetryVerdict::Dead | RetryVerdict::Gone => {
                delivery.state = DeliveryState::Dead;
                Some(now)
            }
        };
        if verdict == RetryVerdict::Gone {
            self.disable(endpoint, DisabledReason::Gone, at, now).await?;
        }
        let sign = HealthSignal::of(&answer.outcome, verdict == RetryVerdict::Delivered);
        let called = CallReport { sign, token: &token, began: at };
        self.notice(context, endpoint, &claimed.delivery, called).await;
        if self.context.table.conclude(&claimed, policy, due).await? == ConcludeOutcome::Stale {
            warn!(delivery = %claimed.delivery.id, "another worker took a delivery while it was called");
            return Ok(Attempted::Stale);
        }
        measure::attempted(&claimed.delivery, &verdict, now);
        self.follow_up(&claimed.delivery, context, asked.hops).await;
        self.tell(&claimed.delivery, context, now).await;
        Ok(Attempted::Called(Box::new(claimed.delivery)))
    }

    /// Tells the dashboard of the endpoint's system how a delivery ended, where it has one.
    async fn tell(&self, delivery: &Delivery, context: &AttemptContext, at: Timestamp) {
        let (Some(event), Some(endpoint)) = (&context.event, &context.endpoint) else { return };
        let Some(server) = endpoint.metadata.get(STATUS_REDIS) else { return };
        if !matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Dead) {
            return;
        }
        let delivered = delivery.state == DeliveryState::Delivered;
        let ended = DeliveryResult { url: &endpoint.url, delivered, attempts: delivery.made, at };
        match self.context.bucket.open(event.payload.clone()).await {
            Ok(payload) => status::tell(&self.caller, server, &payload, ended).await,
            Err(error) => warn!(%error, "a dashboard was not told how a delivery ended"),
        }
    }

    /// Rings for what follows. The table knows it already, so a bell that is not heard is rung by
    /// the sweep.
    pub(crate) async fn follow_up(&self, delivery: &Delivery, context: &AttemptContext, hops: u8) {
        let rung = match delivery.state {
            DeliveryState::Pending => {
                self.context.outbox.ring_again(delivery, hops, self.context.clock.now()).await
            }
            DeliveryState::Dead => {
                info!(delivery = %delivery.id, endpoint = %delivery.endpoint, attempts = delivery.made, "a delivery is spent");
                self.dead_letters.park([delivery]).await
            }
            DeliveryState::Delivered => self.recovered(context).await,
            DeliveryState::Cancelled => Ok(()),
        };
        if delivery.letter.is_some()
            && matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Cancelled)
            && let Err(error) = self
                .context
                .table
                .let_event_go(&delivery.event, None, self.context.clock.now())
                .await
        {
            warn!(%error, event = %delivery.event, "an event stays longer than it must");
        }
        if let Err(error) = rung {
            warn!(%error, delivery = %delivery.id, "what follows was not rung for; the sweep will");
        }
    }

    /// The endpoint answers: whatever waits for that may come.
    async fn recovered(&self, context: &AttemptContext) -> Result<(), Unavailable> {
        let Some(task) = &context.recovery else { return Ok(()) };
        if matches!(task.kind, TaskKind::Recover { answering: true, .. }) {
            return Ok(());
        }
        self.context.table.note_answering(task, self.context.clock.now()).await?;
        self.dead_letters.task(&task.id).await
    }
}
