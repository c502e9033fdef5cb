//! Admission: whether an endpoint is called now, by its circuit and its rate; and the report of a call
//! to the endpoint's health.
//!
//! The report of a call is written before the delivery is concluded. A crash in between leaves a call
//! that is counted and a delivery that is attempted again, which is right because the circuit counts
//! calls. The probe of a worker that crashed is free again when its lease ends.

use adapters::{
    Unavailable,
    contested::{self, TryOutcome},
    table::{AttemptContext, ClaimedDelivery, WriteOutcome},
};
use domain::{
    delivery::Delivery,
    endpoint::{DisabledReason, Endpoint},
    health::{Admission, CallReport, Circuit, Health, HealthChange, HealthNotice},
    operational::{self, DeliveryTrouble, EndpointChange},
    pace::{self, Turn},
    time::Timestamp,
};
use tracing::{info, warn};

use crate::{context::CallContext, measure, operational::Telling, outcome::AttemptReason};

/// Tries of a change of an endpoint's health, beyond the failures that open its circuit: each of those
/// failures was counted by another worker, so that the circuit is open by then.
const ROUNDS: u32 = 8;

/// Whether a delivery is sent now.
pub(crate) enum AdmissionOutcome {
    /// The delivery is sent; a place in the row counts as this time.
    Now(Timestamp),
    /// The circuit of the endpoint is open until this time.
    Closed(Timestamp),
    /// The place of the delivery in the endpoint's row is at this time.
    Place(Timestamp),
}

/// The place of a delivery in the rows of its endpoint and its application.
enum RowPlace {
    /// The place was at this time, and is used now.
    Reached(Timestamp),
    /// The place is at this time, too far ahead to be waited for.
    Ahead(Timestamp),
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
    ) -> Result<AdmissionOutcome, Unavailable> {
        let (now, health) = (self.context.clock.now(), &context.health);
        if let Admission::Defer(until) = health.admit(asked.manual, now) {
            return Ok(AdmissionOutcome::Closed(until));
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
                RowPlace::Reached(place) => place,
                RowPlace::Ahead(at) => return Ok(AdmissionOutcome::Place(at)),
            }
        };
        let (token, table) = (claimed.token(), &self.context.table);
        let closed = AdmissionOutcome::Closed(now);
        let read = || self.health(endpoint);
        contested::rewrite_or(ROUNDS, closed, health.clone(), read, |health| async move {
            let now = self.context.clock.now();
            let admitted = TryOutcome::Settled(AdmissionOutcome::Now(place));
            match health.admit(asked.manual, now) {
                Admission::Go => return Ok(admitted),
                Admission::Defer(until) => {
                    // The answer to the write that took the probe was lost.
                    let is_own = matches!(&health.circuit, Circuit::HalfOpen { token: probe, .. } if probe == token);
                    let closed = TryOutcome::Settled(AdmissionOutcome::Closed(until));
                    return Ok(if is_own { admitted } else { closed });
                }
                Admission::Probe => {}
            }
            let probing = health.probing(token, Delivery::lease(&endpoint.policy), now);
            let kept = table.keep_health(&endpoint.id, health.version, &probing, now).await?;
            if kept == WriteOutcome::Refused {
                return Ok(TryOutcome::Refused);
            }
            measure::circuit(&endpoint.id, &probing.circuit, now);
            Ok(admitted)
        })
        .await
    }

    /// The health of an endpoint as the last write left it.
    pub(crate) async fn health(&self, endpoint: &Endpoint) -> Result<Health, Unavailable> {
        Ok(self.context.table.health(&endpoint.id).await?.unwrap_or_default())
    }

    /// The delivery's place in the rows that have a rate, waited for if it is near. The place in one is
    /// where it joins the next: in the last, its endpoint's, no two are nearer than the rate says.
    async fn place(
        &self,
        delivery: &mut Delivery,
        rows: [(&str, Option<u16>); 2],
    ) -> Result<RowPlace, Unavailable> {
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
                Ok(RowPlace::Reached(delivery.place.take().unwrap_or(now)))
            }
            Turn::Later(at) => Ok(RowPlace::Ahead(at)),
            // Nobody reserves a place that is over.
            Turn::Take => Ok(RowPlace::Reached(now)),
        }
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
        let read = || self.health(endpoint);
        let known = match context.health.circuit {
            Circuit::Closed => context.health.clone(),
            // The probe was taken since.
            _ => read().await?,
        };
        let tries = u32::from(endpoint.breaker.threshold) + ROUNDS;
        contested::rewrite_or(tries, (), known, read, |health| async move {
            let now = self.context.clock.now();
            let HealthChange::Changed { next, news } = health.judge(called, endpoint.breaker, now)
            else {
                return Ok(TryOutcome::Settled(()));
            };
            if let Some(news) = news {
                let since = health.failing_since.or(next.failing_since).unwrap_or(now);
                self.tell_owner(context, endpoint, delivery, (news, since), now).await?;
            }
            let table = &self.context.table;
            let kept = table.keep_health(&endpoint.id, health.version, &next, now).await?;
            if kept == WriteOutcome::Done && next.circuit != health.circuit {
                measure::circuit(&endpoint.id, &next.circuit, now);
                info!(endpoint = %endpoint.id, circuit = next.circuit.word(), "a circuit changed");
                if next.circuit == Circuit::Closed {
                    self.look_after_gate(&endpoint.id).await;
                }
            }
            Ok(kept.settles(()))
        })
        .await
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
            self.context.memory.forget(endpoint);
            warn!(endpoint = %endpoint.id, ?why, "an endpoint is disabled");
            if let Some(telling) = &telling {
                self.context.ring_telling(telling).await;
            }
        }
        Ok(())
    }
}
