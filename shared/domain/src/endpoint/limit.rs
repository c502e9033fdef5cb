//! How many endpoints an application may have.

use super::Endpoint;

/// Most endpoints of one application: an event and all its deliveries are recorded in one
/// transaction, which holds 100 items.
pub const MAX_ENDPOINTS: usize = 90;

/// For how many endpoints one counts that wants its deliveries in order: an event, its deliveries and
/// their places in lanes are recorded in one transaction, and a place takes two items more.
pub const ORDERED_WEIGHT: usize = 3;

impl Endpoint {
    /// For how many of an application's endpoints this one counts.
    pub const fn weight(&self) -> usize {
        if self.ordering.is_some() { ORDERED_WEIGHT } else { 1 }
    }
}
