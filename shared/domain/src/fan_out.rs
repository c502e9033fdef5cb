//! The fan-out of an event to an application with so many endpoints that their deliveries are created in
//! pages, each by a message of its own.
//!
//! The event and its fan-out are recorded in one transaction. The fan-out names the place up to which the
//! application's endpoints were judged. Endpoints are judged in the order of their ids, so that one that is
//! created or deleted meanwhile moves no other. A page that is worked on twice creates nothing twice: the id of
//! a delivery is derived from event and endpoint.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    delivery::{GRACE, MAX_HOPS},
    endpoint::{Endpoint, MAX_TOGETHER},
    id::{ApplicationId, EndpointId, EventId},
    time::Timestamp,
};

/// The sizes of the steps of a fan-out. Tests make them small.
#[derive(Clone, Copy, Debug)]
pub struct FanOutSizes {
    /// Most weight of an application whose deliveries are recorded together with their event.
    pub together: usize,
    /// Endpoints that are read, judged and written at a time.
    pub page: usize,
    /// Pages that one message works on.
    pub pages: usize,
}

impl Default for FanOutSizes {
    /// With [`MAX_ENDPOINTS`](crate::endpoint::MAX_ENDPOINTS) endpoints that are ten messages and one that finds
    /// the end, fewer than [`MAX_HOPS`].
    fn default() -> Self {
        Self { together: MAX_TOGETHER, page: 100, pages: 10 }
    }
}

/// The time for which a message goes on with further pages. `process` has 30 s, and the other messages of the
/// batch wait for this one.
pub const PATIENCE: Duration = Duration::from_secs(8);

/// The progress of creating the deliveries of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FanOut {
    /// The event that is delivered to many endpoints.
    pub event: EventId,
    /// The application whose endpoints receive the event.
    pub application: ApplicationId,
    /// The last endpoint that was judged; `None` before the first page.
    #[serde(default)]
    pub after: Option<EndpointId>,
    /// Endpoints that were judged when the event was recorded: those that want order, webhooks of its job, and
    /// the endpoint that an operational event is about.
    #[serde(default)]
    pub judged: Vec<EndpointId>,
    /// Whether every endpoint was judged.
    #[serde(default)]
    pub has_ended: bool,
    /// The number of writes; each is conditional on the version that was read.
    pub version: u64,
}

impl FanOut {
    /// The fan-out of an event that is recorded now, to all endpoints but these.
    pub fn new(event: EventId, application: ApplicationId, judged: &[Endpoint]) -> Self {
        let judged = judged.iter().map(|endpoint| endpoint.id.clone()).collect();
        Self { event, application, after: None, judged, has_ended: false, version: 1 }
    }

    /// The time at which the sweep rings for the fan-out, unless it moves before: [`GRACE`] after its own
    /// bell, or at once if the chain of bells is [`MAX_HOPS`] long; `None` if it has ended.
    pub fn due(&self, hops: u8, now: Timestamp) -> Option<Timestamp> {
        let at = if hops < MAX_HOPS { now.plus(GRACE) } else { now };
        (!self.has_ended).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::{MAX_ENDPOINTS, MAX_ORDERED};

    #[test]
    fn the_messages_of_the_largest_application_are_one_chain_of_bells() {
        let FanOutSizes { page, pages, .. } = FanOutSizes::default();
        assert!(MAX_ENDPOINTS / (page * pages) < usize::from(MAX_HOPS));
    }

    #[test]
    fn ordered_endpoints_fit_the_transaction_of_their_event() {
        let now = Timestamp::from_secs(1_700_000_000);
        let application = ApplicationId::named("acme");
        let mut ordered =
            Endpoint::new(EndpointId::derive(&["e"]), application, "https://a.example/", now);
        ordered.ordering = Some(crate::lane::DeliveryOrdering::Job);
        assert!(MAX_ORDERED * ordered.weight() <= MAX_TOGETHER);
    }

    #[test]
    fn the_sweep_rings_a_minute_later_or_at_once_after_a_long_chain_and_never_at_the_end() {
        let now = Timestamp::from_secs(1_700_000_000);
        let event = EventId::derive(&["e"]);
        let mut fan = FanOut::new(event, ApplicationId::named("acme"), &[]);
        assert_eq!(fan.due(0, now), Some(now.plus(GRACE)));
        assert_eq!(fan.due(MAX_HOPS, now), Some(now));
        fan.has_ended = true;
        assert_eq!(fan.due(0, now), None);
    }
}
