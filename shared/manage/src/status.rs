//! The state of the relay: its sweep, its queues, what waits, sources that are silent, troubles and alarms.

use std::{collections::BTreeMap, time::Duration};

use adapters::{
    queue::QueueDepth,
    table::{DueSubject, SHARDS, SweepRound},
};
use domain::{
    alarm::Alarm,
    delivery::{Delivery, DeliveryState},
    id::DeliveryId,
    time::Timestamp,
    trouble::Trouble,
};
use futures::future::{join_all, try_join_all};
use tokio::time::timeout;
use tracing::warn;

pub use crate::traffic::SilentSource;
use crate::{ControlPlane, Principal, Refusal, letters, queue_names::NamedQueue, traffic};

/// Items that are read of each of the 64 shards of what is due, and of each of the four lists of what waits for
/// later: 884 in all.
const PENDING_OF_SHARD: i32 = 13;
/// Longest time for which one queue is asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// The time for which an alarm that has ended is shown.
const ALARMS_SHOWN: Duration = Duration::from_secs(86_400);

/// The state of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// The name of the queue.
    pub name: &'static str,
    /// The number of messages; `None` if SQS did not say.
    pub depth: Option<QueueDepth>,
}

/// Deliveries that are to be attempted, among those that are due next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PendingDeliveries {
    /// The one that was created first.
    pub oldest: Option<Delivery>,
    /// The number of such deliveries.
    pub count: usize,
    /// Whether there are no others.
    pub complete: bool,
}

/// The state of the relay, as far as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The present time of the relay's clock.
    pub now: Timestamp,
    /// The last round of the sweep that ended.
    pub sweep: Option<SweepRound>,
    /// The queues; `None` for a caller that sees one application.
    pub queues: Option<Vec<QueueState>>,
    /// Deliveries that are to be attempted.
    pub pending: PendingDeliveries,
    /// The number of dead letters that wait; and whether all were counted.
    pub letters: (u64, bool),
    /// Sources that are silent for longer than usual; and whether all were looked at.
    pub silent: (Vec<SilentSource>, bool),
    /// Troubles that the last round of the sweep found, each with the time since which it did; `None` for a
    /// caller that sees one application.
    pub troubles: Option<Vec<(Trouble, Timestamp)>>,
    /// Alarms that are on or were within a day; `None` for a caller that sees one application.
    pub alarms: Option<Vec<Alarm>>,
}

/// The state of the relay.
///
/// # Errors
///
/// [`Refusal::Unavailable`] if the table cannot be read.
pub async fn status(control: &ControlPlane, principal: &Principal) -> Result<Status, Refusal> {
    let now = control.now();
    let sees_all = principal.application.is_none();
    let sweep = async { Ok(control.table().last_sweep().await?) };
    let queues = async { if sees_all { Some(queues(control).await) } else { None } };
    let alarms = async { if sees_all { alarms(control, now).await.map(Some) } else { Ok(None) } };
    let troubles = async {
        if !sees_all {
            return Ok(None);
        }
        Ok(Some(control.table().sweep_watch().await?.troubles.into_iter().collect()))
    };
    let (queues, rest) = tokio::join!(queues, async {
        tokio::try_join!(
            sweep,
            pending(control, principal),
            letters::waiting(control, principal),
            traffic::silent(control, principal),
            troubles,
            alarms
        )
    });
    let (sweep, pending, letters, silent, troubles, alarms) = rest?;
    Ok(Status { now, sweep, queues, pending, letters, silent, troubles, alarms })
}

async fn queues(control: &ControlPlane) -> Vec<QueueState> {
    let ask = |(name, queue): &'_ NamedQueue| {
        let (name, queue) = (*name, queue.clone());
        async move {
            let depth = match timeout(PATIENCE, queue.depth()).await {
                Ok(Ok(depth)) => Some(depth),
                Ok(Err(error)) => {
                    warn!(%error, name, "a queue does not say how many messages it holds");
                    None
                }
                Err(_) => {
                    warn!(name, "a queue did not say in time how many messages it holds");
                    None
                }
            };
            QueueState { name, depth }
        }
    };
    join_all(control.queues().iter().map(ask)).await
}

/// Deliveries of the caller's applications that are pending, among the first 13 items of each shard of what
/// is due, and of each list of what waits for later.
async fn pending(
    control: &ControlPlane,
    principal: &Principal,
) -> Result<PendingDeliveries, Refusal> {
    let read = (0..SHARDS).map(|shard| control.table().due_next(shard, PENDING_OF_SHARD));
    let entered = control.table().entered(PENDING_OF_SHARD);
    let (pages, (entered, complete)) = tokio::try_join!(try_join_all(read), entered)?;
    let mut pending = PendingDeliveries { complete, ..PendingDeliveries::default() };
    let mut found: BTreeMap<DeliveryId, Delivery> =
        entered.into_iter().map(|delivery| (delivery.id.clone(), delivery)).collect();
    for page in pages {
        pending.complete &= page.next.is_none();
        found.extend(page.due.into_iter().filter_map(|due| match due.what {
            DueSubject::Delivery(delivery) => Some((delivery.id.clone(), *delivery)),
            _ => None,
        }));
    }
    found.retain(|_, delivery| {
        delivery.state == DeliveryState::Pending && principal.sees(&delivery.application)
    });
    pending.count = found.len();
    pending.oldest = found.into_values().min_by_key(|delivery| delivery.created_at);
    Ok(pending)
}

/// Alarms that are on or were within a day, the latest change first.
async fn alarms(control: &ControlPlane, now: Timestamp) -> Result<Vec<Alarm>, Refusal> {
    let mut alarms = control.table().alarms(now).await?;
    alarms.retain(|alarm| alarm.is_recent(before(now, ALARMS_SHOWN)));
    alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.since));
    Ok(alarms)
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
}
