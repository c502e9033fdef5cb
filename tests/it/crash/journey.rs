//! The journeys of the crash matrix.

/// A sequence of requests and events whose every AWS call may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// Completions, doubled and contradicted, to two subscribers; a message over the API.
    Delivered,
    /// A subscriber that is down, then up: retried, spent, parked, probed, recovered.
    Recovered,
    /// A dead letter put back by an operator; a poisoned message parked and put back.
    ByHand,
    /// A subscriber that is down, whose retries are seconds and half an hour away.
    Later,
    /// A subscriber that is gone for good.
    Gone,
    /// A job whose completion never comes, and whose platform is asked; then a webhook, too late.
    Missed,
    /// A batch that is created, whose jobs end, one of them registered, and that is closed.
    Batched,
    /// A job that is cancelled and whose platform is told; a completion arrives all the same.
    Cancelled,
    /// A subscriber whose circuit opens, is probed and closes, and that is disabled and enabled later;
    /// operational webhooks report all of that.
    Broken,
    /// Deliveries that wait at a gate: a probe that fails, one that is answered, the release of the others;
    /// and an endpoint that is moved.
    Gated,
    /// A subscriber that wants the events of one job in order.
    Ordered,
    /// A job's end, a message and a cancellation that go to more endpoints than one page holds.
    Paged,
    /// Content of messages that is removed: by a request, and because its retention has ended.
    Expunged,
    /// An endpoint that is created late: missed events are replayed; it fails, and failed ones recover.
    Replayed,
    /// Dead letters that are redriven by a filter, and one that is deleted.
    Purged,
    /// A request too large for a message, at a strict source with a rate limit, to an endpoint and an
    /// application with rates; and a sender's challenge.
    Guarded,
    /// A subscriber that is slow, whose calls take places while other workers hold all of them.
    Slow,
    /// The log of a job: lines with a key and signed, twice, in conflict, and after the job's end.
    Logged,
    /// Those who watch a job: a connection, lines, the end, and coming back.
    Watched,
    /// Requests that are refused, one that is delivered, the hour of figures that is added up, and an alarm.
    Counted,
    /// A listener: what waits, what comes, a server that fails, a program that is killed.
    Listened,
    /// A key that is used and revoked; a portal that is handed out, opened and ended.
    Admitted,
}

impl Journey {
    pub(super) const ALL: [Self; 22] = [
        Self::Delivered,
        Self::Recovered,
        Self::ByHand,
        Self::Later,
        Self::Gone,
        Self::Missed,
        Self::Batched,
        Self::Cancelled,
        Self::Broken,
        Self::Gated,
        Self::Ordered,
        Self::Paged,
        Self::Expunged,
        Self::Replayed,
        Self::Purged,
        Self::Guarded,
        Self::Slow,
        Self::Logged,
        Self::Watched,
        Self::Counted,
        Self::Listened,
        Self::Admitted,
    ];
}
