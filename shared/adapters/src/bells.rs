//! Rings for what is in the table: a bell that is lost costs time, never a delivery, because
//! everything that is to happen is also `due`.

use std::time::Duration;

use domain::{
    delivery::{Delivery, MAX_HOPS, MAX_QUEUE_DELAY},
    envelope::Doorbell,
    id::{BatchId, EventId, TaskId},
    time::Timestamp,
};

use crate::{
    Unavailable,
    queue::{Queue, QueueMessage},
};

/// Where deliveries to be attempted are rung for.
#[derive(Clone, Debug)]
pub struct Outbox(pub Queue);

/// Where batches to be counted are rung for, among the requests that end their jobs.
#[derive(Clone, Debug)]
pub struct Inbox(pub Queue);

impl Inbox {
    /// Rings for a batch. A second later, so that jobs that end together are counted together.
    pub async fn batch(&self, batch: &BatchId) -> Result<(), Unavailable> {
        let body = Doorbell::Batch { batch: batch.clone() }.print();
        let group = Some(batch.to_string());
        self.0.send(QueueMessage { body, delay: Duration::from_secs(1), group }).await
    }
}

/// Both queues on which something is rung for.
#[derive(Clone, Debug)]
pub struct Bells {
    /// Deliveries to be attempted.
    pub outbox: Outbox,
    /// Deliveries to be parked, tasks, and content to be removed.
    pub dead_letters: Queue,
}

impl Outbox {
    /// Rings for deliveries at their time. Those too far ahead for a message are left to the sweep.
    pub async fn ring<'d>(
        &self,
        deliveries: impl IntoIterator<Item = &'d Delivery>,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let soon = deliveries.into_iter().filter_map(|delivery| {
            let delay = delivery.next_at.since(now);
            (delay <= MAX_QUEUE_DELAY).then(|| bell(delivery, delay, 0))
        });
        self.0.send_all(soon.collect()).await
    }

    /// Rings once more for a delivery that somebody heard the bell number `hops` of a chain for. A
    /// chain that has become too long is left to the sweep, which begins another.
    pub async fn ring_again(
        &self,
        delivery: &Delivery,
        hops: u8,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let delay = delivery.next_at.since(now);
        if MAX_QUEUE_DELAY < delay || MAX_HOPS <= hops {
            return Ok(());
        }
        self.0.send(bell(delivery, delay, hops + 1)).await
    }
}

impl Bells {
    /// The bells of these queues.
    pub const fn new(outbox: Queue, dead_letters: Queue) -> Self {
        Self { outbox: Outbox(outbox), dead_letters }
    }

    /// Rings for dead deliveries to be parked.
    pub async fn park<'d>(
        &self,
        deliveries: impl IntoIterator<Item = &'d Delivery>,
    ) -> Result<(), Unavailable> {
        let bells = deliveries.into_iter().map(|delivery| bell(delivery, Duration::ZERO, 0));
        self.dead_letters.send_all(bells.collect()).await
    }

    /// Rings for content whose time is over.
    pub async fn content(&self, event: &EventId) -> Result<(), Unavailable> {
        let body = Doorbell::Content { content: event.clone() }.print();
        self.dead_letters.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }

    /// Rings for a task.
    pub async fn task(&self, task: &TaskId) -> Result<(), Unavailable> {
        let body = Doorbell::Task { task: task.clone() }.print();
        self.dead_letters.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }
}

/// Fair queues tell endpoints apart by the group, so that a hung one does not delay the others.
fn bell(delivery: &Delivery, delay: Duration, hops: u8) -> QueueMessage {
    let (event, id) = (delivery.event.clone(), delivery.id.clone());
    let body = Doorbell::Delivery { event, delivery: id, hops }.print();
    QueueMessage { body, delay, group: Some(delivery.endpoint.to_string()) }
}
