//! Doorbells: messages that name an item of the table for which something is to be done. A lost
//! doorbell costs time but no delivery, because the item is also `due` and the sweep rings again.

use std::time::Duration;

use domain::{
    delivery::{Delivery, MAX_HOPS, MAX_QUEUE_DELAY},
    envelope::Doorbell,
    id::{DeliveryId, EndpointId, EventId, TaskId},
    listener::{HandedAnswer, Listener},
    time::Timestamp,
};

use crate::{
    Unavailable,
    queue::{Queue, QueueMessage},
    table::{GatedDelivery, LaterDelivery, WaitingDelivery},
};

/// The queue that `deliver` reads: doorbells for deliveries to be attempted.
#[derive(Clone, Debug)]
pub struct Outbox(pub Queue);

/// The queue that `redeliver` reads: doorbells for deliveries to be parked, for tasks and gates, and for
/// content to be removed. SQS itself moves messages from the outbox there that were received too often.
#[derive(Clone, Debug)]
pub struct DeadLetters(pub Queue);

impl Outbox {
    /// Rings for each delivery at its `next_at`. Deliveries whose time is further ahead than a message
    /// can be delayed ([`MAX_QUEUE_DELAY`]) are left to the sweep.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
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

    /// Rings again for a delivery whose doorbell was number `hops` of a chain. A chain of [`MAX_HOPS`]
    /// is left to the sweep, which begins another.
    ///
    /// # Errors
    /// Fails if SQS does.
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

impl Outbox {
    /// Rings for deliveries to an endpoint that waited for somebody to listen.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn wake(
        &self,
        endpoint: &EndpointId,
        waiting: &[WaitingDelivery],
    ) -> Result<(), Unavailable> {
        let bell = |waiting: &WaitingDelivery| {
            let WaitingDelivery { event, delivery } = waiting.clone();
            bell_for(event, delivery, endpoint, Duration::ZERO, 0)
        };
        self.0.send_all(waiting.iter().map(bell).collect()).await
    }

    /// Rings for deliveries that waited at an endpoint's gate, each after its delay.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn let_through(
        &self,
        endpoint: &EndpointId,
        deliveries: &[(GatedDelivery, Duration)],
    ) -> Result<(), Unavailable> {
        let bell = |(gated, delay): &(GatedDelivery, Duration)| {
            let GatedDelivery { event, delivery, .. } = gated.clone();
            bell_for(event, delivery, endpoint, *delay, 0)
        };
        self.0.send_all(deliveries.iter().map(bell).collect()).await
    }

    /// Rings for deliveries that waited for a later time, each at its own.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn ring_later(
        &self,
        deliveries: &[LaterDelivery],
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let bell = |later: &LaterDelivery| {
            let LaterDelivery { event, delivery, endpoint, at, .. } = later.clone();
            bell_for(event, delivery, &endpoint, at.since(now), 0)
        };
        self.0.send_all(deliveries.iter().map(bell).collect()).await
    }

    /// Brings the answer of a listener to `deliver`, which may conclude deliveries.
    ///
    /// # Errors
    /// Fails if SQS does. The claim of the delivery then ends without an answer.
    pub async fn answer(&self, answer: HandedAnswer) -> Result<(), Unavailable> {
        let body = Doorbell::Answer { answer: Box::new(answer) }.print();
        self.0.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }
}

impl DeadLetters {
    /// Rings for dead deliveries to be parked.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn park<'d>(
        &self,
        deliveries: impl IntoIterator<Item = &'d Delivery>,
    ) -> Result<(), Unavailable> {
        let bells = deliveries.into_iter().map(|delivery| bell(delivery, Duration::ZERO, 0));
        self.0.send_all(bells.collect()).await
    }

    /// Rings for an event whose content has reached the end of its time.
    ///
    /// # Errors
    /// Fails if SQS does.
    pub async fn content(&self, event: &EventId) -> Result<(), Unavailable> {
        let body = Doorbell::Content { content: event.clone() }.print();
        self.0.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }

    /// Rings for a listener that nobody has used for long.
    ///
    /// # Errors
    /// Fails if SQS does.
    pub async fn listener(&self, listener: &Listener) -> Result<(), Unavailable> {
        let Listener { application, name, .. } = listener.clone();
        let body = Doorbell::Listener { application, listener: name }.print();
        self.0.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }

    /// Rings for the gate of an endpoint, after these delays. The bells follow from `hops` fans of bells.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn gate(
        &self,
        endpoint: &EndpointId,
        hops: u8,
        delays: &[Duration],
    ) -> Result<(), Unavailable> {
        let body = Doorbell::Gate { gate: endpoint.clone(), hops }.print();
        let bell =
            |delay: &Duration| QueueMessage { body: body.clone(), delay: *delay, group: None };
        self.0.send_all(delays.iter().map(bell).collect()).await
    }

    /// Rings for a task that has a step to do.
    ///
    /// # Errors
    /// Fails if SQS does.
    pub async fn task(&self, task: &TaskId) -> Result<(), Unavailable> {
        let body = Doorbell::Task { task: task.clone(), hops: 0 }.print();
        self.0.send(QueueMessage { body, delay: Duration::ZERO, group: None }).await
    }

    /// Rings for the next steps of a task, after these delays. The bells follow from `hops` fans of bells.
    ///
    /// # Errors
    /// Fails if SQS refuses any of the messages; the others are sent all the same.
    pub async fn task_later(
        &self,
        task: &TaskId,
        hops: u8,
        delays: &[Duration],
    ) -> Result<(), Unavailable> {
        let body = Doorbell::Task { task: task.clone(), hops }.print();
        let bell =
            |delay: &Duration| QueueMessage { body: body.clone(), delay: *delay, group: None };
        self.0.send_all(delays.iter().map(bell).collect()).await
    }
}

/// The doorbell of a delivery.
fn bell(delivery: &Delivery, delay: Duration, hops: u8) -> QueueMessage {
    bell_for(delivery.event.clone(), delivery.id.clone(), &delivery.endpoint, delay, hops)
}

/// The doorbell of a delivery that is named. Its message group is the endpoint: fair queues then keep an
/// endpoint that does not answer from delaying the others.
fn bell_for(
    event: EventId,
    delivery: DeliveryId,
    endpoint: &EndpointId,
    delay: Duration,
    hops: u8,
) -> QueueMessage {
    let body = Doorbell::Delivery { event, delivery, hops }.print();
    QueueMessage { body, delay, group: Some(endpoint.to_string()) }
}
