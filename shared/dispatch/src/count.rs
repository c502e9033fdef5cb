//! Counting what is done to events, deliveries and dead letters, see [`figures`](crate::figures).

use domain::{
    delivery::Delivery,
    endpoint::EndpointScope,
    envelope::Trust,
    event::{Event, EventOutcome, Origin},
    figures::{Counter, Figure, Subject},
    retry::RetryVerdict,
    time::Timestamp,
};

use crate::{context::Context, figures::FigureTally};

impl Context {
    /// Counts what this process does, and writes it at the end of every invocation.
    #[must_use]
    pub fn counting_figures(self) -> Self {
        Self { figures: FigureTally::counting(), ..self }
    }

    /// Tells watchers what was noted, and writes the figures that were. To be called at the end of every
    /// invocation.
    pub async fn end_invocation(&self) {
        tokio::join!(self.tell_watchers(), self.figures.write(&self.table, &self.clock));
    }

    /// Counts a request of a source that became an event.
    pub fn count_event(&self, event: &Event) {
        let Origin::Source { id, trust, .. } = &event.origin else { return };
        let source = Some(Subject::source(id));
        self.figures.note(&event.application, |figures| {
            if is_request(*trust) {
                figures.count(Counter::Received, source);
            }
            if event.outcome == EventOutcome::Announced {
                figures.count(Counter::Announced, source);
            }
        });
    }

    /// Counts a request of a source whose key was known: a repetition, or one with other bytes.
    pub fn count_again(&self, event: &Event, trust: Trust, conflict: bool) {
        let Origin::Source { id, .. } = &event.origin else { return };
        let source = Some(Subject::source(id));
        if !is_request(trust) {
            return;
        }
        self.figures.note(&event.application, |figures| {
            figures.count(Counter::Received, source);
            let counter = if conflict { Counter::Conflicts } else { Counter::Duplicates };
            figures.count(counter, source);
        });
    }

    /// Counts a delivery that became a dead letter.
    pub fn count_parked(&self, delivery: &Delivery) {
        self.figures.note(&delivery.application, |figures| {
            figures.count(Counter::Parked, subject(delivery));
        });
    }

    /// Counts the attempt that a delivery records last, and how long its event was under way.
    pub(crate) fn count_attempt(
        &self,
        delivery: &Delivery,
        event: Option<&Event>,
        verdict: &RetryVerdict,
        now: Timestamp,
    ) {
        let Some(attempt) = delivery.attempts.last() else { return };
        let arrived = event.and_then(|event| arrival(delivery, event));
        self.figures.note(&delivery.application, |figures| {
            figures.count(Counter::Attempts, subject(delivery));
            match (verdict, attempt.error) {
                (RetryVerdict::Delivered, _) => {
                    figures.count(Counter::Delivered, subject(delivery))
                }
                (_, Some(class)) => figures.count(Counter::Failed(class), subject(delivery)),
                (_, None) => (),
            }
            let Some(arrived) = arrived else { return };
            if delivery.made == 1 {
                figures.measure(Figure::FirstAttempt, attempt.at.since(arrived));
            }
            if *verdict == RetryVerdict::Delivered {
                figures.measure(Figure::Delivery, now.since(arrived));
            }
        });
    }
}

/// Whether a sender's own request is behind an event, and no question or word of the relay's side.
const fn is_request(trust: Trust) -> bool {
    matches!(trust, Trust::Signed | Trust::Token)
}

/// The endpoint of a delivery, if it is an application's. Those of jobs and batches are as many as these,
/// and would leave no room for the others.
fn subject(delivery: &Delivery) -> Option<Subject> {
    let own = delivery.scope == EndpointScope::Application;
    own.then(|| Subject::endpoint(&delivery.endpoint))
}

/// The time from which a delivery is measured: the arrival of its event, the time for which the event was
/// scheduled, or for the endpoint of a job or batch, which may be named later, the delivery's own
/// beginning. `None` for a replay: its event came long ago.
fn arrival(delivery: &Delivery, event: &Event) -> Option<Timestamp> {
    let began = match delivery.scope {
        EndpointScope::Application => event.created_at,
        EndpointScope::Job(_) | EndpointScope::Batch(_) => delivery.created_at,
    };
    let scheduled = event.asked.deliver_at.unwrap_or_default();
    (delivery.generation == 0).then(|| began.max(scheduled))
}
