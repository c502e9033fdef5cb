//! The gate of an endpoint: where deliveries wait while the endpoint's circuit is open, so that none of them
//! is rung for. The gate lets one delivery through as the probe. When the circuit has closed, it lets all
//! others through in order, at a rate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    delivery::Delivery,
    endpoint::{Endpoint, EndpointScope},
    health::{Admission, Health},
    id::{ApplicationId, EndpointId},
    task::{Cadence, LEASE, Places},
    time::Timestamp,
};

/// Deliveries that a gate lets through per second, if neither the endpoint nor its application has a rate of
/// its own: 100,000 in 17 minutes. An endpoint that was down just now should not get them at once.
pub const RELEASE_RATE: u32 = 100;
/// The time after a probe was rung for at which the gate looks what came of it, beyond the probe's lease.
const AFTER_LEASE: Duration = Duration::from_secs(5);
/// The time between the last delivery that was let through and the next look for such as still wait. Their
/// bells have rung by then, and those are found whose worker came to the gate while it was opened.
const SETTLES: Duration = Duration::from_secs(60);
/// The time for which nothing must wait at a gate before it is removed. A worker may have seen the gate and
/// not yet put its delivery there; no invocation that calls endpoints lasts as long (template.yaml: 360 s).
pub const EMPTY_FOR: Duration = Duration::from_secs(900);

/// The gate of an endpoint, as the table holds it. It is there while something may wait at it, and due when
/// it is to be looked after. A step that is repeated after a crash rings for what it rang for before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The endpoint whose deliveries wait at the gate.
    pub endpoint: EndpointId,
    /// The application of the endpoint.
    pub application: ApplicationId,
    /// The scope of the endpoint, which is a part of the endpoint's key in the table.
    #[serde(default)]
    pub scope: EndpointScope,
    /// The place in the list of what waits behind which the next step goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The times up to which deliveries were let through; `None` while the gate lets none through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence: Option<Cadence>,
    /// The end of the lease of the worker that does a step. Other workers leave the gate alone until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// The time since which looks found nothing that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_since: Option<Timestamp>,
    /// The number of changes; every write is conditional on the version that was read.
    pub version: u64,
}

/// The deliveries that a gate lets through now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// No delivery is called before this time.
    Shut(Timestamp),
    /// One, as the probe of the circuit.
    Probe,
    /// All, so many per second.
    Free(u32),
}

impl Passage {
    /// The passage to an endpoint. To one that is gone, disabled, or of an application that is gone, every
    /// delivery passes, and then ends without a call.
    pub fn of(
        endpoint: Option<&Endpoint>,
        application_rate: Option<u16>,
        health: &Health,
        now: Timestamp,
    ) -> Self {
        let Some(endpoint) = endpoint.filter(|endpoint| endpoint.disabled.is_none()) else {
            return Self::Free(RELEASE_RATE);
        };
        match health.admit(false, now) {
            Admission::Defer(until) => Self::Shut(until),
            Admission::Probe => Self::Probe,
            Admission::Go => {
                let rates = [endpoint.throttle_rate, application_rate].into_iter().flatten();
                Self::Free(rates.min().map_or(RELEASE_RATE, u32::from).max(1))
            }
        }
    }
}

impl Gate {
    /// A gate at which a delivery is about to wait.
    pub fn before(delivery: &Delivery) -> Self {
        Self {
            endpoint: delivery.endpoint.clone(),
            application: delivery.application.clone(),
            scope: delivery.scope.clone(),
            cursor: None,
            cadence: None,
            lease_until: None,
            empty_since: None,
            version: 0,
        }
    }

    /// Whether a worker does a step because of a bell that follows from `hops` fans of bells. A bell that
    /// another bell was faster than, or that comes after the walk, is not heard; the first of a chain always
    /// is.
    pub fn hears(&self, hops: u8, now: Timestamp) -> bool {
        let early = |cadence: &Cadence| cadence.is_early(now);
        self.lease_until.is_none_or(|until| until <= now)
            && (hops == 0 || self.cadence.as_ref().is_some_and(|it| !early(it)))
    }

    /// The gate with the lease of a step that begins now, and the end of the lease.
    #[must_use]
    pub fn leased(&self, now: Timestamp) -> (Self, Timestamp) {
        let until = now.plus(LEASE);
        (Self { lease_until: Some(until), ..self.clone() }, until)
    }

    /// Ends a release, because the circuit is open. The next one begins with whatever waits first.
    pub fn shut(&mut self) {
        (self.cursor, self.cadence, self.lease_until, self.empty_since) = (None, None, None, None);
    }

    /// The time at which to look what came of the probe, which was rung for at `now` and is claimed for
    /// `lease`.
    pub fn after_probe(lease: Duration, now: Timestamp) -> Timestamp {
        now.plus(lease + AFTER_LEASE)
    }

    /// The times at which a step at `now` lets deliveries through.
    pub fn places(&self, per_second: u32, now: Timestamp) -> Places {
        let begun = Cadence::begun(now);
        self.cadence.as_ref().unwrap_or(&begun).places(per_second, now)
    }

    /// Notes that a step has let deliveries through up to these places.
    pub fn keep_place(&mut self, places: &Places, now: Timestamp) {
        self.cadence.get_or_insert(Cadence::begun(now)).next_at = places.next_at();
        self.empty_since = None;
    }

    /// Ends a walk over what waits; returns the time at which to look for what still does.
    pub fn end_walk(&mut self, now: Timestamp) -> Timestamp {
        let last = self.cadence.as_ref().map_or(now, |cadence| cadence.next_at.max(now));
        self.shut();
        last.plus(SETTLES)
    }

    /// Notes a look that found nothing; returns the time of the next, or `None` if the gate may be removed.
    pub fn find_nothing(&mut self, now: Timestamp) -> Option<Timestamp> {
        let since = self.empty_since;
        self.shut();
        self.empty_since = since.or(Some(now));
        match since {
            None => Some(now.plus(SETTLES)),
            Some(since) if since.plus(EMPTY_FOR) <= now => None,
            Some(since) => Some(since.plus(EMPTY_FOR)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        endpoint::DisabledReason,
        event::Event,
        health::Circuit,
        id::EventId,
        task::{AHEAD, BEAT},
    };

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn endpoint() -> Endpoint {
        let application = ApplicationId::named("acme");
        Endpoint::new(EndpointId::derive(&["p"]), application, "https://a.example", NOW)
    }

    fn gate() -> Gate {
        let application = ApplicationId::named("acme");
        let event = Event::by_relay(EventId::derive(&["e"]), application, "a.b", b"{}", NOW);
        Gate::before(&Delivery::new(&event, &endpoint(), 0, NOW))
    }

    #[test]
    fn a_gate_is_shut_while_the_circuit_is_open_and_free_when_there_is_nothing_to_protect() {
        let until = NOW.plus(MINUTE);
        let open = Health { circuit: Circuit::Open { until }, ..Health::default() };
        let probed = Circuit::HalfOpen { token: "t".to_owned(), until };
        let probed = Health { circuit: probed, ..Health::default() };
        let (closed, own) = (Health::default(), endpoint());
        let slow = Endpoint { throttle_rate: Some(5), ..endpoint() };
        let off = Endpoint { disabled: Some(DisabledReason::Gone), ..endpoint() };
        for (endpoint, rate, health, at, passage) in [
            (Some(&own), None, &open, NOW, Passage::Shut(until)),
            (Some(&own), None, &probed, NOW, Passage::Shut(until)),
            (Some(&own), None, &open, until, Passage::Probe),
            (Some(&own), None, &probed, until, Passage::Probe),
            (Some(&own), None, &closed, NOW, Passage::Free(RELEASE_RATE)),
            (Some(&slow), None, &closed, NOW, Passage::Free(5)),
            (Some(&slow), Some(2), &closed, NOW, Passage::Free(2)),
            (Some(&own), Some(7), &closed, NOW, Passage::Free(7)),
            (Some(&off), Some(7), &open, NOW, Passage::Free(RELEASE_RATE)),
            (None, None, &open, NOW, Passage::Free(RELEASE_RATE)),
        ] {
            assert_eq!(Passage::of(endpoint, rate, health, at), passage, "{health:?} at {at:?}");
        }
    }

    #[test]
    fn a_gate_goes_after_nothing_has_waited_for_a_while_and_not_after_one_look() {
        let mut gate = gate();
        let first = gate.find_nothing(NOW).expect("looks again");
        assert_eq!(first, NOW.plus(SETTLES));
        assert_eq!(gate.find_nothing(first), Some(NOW.plus(EMPTY_FOR)));
        assert_eq!(gate.clone().find_nothing(NOW.plus(EMPTY_FOR)), None);
        // What waits meanwhile begins the count anew.
        gate.shut();
        assert_eq!(gate.find_nothing(NOW.plus(EMPTY_FOR)), Some(NOW.plus(EMPTY_FOR + SETTLES)));
    }

    #[test]
    fn a_release_has_a_rate_and_hears_a_bell_of_a_fan_only_when_there_is_something_to_do() {
        let mut gate = gate();
        assert!(gate.hears(0, NOW) && !gate.hears(1, NOW), "nothing was let through yet");
        let (leased, until) = gate.leased(NOW);
        assert!(!leased.hears(0, NOW) && leased.hears(0, until));
        let mut places = gate.places(10, NOW);
        assert_eq!(std::iter::from_fn(|| places.take()).count() as u64, 10 * AHEAD.as_secs());
        gate.keep_place(&places, NOW);
        assert!(!gate.hears(1, NOW), "everything has its time");
        assert!(gate.hears(1, NOW.plus(BEAT)));
        let mut next = gate.places(10, NOW.plus(BEAT));
        assert_eq!(next.take(), Some(NOW.plus(AHEAD)), "it goes on where it was");
        assert_eq!(gate.end_walk(NOW), NOW.plus(AHEAD + SETTLES));
        assert!(!gate.hears(1, NOW.plus(AHEAD)), "a bell that comes after the walk");
    }
}
