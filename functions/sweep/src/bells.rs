//! Marking what is due, and ringing for it.

use std::{collections::BTreeSet, time::Duration};

use adapters::{
    Unavailable,
    table::{DueItem, DueSubject, WriteOutcome},
};
use domain::{
    delivery::{Delivery, DeliveryState},
    time::Timestamp,
};
use futures::{StreamExt, stream};

use crate::{AT_ONCE, Sweep};

impl Sweep {
    /// Puts these off until their times; what moved meanwhile is somebody else's.
    pub(crate) async fn hold(&self, held: Vec<(DueItem, Timestamp)>) -> Result<(), Unavailable> {
        let hold = |(due, until): (DueItem, Timestamp)| async move {
            self.context().table.hold(&due, until).await
        };
        let held: Vec<_> = stream::iter(held).map(hold).buffer_unordered(AT_ONCE).collect().await;
        held.into_iter().try_for_each(|held| held.map(WriteOutcome::either_way))
    }

    /// Marks what is due; what moved meanwhile is somebody else's. What could not be marked is still
    /// due, and what could be is rung for all the same: it would wait for its mark otherwise.
    pub(crate) async fn mark(
        &self,
        due: Vec<DueItem>,
        now: Timestamp,
    ) -> (Vec<DueItem>, Result<(), Unavailable>) {
        let mark = |due: DueItem| async move { (self.context().table.mark(&due, now).await, due) };
        let mut marks = stream::iter(due).map(mark).buffer_unordered(AT_ONCE);
        let (mut marked, mut failed) = (Vec::new(), Ok(()));
        while let Some((mark, due)) = marks.next().await {
            match mark {
                Ok(WriteOutcome::Done) => marked.push(due),
                Ok(WriteOutcome::Refused) => (),
                Err(error) => failed = Err(error),
            }
        }
        (marked, failed)
    }

    /// Rings for all of these, whichever of the bells fail.
    pub(crate) async fn ring(
        &self,
        marked: Vec<DueItem>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let (mut pending, mut dead): (Vec<Delivery>, Vec<Delivery>) = Default::default();
        let mut batches = BTreeSet::new();
        let mut failed = Ok(());
        for due in marked {
            match due.what {
                DueSubject::Batch(batch) => _ = batches.insert(batch),
                DueSubject::Task(task) => {
                    failed = failed.and(self.calls.dead_letters.task(&task).await)
                }
                DueSubject::Gate(endpoint) => {
                    let at_once = [Duration::ZERO];
                    let rung = self.calls.dead_letters.gate(&endpoint, 0, &at_once).await;
                    failed = failed.and(rung);
                }
                DueSubject::FanOut(fan) => {
                    let rung = self.inbox.fan_out(&fan.event, &fan.application, 0).await;
                    failed = failed.and(rung);
                }
                DueSubject::Content(event) => {
                    failed = failed.and(self.calls.dead_letters.content(&event).await)
                }
                DueSubject::Listener(listener) => {
                    failed = failed.and(self.calls.dead_letters.listener(&listener).await)
                }
                // Asked for, not rung for.
                DueSubject::Job(_) => (),
                // Its key is in the log; it is due again later.
                DueSubject::Unreadable => (),
                DueSubject::Delivery(delivery) if delivery.state == DeliveryState::Pending => {
                    pending.push(*delivery);
                }
                DueSubject::Delivery(delivery) => dead.push(*delivery),
            }
        }
        // However many of its jobs are to be counted, one bell is enough.
        for batch in &batches {
            failed = failed.and(self.inbox.batch(batch).await);
        }
        let rung = self.context().outbox.ring(&pending, now).await;
        failed.and(rung).and(self.calls.dead_letters.park(&dead).await)
    }
}
