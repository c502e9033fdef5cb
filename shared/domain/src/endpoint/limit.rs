//! How many endpoints an application may have.

use super::Endpoint;

/// Most endpoints of one application: an event and all its deliveries are recorded in one
/// transaction, which holds 100 items.
pub const MAX_ENDPOINTS: usize = 90;

/// The weight of an endpoint that wants its deliveries in order. Recording a delivery takes one
/// item of the transaction, and recording its place in a lane takes two more.
pub const ORDERED_WEIGHT: usize = 3;

impl Endpoint {
    /// The number of [`MAX_ENDPOINTS`] that this endpoint uses up.
    pub const fn weight(&self) -> usize {
        if self.ordering.is_some() { ORDERED_WEIGHT } else { 1 }
    }
}
