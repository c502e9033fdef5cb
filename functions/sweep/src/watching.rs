//! Looking for troubles: what a round saw, beside what earlier ones did. A trouble is printed as a metric, by
//! which one alarm hears of all of them.

use std::time::Duration;

use adapters::{metrics, queue::Queue};
use domain::{
    figures::Minute,
    trouble::{RoundFacts, Watch, WatchedQueue},
};
use futures::future::join_all;
use tokio::time::timeout;
use tracing::{error, warn};

use crate::{Lateness, Sweep, gauge};

/// Rounds of which one asks the queues: each question is paid for.
const ROUNDS: u64 = 5;
/// Longest time for which one queue is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// The queues that a round asks how much they hold.
#[derive(Clone, Debug)]
pub struct Watched(pub(crate) Vec<(WatchedQueue, Queue)>);

impl Watched {
    /// The inbox, the outbox, their dead-letter queue, and that of live updates, in this order.
    pub fn new(queues: [&Queue; 4]) -> Self {
        let names = [
            WatchedQueue::Inbox,
            WatchedQueue::Outbox,
            WatchedQueue::DeadLetters,
            WatchedQueue::LiveDeadLetters,
        ];
        Self(names.into_iter().zip(queues.into_iter().cloned()).collect())
    }
}

impl Sweep {
    /// Reads the figures of a minute and what the queues hold, reports them, and says what is wrong. What
    /// cannot be read is left out, and the round goes on: an alarm of its own hears of rounds that fail.
    /// Returns what is to be remembered.
    pub(crate) async fn watch(&self, watched: &Watched, late: Lateness) -> Option<Watch> {
        let table = &self.context().table;
        let now = self.context().clock.now();
        let mut watch = table
            .sweep_watch()
            .await
            .inspect_err(|error| warn!(%error, "troubles are not looked for in this round"))
            .ok()?;
        let minute = gauge::emit(table, now).await;
        let held = match Minute::of(now).0 % ROUNDS {
            0 => join_all(watched.0.iter().map(ask)).await.into_iter().flatten().collect(),
            _ => Default::default(),
        };
        let seen = RoundFacts { at: now, due_lag: late.due, waiting: late.waiting, minute, held };
        watch.see(&seen);
        for (trouble, since) in &watch.troubles {
            let (kind, since) = (trouble.word(), since.rfc3339());
            error!(kind, since, "trouble: {}", trouble.sentence());
            metrics::trouble(now, *trouble, &[]);
        }
        Some(watch)
    }
}

/// The number of messages of a queue that can be received or are worked on; `None` if SQS does not say.
async fn ask((which, queue): &(WatchedQueue, Queue)) -> Option<(WatchedQueue, u64)> {
    match timeout(PATIENCE, queue.depth()).await {
        Ok(Ok(depth)) => Some((*which, depth.waiting + depth.in_flight)),
        Ok(Err(error)) => {
            warn!(%error, queue = ?which, "a queue does not say how much it holds");
            None
        }
        Err(_) => {
            warn!(queue = ?which, "a queue did not say in time how much it holds");
            None
        }
    }
}
