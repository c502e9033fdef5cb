//! An event, and what is recorded with it in one step.

use domain::{
    batch::BatchMarker, delivery::Delivery, endpoint::Endpoint, event::Event, job::Job,
    request::RequestRecord,
};

/// An event, and what it changes.
#[derive(Debug)]
pub struct EventRecording<'a> {
    /// The event.
    pub event: &'a Event,
    /// The job as it becomes.
    pub job: Option<&'a Job>,
    /// What that means for its batch.
    pub marker: Option<&'a BatchMarker>,
    /// The request that it came with.
    pub request: Option<&'a RequestRecord>,
    /// Whom it goes to.
    pub deliveries: &'a [Delivery],
    /// The endpoints that were judged. If deliveries follow in pages, no page judges them again.
    pub endpoints: &'a [Endpoint],
    /// One of those that is made for this event alone.
    pub callee: Option<&'a Endpoint>,
}

/// What came of recording an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RecordOutcome {
    /// It is in the table with all its deliveries.
    New,
    /// The event is known already, or its job changed since it was read: look again.
    Contested,
}
