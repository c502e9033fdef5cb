//! Deliveries to listeners: a claimed delivery is handed to the connection that listens, and concluded
//! when the answer comes back.
//!
//! | the process dies after | then |
//! |---|---|
//! | the entry of a waiting delivery is removed | the claim ends, and the delivery is rung for |
//! | the delivery is handed over | the answer comes, or the claim ends |
//! | the delivery waits, before the second look | whoever begins to listen finds its entry |
//! | the attempt is concluded, before its bell | the delivery is due |
//!
//! A delivery that nobody takes is put back without spending an attempt. So is one whose claim ends
//! without an answer: the program was killed, and made a call or none.

use std::time::Duration;

use adapters::{
    Unavailable,
    caller::CallResult,
    table::{AttemptContext, ClaimedDelivery, ConcludeOutcome},
};
use domain::{
    delivery::{AttemptRound, Delivery, DeliveryState},
    endpoint::Endpoint,
    event::Event,
    listener::{self, HandOver, HandedAnswer, HandedDelivery, HandedOutcome, HandedRequest},
    live::topic::Topic,
    retry::{CallOutcome, ErrorClass, Policy},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{
    compose::{self, Request},
    context::CallContext,
    outcome::{AttemptOutcome, AttemptReason},
    record,
    turn::Turn,
};

impl CallContext {
    /// Hands a claimed delivery to the connection that hears its listener, or lets it wait. `None` if it
    /// was released and has to be claimed again.
    pub(crate) async fn hand_over(
        &self,
        claimed: ClaimedDelivery,
        context: &AttemptContext,
        (event, endpoint): (&Event, &Endpoint),
        asked: AttemptReason,
    ) -> Result<Option<AttemptOutcome>, Unavailable> {
        if !self.is_heard(&claimed.delivery, endpoint).await? {
            return self.let_wait(claimed, endpoint, asked.hops).await.map(Some);
        }
        if !asked.manual {
            match self.turn(&claimed, endpoint).await? {
                Turn::Here => (),
                Turn::Waits(attempted) => return Ok(Some(attempted)),
                Turn::Missed => return Ok(None),
            }
        }
        let at = self.context.clock.now();
        let (vault, style, delivery) = (&self.vault, self.header_style, &claimed.delivery);
        let content = self.content(event, endpoint).await?;
        let request = content.and_then(|content| {
            let is_original = content.is_original;
            let request = compose::request(vault, style, event, endpoint, delivery, content, at)?;
            Ok((request, is_original))
        });
        let request = match request {
            Ok(request) => request,
            Err(why) => {
                let answer = record::unsendable(why);
                return self
                    .conclude(claimed, context, endpoint, answer, at, asked)
                    .await
                    .map(Some);
            }
        };
        let handed = handed(&claimed, event, endpoint, request);
        // If this fails, the claim ends and the delivery is rung for.
        self.context.teller.hand_over(handed).await?;
        Ok(Some(AttemptOutcome::HandedOver(Box::new(claimed.delivery))))
    }

    /// Whether somebody listens who is to get this delivery. Without live updates nobody can.
    async fn is_heard(
        &self,
        delivery: &Delivery,
        endpoint: &Endpoint,
    ) -> Result<bool, Unavailable> {
        if !self.context.teller.can_hand_over() {
            return Ok(false);
        }
        let topic = Topic::listener(endpoint.application.clone(), endpoint.id.clone());
        let listening = self.context.table.listening(&topic).await?;
        let now = self.context.clock.now();
        Ok(listening.is_some_and(|listening| listening.hears(delivery.next_at, now)))
    }

    /// Lets a delivery go that nobody listens for. Somebody may have begun to listen after it was looked,
    /// and before this delivery could be found: so it is looked once more.
    async fn let_wait(
        &self,
        claimed: ClaimedDelivery,
        endpoint: &Endpoint,
        hops: u8,
    ) -> Result<AttemptOutcome, Unavailable> {
        let now = self.context.clock.now();
        let due = now.plus(listener::LOOK_AGAIN);
        if !claimed.delivery.may_wait(due) {
            let detail = "nobody listened before the delivery would have expired";
            return self.park(claimed, endpoint, ErrorClass::NoListener, detail).await;
        }
        let written = self.context.table.let_wait(&claimed, &endpoint.policy, due).await?;
        if written == ConcludeOutcome::Stale {
            return Ok(AttemptOutcome::Stale);
        }
        if self.is_heard(&claimed.delivery, endpoint).await? {
            let Delivery { event, id, .. } = &claimed.delivery;
            // Due first: a bell that is lost must not cost hours.
            self.context.table.hasten(event, id, now).await?;
            if let Err(error) = self.context.outbox.ring_again(&claimed.delivery, hops, now).await {
                warn!(%error, delivery = %id, "a listener's delivery was not rung for; the sweep will");
            }
        }
        Ok(AttemptOutcome::Early(due))
    }

    /// Concludes the attempt that a listener answers, if its claim still holds, and goes on with the lane.
    ///
    /// # Errors
    /// Fails if AWS does. The delivery is due when its claim ends.
    pub async fn conclude_answered(&self, answer: HandedAnswer) -> Result<(), Unavailable> {
        let HandedAnswer { event, delivery, claim, .. } = &answer;
        let Some(mut claimed) = self.context.table.claimed(event, delivery, claim).await? else {
            if answer.outcome == HandedOutcome::Unreached {
                // The message came twice: the first time may have ended before the second look.
                return self.attempt_rung(event, delivery, 0).await.map(drop);
            }
            info!(%delivery, "the answer of a listener came after its claim had ended");
            return Ok(());
        };
        // Its entry was removed before it was handed over; the claim did not write that.
        claimed.delivery.waits = false;
        let context = self.context.table.context(&claimed.delivery).await?;
        let (Some(_), Some(endpoint)) = (&context.event, &context.endpoint) else {
            claimed.delivery.state = DeliveryState::Cancelled;
            return self.end(&claimed, &Policy::default()).await.map(drop);
        };
        if endpoint.listener().is_none() {
            warn!(%delivery, "an answer was sent to a delivery that goes to no listener");
            return Ok(());
        }
        let Some(outcome) = call_outcome(answer.outcome) else {
            return self.let_wait(claimed, endpoint, 0).await.map(drop);
        };
        let manual = claimed.delivery.round == AttemptRound::Once;
        let (result, at) = result(answer, outcome, &claimed, self.context.clock.now());
        let asked = AttemptReason { manual, ..AttemptReason::default() };
        let attempted = self.conclude(claimed, &context, endpoint, result, at, asked).await?;
        let lane = AttemptReason::default();
        self.go_on_with_lane(&attempted, lane).await
    }
}

/// A delivery as it is handed over.
fn handed(
    claimed: &ClaimedDelivery,
    event: &Event,
    endpoint: &Endpoint,
    (request, is_original): (Request, bool),
) -> HandOver {
    let name = endpoint.listener().unwrap_or_default();
    let delivery = &claimed.delivery;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let request = HandedRequest::post(headers, &request.body, || {
        let (application, event) = (&endpoint.application, event.id.event());
        match is_original {
            true => format!("/v1/events/{event}/request"),
            false => format!("/v1/listeners/{name}/bodies/{event}?application={application}"),
        }
    });
    HandOver {
        topic: Topic::listener(endpoint.application.clone(), endpoint.id.clone()),
        event: event.id.clone(),
        id: delivery.id.clone(),
        claim: claimed.token().to_owned(),
        until: claimed.until,
        delivery: HandedDelivery::new(
            name,
            (&event.id, &delivery.id),
            delivery.tried() + 1,
            &event.event_type,
            claimed.token(),
            request,
        ),
    }
}

/// The outcome of a listener's call; `None` if none was made.
const fn call_outcome(outcome: HandedOutcome) -> Option<CallOutcome> {
    match outcome {
        HandedOutcome::Status(status) => Some(CallOutcome::Answered { status, retry_after: None }),
        HandedOutcome::Failed(class) => Some(CallOutcome::Failed(class)),
        HandedOutcome::Unreached => None,
    }
}

/// The result of a listener's call, and the time at which it began as far as can be told: a call cannot
/// have taken longer than its claim.
fn result(
    answer: HandedAnswer,
    outcome: CallOutcome,
    claimed: &ClaimedDelivery,
    now: Timestamp,
) -> (CallResult, Timestamp) {
    let failed = matches!(outcome, CallOutcome::Failed(_));
    let (detail, response) =
        if failed { (answer.body, String::new()) } else { (String::new(), answer.body) };
    let earliest = claimed.delivery.next_at.0.min(now.0);
    let ms = answer.ms.min(now.0 - earliest);
    let took = Duration::from_millis(ms);
    (CallResult { outcome, response, detail, took }, Timestamp(now.0 - ms))
}
