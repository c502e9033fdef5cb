//! Wakes receives that wait for messages: one receive of one queue for each change, so that seventy
//! waiting workers do not all look for one message.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// A bell for each queue that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Bells {
    queues: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Bells {
    /// Wakes one receive of this queue, or the next one that comes.
    pub(super) fn ring(&self, queue: &str) {
        self.bell(queue).notify_one();
    }

    /// Wakes every waiting receive of every queue.
    pub(super) fn ring_all(&self) {
        for bell in self.queues.lock().unwrap_or_else(PoisonError::into_inner).values() {
            bell.notify_waiters();
        }
    }

    /// Begins a receive of this queue.
    pub(super) fn waiter(&self, queue: &str) -> Waiter {
        Waiter { bell: self.bell(queue) }
    }

    fn bell(&self, queue: &str) -> Arc<Notify> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        match queues.get(queue) {
            Some(bell) => Arc::clone(bell),
            None => Arc::clone(queues.entry(queue.to_owned()).or_default()),
        }
    }
}

/// A receive of a queue. Its end, in whatever way, wakes another one: there may be more messages than
/// it took, and it may have been the one that knew when the next message becomes visible.
#[derive(Debug)]
pub(super) struct Waiter {
    bell: Arc<Notify>,
}

impl Waiter {
    /// Resolves when the bell rings. Rings count from the call of `enable` on.
    pub(super) fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.bell.notify_one();
    }
}
