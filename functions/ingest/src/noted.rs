//! An accepted request as the log of accesses shows it. Made only where somebody reads that log,
//! because the type of most events stands in the body, which `process` reads and not this function.

use domain::source::{AcceptedRequest, Gate};

/// An accepted request. It travels from the handler to the log as an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct NotedEvent {
    /// The id of the event.
    pub(crate) id: String,
    /// The type that the event will have.
    pub(crate) event_type: String,
}

impl NotedEvent {
    pub(crate) fn of(gate: &Gate, accepted: &AcceptedRequest, content: &[u8]) -> Self {
        let readable = gate.profile.readable(content, accepted.form);
        let said = gate.profile.read(&readable);
        let spelled = || gate.profile.event_type(accepted.event_type.clone()).map(|it| it.name);
        let of_job = said.status.filter(|_| said.job.is_some());
        let event_type = match of_job {
            Some(status) => Some(status.event_type().unwrap_or("job.pending").to_owned()),
            None => spelled().or(said.event_type),
        };
        Self {
            id: accepted.event.event(),
            event_type: event_type.unwrap_or_else(|| "event.received".to_owned()),
        }
    }
}
