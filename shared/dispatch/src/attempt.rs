//! One attempt of one delivery: claim, ask whether the endpoint is called, sign, post, judge, conclude.
//!
//! A crash after any of these steps leaves a delivery whose lease ends and which is due. A worker that
//! returns after its lease has ended finds another claim token; its conditional write fails and changes
//! nothing.

use std::time::Duration;

use adapters::{
    Unavailable, access,
    caller::{CallLabel, CallResult, OutboundCall},
    random,
    table::{AttemptContext, ClaimOutcome, ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::{AttemptRound, DeliveryState},
    endpoint::{DisabledReason, Endpoint},
    event::Event,
    health::{CallReport, HealthSignal},
    id::{AttemptId, DeliveryId, EventId},
    poll::CancelMethod,
    retry::{self, ErrorClass, LEASE_MARGIN, Policy, RetryVerdict},
    time::Timestamp,
};
use http::Method;
use tracing::warn;

use crate::{
    admit::AdmissionOutcome,
    compose::{self, Request},
    context::CallContext,
    measure,
    outcome::{AttemptOutcome, AttemptReason},
    record,
    turn::Turn,
};

/// Longest time that a delivery which is claimed too early is waited for, instead of being left to the
/// sweep: SQS counts delays in seconds, and its clock is not this one.
const PATIENCE: Duration = Duration::from_secs(2);

impl CallContext {
    /// Claims a delivery and attempts it.
    ///
    /// # Errors
    /// Fails if AWS does. The delivery is due when its lease ends.
    pub(crate) async fn take(
        &self,
        event: &EventId,
        id: &DeliveryId,
        asked: AttemptReason,
    ) -> Result<AttemptOutcome, Unavailable> {
        loop {
            let attempted = match self.claim(event, id).await? {
                ClaimOutcome::Taken(claimed) => self.work(*claimed, asked).await?,
                ClaimOutcome::Busy => Some(AttemptOutcome::Busy),
                ClaimOutcome::Early(at) => Some(AttemptOutcome::Early(at)),
                ClaimOutcome::Finished(delivery) => Some(AttemptOutcome::Ended(delivery)),
                ClaimOutcome::Unknown => Some(AttemptOutcome::Unknown),
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
    ) -> Result<Option<AttemptOutcome>, Unavailable> {
        if std::mem::take(&mut claimed.delivery.waits) {
            self.context.table.waits_no_more(&claimed.delivery).await?;
        }
        let context = self.context.attempt_context(&claimed.delivery).await?;
        if let (Some(until), Some(endpoint)) = (self.shut_until(&context, asked), &context.endpoint)
        {
            return self.wait_at_gate(claimed, endpoint, until).await.map(Some);
        }
        self.leave_gate(&mut claimed).await?;
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
        if endpoint.listener().is_some() {
            return self.hand_over(claimed, &context, (event, endpoint), asked).await;
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
    ) -> Result<AttemptOutcome, Unavailable> {
        let at = match self.admit(&mut claimed, endpoint, context, asked).await? {
            AdmissionOutcome::Now(at) => at.max(self.context.clock.now()),
            AdmissionOutcome::Closed(until) => {
                return self.wait_at_gate(claimed, endpoint, until).await;
            }
            AdmissionOutcome::Place(at) => {
                return self.come_back(claimed, endpoint, at, asked.hops).await;
            }
        };
        let until = claimed.until;
        let entered = self.enter(endpoint, &context.health, until, asked.manual).await?;
        let Some(admittance) = entered else {
            return self.crowded(claimed, endpoint, asked.hops).await;
        };
        let content = match self.content(event, endpoint).await {
            Ok(content) => content,
            Err(error) => {
                self.leave(admittance).await;
                return Err(error);
            }
        };
        let (vault, style) = (&self.vault, self.header_style);
        let request = content.and_then(|content| {
            compose::request(vault, style, event, endpoint, &claimed.delivery, content, at)
        });
        let answer = match request {
            Ok(request) => {
                claimed.delivery.sent = compose::shown(&request);
                // On the heap: an HTTP call's future is large, and would lie in that of every caller.
                let call =
                    Box::pin(self.call(&claimed, (event, endpoint), request, at, asked.limit));
                match self.watch(admittance, endpoint, context, until, call).await {
                    Some(answer) => answer,
                    None => return self.crowded(claimed, endpoint, asked.hops).await,
                }
            }
            Err(why) => {
                self.leave(admittance).await;
                record::unsendable(why)
            }
        };
        self.conclude(claimed, context, endpoint, answer, at, asked).await
    }

    /// Calls the endpoint, well within the lease.
    async fn call(
        &self,
        claimed: &ClaimedDelivery,
        (event, endpoint): (&Event, &Endpoint),
        Request { headers, body, sealed, .. }: Request,
        at: Timestamp,
        limit: Option<Duration>,
    ) -> CallResult {
        let asked = Duration::from_secs(endpoint.policy.timeout_seconds.into());
        let asked = asked.min(limit.unwrap_or(asked));
        // The policy may have changed since the lease was measured.
        let timeout = asked.min(claimed.until.since(at).saturating_sub(LEASE_MARGIN / 2));
        let method = endpoint.bare.map_or(Method::POST, CancelMethod::method);
        // A queue that drops what it was sent already must not drop what a person asks for, which
        // begins a new round.
        let once = match claimed.delivery.round_from {
            0 => claimed.delivery.id.to_string(),
            from => AttemptId::of(&claimed.delivery.id, from).to_string(),
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
        compose::redact(&mut answer.detail, &sealed);
        answer
    }

    /// Judges the outcome of a call and writes it down, if the claim still holds.
    pub(crate) async fn conclude(
        &self,
        mut claimed: ClaimedDelivery,
        context: &AttemptContext,
        endpoint: &Endpoint,
        answer: CallResult,
        at: Timestamp,
        asked: AttemptReason,
    ) -> Result<AttemptOutcome, Unavailable> {
        let policy = &endpoint.policy;
        let token = claimed.token().to_owned();
        let delivery = &mut claimed.delivery;
        let tried = delivery.tried() + 1;
        let success = endpoint.outgoing().map(|out| out.success.clone()).unwrap_or_default();
        let verdict = retry::judge(policy, &success, &answer.outcome, tried, random::dice());
        delivery.record(record::attempt(delivery, endpoint, &answer, &verdict, at, asked.manual));
        let now = self.context.clock.now();
        match verdict {
            RetryVerdict::Delivered => delivery.state = DeliveryState::Delivered,
            RetryVerdict::Retry(wait) if delivery.round == AttemptRound::Policy => {
                delivery.next_at = now.plus(wait);
            }
            RetryVerdict::Retry(_) | RetryVerdict::Dead | RetryVerdict::Gone => {
                delivery.state = DeliveryState::Dead;
            }
        }
        // A listener has no circuit and is never disabled: its owner sits in front of it.
        if endpoint.listener().is_none() {
            if verdict == RetryVerdict::Gone {
                self.disable(endpoint, DisabledReason::Gone, at, now).await?;
            }
            let sign = HealthSignal::of(&answer.outcome, verdict == RetryVerdict::Delivered);
            let called = CallReport { sign, token: &token, began: at };
            self.notice(context, endpoint, &claimed.delivery, called).await;
        }
        let table = &self.context.table;
        let concluded = match claimed.delivery.state {
            DeliveryState::Pending => self.put_off(&claimed, policy, asked.hops).await?,
            DeliveryState::Dead => table.conclude(&claimed, policy, Some(now)).await?,
            _ => table.conclude(&claimed, policy, None).await?,
        };
        if concluded == ConcludeOutcome::Stale {
            warn!(delivery = %claimed.delivery.id, "another worker took a delivery while it was called");
            return Ok(AttemptOutcome::Stale);
        }
        measure::attempted(&claimed.delivery, &verdict, now);
        self.context.count_attempt(&claimed.delivery, context.event.as_ref(), &verdict, now);
        if let Some(event) = &context.event {
            access::attempted(&claimed.delivery, event);
        }
        self.context.note_end(&claimed.delivery, context.event.as_ref(), now).await;
        self.follow_up(&claimed.delivery, context).await;
        self.tell_dashboard(&claimed.delivery, context, now).await;
        Ok(AttemptOutcome::Called(Box::new(claimed.delivery)))
    }
}
