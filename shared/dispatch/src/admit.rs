//! Whether an endpoint is called now: its circuit, its rate; and what a call says about it.
//!
//! What a call found out about the endpoint is written before the delivery is concluded. A crash in
//! between leaves a call that is counted and a delivery that is attempted again: calls are what the
//! circuit counts. A crash of whoever holds the probe leaves a lease that ends.

use std::time::Duration;

use adapters::{
    Unavailable,
    table::{AttemptContext, ClaimedDelivery, WriteOutcome},
};
use domain::{
    delivery::Delivery,
    endpoint::{DisabledReason, Endpoint},
    health::{Admission, CallReport, Circuit, HealthChange, HealthNotice},
    operational::{self, DeliveryTrouble, EndpointChange},
    pace::{self, Turn},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{attempt::AttemptReason, context::CallContext, measure, operational::Telling};

/// Over how much time those who wait for an open circuit come back: one of them asks, and the others
/// need not all find that out at once.
const SPREAD: Duration = Duration::from_secs(10);
/// How often a change of an endpoint's health is decided anew because somebody else was faster,
/// beyond the failures that open it: each of those was counted, so the circuit is open by then.
const ROUNDS: u32 = 8;

/// Whether a delivery goes now.
pub(crate) enum Admitted {
    /// It does; a place in the row counts as this time.
    Now(Timestamp),
    /// Its endpoint is not called before then.
    Closed(Timestamp),
    /// Its place in the row is not before then.
    Place(Timestamp),
}

impl CallContext {
    /// Whether the endpoint is called now. Last of all the probe is taken: it must not be held by one
    /// that then waits for its place.
    pub(crate) async fn admit(
        &self,
        claimed: &mut ClaimedDelivery,
        endpoint: &Endpoint,
        context: &AttemptContext,
        asked: AttemptReason,
    ) -> Result<Admitted, Unavailable> {
        let (now, health) = (self.context.clock.now(), &context.health);
        if let Admission::Defer(until) = health.admit(asked.manual, now) {
            return Ok(Admitted::Closed(until));
        }
        // Somebody waits for one that a person asked for.
        let rows = [
            (endpoint.application.as_str(), context.application_rate),
            (endpoint.id.as_str(), endpoint.throttle_rate),
        ];
        let place = if asked.manual || rows.iter().all(|(_, rate)| rate.is_none()) {
            now
        } else {
            match self.place(&mut claimed.delivery, rows).await? {
                Ok(place) => place,
                Err(later) => return Ok(Admitted::Place(later)),
            }
        };
        let mut health = health.clone();
        for _ in 0..ROUNDS {
            let now = self.context.clock.now();
            match health.admit(asked.manual, now) {
                Admission::Go => return Ok(Admitted::Now(place)),
                Admission::Defer(until) => {
                    // An answer that was lost: the probe is ours.
                    if matches!(&health.circuit, Circuit::HalfOpen { token, .. } if token == claimed.token())
                    {
                        return Ok(Admitted::Now(place));
                    }
                    return Ok(Admitted::Closed(until));
                }
                Admission::Probe => {}
            }
            let lease = Delivery::lease(&endpoint.policy);
            let probing = health.probing(claimed.token(), lease, now);
            let kept =
                self.context.table.keep_health(&endpoint.id, health.version, &probing, now).await?;
            if kept == WriteOutcome::Done {
                measure::circuit(&endpoint.id, &probing.circuit, now);
                return Ok(Admitted::Now(place));
            }
            health = self.context.table.health(&endpoint.id).await?.unwrap_or_default();
        }
        Ok(Admitted::Closed(self.context.clock.now()))
    }

    /// The delivery's place in the rows that have a rate, waited for if it is near. The place in one is
    /// where it joins the next: in the last, its endpoint's, no two are nearer than the rate says.
    async fn place(
        &self,
        delivery: &mut Delivery,
        rows: [(&str, Option<u16>); 2],
    ) -> Result<Result<Timestamp, Timestamp>, Unavailable> {
        let now = self.context.clock.now();
        if pace::turn(delivery.place, now) == Turn::Take {
            let mut place = now;
            for (name, rate) in rows {
                if let Some(rate) = rate {
                    place = self.context.table.reserve(name, rate, place).await?;
                }
            }
            delivery.place = Some(place);
        }
        match pace::turn(delivery.place, now) {
            Turn::Go(wait) => {
                tokio::time::sleep(wait).await;
                Ok(Ok(delivery.place.take().unwrap_or(now)))
            }
            Turn::Later(at) => Ok(Err(at)),
            // Nobody reserves a place that is over.
            Turn::Take => Ok(Ok(now)),
        }
    }

    /// When a delivery comes back that waits for an open circuit.
    pub(crate) fn spread(until: Timestamp, dice: f64) -> Timestamp {
        until.plus(SPREAD.mul_f64(dice))
    }

    /// Writes down what a call says about its endpoint. Whatever goes wrong here goes wrong once
    /// more with the next call, and nothing of the delivery depends on it.
    pub(crate) async fn notice(
        &self,
        context: &AttemptContext,
        endpoint: &Endpoint,
        delivery: &Delivery,
        called: CallReport<'_>,
    ) {
        if let Err(error) = self.note_health(context, endpoint, delivery, called).await {
            warn!(%error, endpoint = %endpoint.id, "how an endpoint fares was not written down");
        }
    }

    async fn note_health(
        &self,
        context: &AttemptContext,
        endpoint: &Endpoint,
        delivery: &Delivery,
        called: CallReport<'_>,
    ) -> Result<(), Unavailable> {
        let mut health = match context.health.circuit {
            Circuit::Closed => context.health.clone(),
            // The probe was taken since.
            _ => self.context.table.health(&endpoint.id).await?.unwrap_or_default(),
        };
        for _ in 0..u32::from(endpoint.breaker.threshold) + ROUNDS {
            let now = self.context.clock.now();
            let HealthChange::Changed { next, news } = health.judge(called, endpoint.breaker, now)
            else {
                return Ok(());
            };
            if let Some(news) = news {
                let since = health.failing_since.or(next.failing_since).unwrap_or(now);
                self.tell_owner(context, endpoint, delivery, (news, since), now).await?;
            }
            let kept =
                self.context.table.keep_health(&endpoint.id, health.version, &next, now).await?;
            if kept == WriteOutcome::Done {
                if next.circuit != health.circuit {
                    measure::circuit(&endpoint.id, &next.circuit, now);
                    info!(endpoint = %endpoint.id, circuit = next.circuit.word(), "a circuit changed");
                }
                return Ok(());
            }
            health = self.context.table.health(&endpoint.id).await?.unwrap_or_default();
        }
        Ok(())
    }

    /// What follows is done before it is written down that it was: it may be done again.
    async fn tell_owner(
        &self,
        context: &AttemptContext,
        endpoint: &Endpoint,
        delivery: &Delivery,
        (news, since): (HealthNotice, Timestamp),
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let trouble = match news {
            HealthNotice::GivenUp => {
                return self.disable(endpoint, DisabledReason::Failing, since, now).await;
            }
            HealthNotice::Failing => DeliveryTrouble::Failing { since },
            HealthNotice::Recovered => DeliveryTrouble::Recovered { since },
        };
        let (Some(event), Some(last)) = (&context.event, delivery.attempts.last()) else {
            return Ok(());
        };
        let application = self.context.table.application(&endpoint.application).await?;
        let story = (event, delivery, last);
        let news = operational::of_trouble(trouble, endpoint, story, application.as_ref(), now);
        match news {
            Some(news) => self.context.tell(news, now).await,
            None => Ok(()),
        }
    }

    /// Nothing more is sent until its owner says otherwise, who hears of it in the same step. If
    /// somebody changed the endpoint meanwhile, the next call will do.
    pub(crate) async fn disable(
        &self,
        endpoint: &Endpoint,
        why: DisabledReason,
        failing_since: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let mut disabled = endpoint.clone();
        disabled.disabled = Some(why);
        disabled.updated_at = now;
        let application = self.context.table.application(&endpoint.application).await?;
        let change = EndpointChange::Disabled { failing_since };
        let news = operational::of_change(change, endpoint, application.as_ref(), now);
        let telling = self.context.telling(news, now).await?;
        let recordings: Vec<_> = telling.iter().map(Telling::recording).collect();
        let table = &self.context.table;
        if table.update_endpoint_telling(endpoint, &disabled, &recordings).await?
            == WriteOutcome::Done
        {
            warn!(endpoint = %endpoint.id, ?why, "an endpoint is disabled");
            if let Some(telling) = &telling {
                self.context.ring(&telling.deliveries).await;
            }
        }
        Ok(())
    }
}
