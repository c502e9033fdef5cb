//! Rings for what is due: deliveries whose bell was lost or lies too far ahead for a message,
//! deliveries that died unparked, tasks.
//!
//! Marking comes before ringing. A crash in between costs the time until the mark is due again; the
//! other order could ring for the same thing on every round while the table is slow.

use adapters::{
    Unavailable,
    bells::Bells,
    clock::Clock,
    table::{Due, SHARDS, Table, Thing, Written},
};
use domain::{
    delivery::{Delivery, State},
    time::Timestamp,
};
use futures::{StreamExt, future::join_all, stream};
use tracing::{info, warn};

/// Everything a round needs.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Where everything is kept.
    pub table: Table,
    /// How it is rung for.
    pub bells: Bells,
    /// What time it is.
    pub clock: Clock,
}

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Bells rung.
    pub rung: usize,
}

/// Items read from a shard at a time.
const PAGE: i32 = 100;
/// Pages of a shard in one round; the next round goes on.
const MAX_PAGES: usize = 50;
/// Items of a shard marked at the same time.
const AT_ONCE: usize = 8;

impl Sweep {
    /// One round over every shard at once. A shard that fails does not hold up the others, and is
    /// what the round answers with.
    pub async fn run(&self) -> Result<Swept, Unavailable> {
        let shards = join_all((0..SHARDS).map(|shard| self.shard(shard))).await;
        let mut swept = Swept::default();
        let mut failed = None;
        for result in shards {
            match result {
                Ok(rung) => swept.rung += rung,
                Err(error) => {
                    warn!(%error, "a shard was not swept");
                    failed = Some(error);
                }
            }
        }
        if 0 < swept.rung {
            info!(rung = swept.rung, "rang for what was due");
        }
        failed.map_or(Ok(swept), Err)
    }

    async fn shard(&self, shard: u32) -> Result<usize, Unavailable> {
        let mut rung = 0;
        for _ in 0..MAX_PAGES {
            let now = self.clock.now();
            let due = self.table.due(shard, now, PAGE).await?;
            let marked = self.mark(due, now).await?;
            if marked.is_empty() {
                break;
            }
            rung += marked.len();
            self.ring(marked, now).await?;
        }
        Ok(rung)
    }

    /// Marks what is due; what moved meanwhile is somebody else's.
    async fn mark(&self, due: Vec<Due>, now: Timestamp) -> Result<Vec<Due>, Unavailable> {
        let mark = |due: Due| async move {
            let written = self.table.mark(&due, now).await?;
            Ok::<_, Unavailable>((written == Written::Yes).then_some(due))
        };
        let mut marks = stream::iter(due).map(mark).buffer_unordered(AT_ONCE);
        let mut marked = Vec::new();
        while let Some(mark) = marks.next().await {
            marked.extend(mark?);
        }
        Ok(marked)
    }

    async fn ring(&self, marked: Vec<Due>, now: Timestamp) -> Result<(), Unavailable> {
        let (mut pending, mut dead): (Vec<Delivery>, Vec<Delivery>) = Default::default();
        for due in marked {
            match due.what {
                Thing::Task(task) => self.bells.task(&task).await?,
                // Nothing sets a time to ask a platform yet.
                Thing::Job(_) => (),
                Thing::Delivery(delivery) if delivery.state == State::Pending => {
                    pending.push(*delivery);
                }
                Thing::Delivery(delivery) => dead.push(*delivery),
            }
        }
        self.bells.outbox.ring(&pending, now).await?;
        self.bells.park(&dead).await
    }
}

#[cfg(test)]
mod tests;
