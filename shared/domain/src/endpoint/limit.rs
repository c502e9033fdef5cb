//! The number of endpoints that an application may have, and the number of them that one transaction serves.

use super::Endpoint;

/// Most endpoints of one application. An event to all of them is written by ten messages of the inbox, one
/// after the other ([`FanOutSizes`](crate::fan_out::FanOutSizes)).
pub const MAX_ENDPOINTS: usize = 10_000;

/// Most endpoints of one application that want their deliveries in order. Their deliveries are recorded in the
/// transaction that records the event, three items each, so that the order of a lane is that of the events. A
/// transaction holds 100 items.
pub const MAX_ORDERED: usize = 30;

/// Most weight of an application whose deliveries are recorded together with their event. The deliveries to the
/// endpoints of a heavier application follow in pages.
pub const MAX_TOGETHER: usize = 90;

/// The weight of an endpoint that wants its deliveries in order. Recording a delivery takes one
/// item of the transaction, and recording its place in a lane takes two more.
const ORDERED_WEIGHT: usize = 3;

impl Endpoint {
    /// The number of [`MAX_TOGETHER`] that this endpoint uses up.
    pub const fn weight(&self) -> usize {
        if self.ordering.is_some() { ORDERED_WEIGHT } else { 1 }
    }
}
