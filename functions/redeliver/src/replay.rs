//! Sending an endpoint past messages of its application, step by step. A step that is done twice sends
//! nothing twice: what it sent is pending, or was attempted after the task was asked for.

use std::time::Duration;

use adapters::{Unavailable, table::Table};
use domain::{
    delivery::Delivery,
    endpoint::Endpoint,
    event::Event,
    filter::Payload,
    replay::{Replay, ReplayAction},
    task::{self, Task},
    time::Timestamp,
};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::Redeliver;

/// Messages read at a time.
const PAGE: usize = 100;
/// Messages looked at at the same time.
const AT_ONCE: usize = 16;
/// How long a step goes on reading; the function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

impl Redeliver {
    pub(crate) async fn replay_step(
        &self,
        mut task: Task,
        replay: Replay,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let endpoint = table.endpoint(&replay.application, &replay.endpoint).await?;
        let more = match &endpoint {
            Some(endpoint) => self.replay(&mut task, &replay, endpoint).await?,
            None => false,
        };
        let now = self.context.clock.now();
        // The next step's messages come after this one's.
        let wait = if replay.dry_run { Duration::ZERO } else { task::STEP };
        self.end_step(task, more.then(|| now.plus(wait)), "a replay is finished").await
    }

    /// Sends as many messages as a step holds, spread over the step; whether there may be more.
    async fn replay(
        &self,
        task: &mut Task,
        replay: &Replay,
        endpoint: &Endpoint,
    ) -> Result<bool, Unavailable> {
        let until = Instant::now() + PATIENCE;
        let (asked, began) = (task.created_at, self.context.clock.now());
        let mut sent = 0;
        while Instant::now() < until {
            let start = task.last_look_from().unwrap_or_default().max(replay.since);
            let cursor = task.cursor.clone().unwrap_or_else(|| Table::place_before(start));
            let page = self.context.table.events(&replay.application, Some(&cursor), PAGE, true);
            let page = page.await?;
            let looked =
                page.items.into_iter().map(|event| self.look(event, replay, asked, endpoint));
            // Collected, or the stream is tied to a lifetime the runtime cannot name.
            let looked: Vec<_> = looked.collect();
            let mut looked = stream::iter(looked).buffered(AT_ONCE);
            while let Some(found) = looked.next().await {
                let (event, found) = found?;
                let Some((act, latest)) = found else { return Ok(false) };
                task.scanned += 1;
                if act != ReplayAction::Leave {
                    task.matched += 1;
                    if !replay.dry_run {
                        let at = spread(began, sent, task.rate);
                        let gone = self.context.send_again(&event, endpoint, latest, at).await?;
                        task.redriven += u64::from(gone);
                        sent += 1;
                    }
                }
                task.cursor = Some(Table::event_cursor(&event));
                if sent == task.step_size() {
                    return Ok(true);
                }
            }
            if page.next.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What becomes of a message; nothing if it and all that follow are too young to be meant.
    async fn look(
        &self,
        event: Event,
        replay: &Replay,
        asked: Timestamp,
        endpoint: &Endpoint,
    ) -> Result<(Event, Option<(ReplayAction, Option<Delivery>)>), Unavailable> {
        match replay.covers(event.created_at, asked) {
            None => return Ok((event, None)),
            Some(false) => return Ok((event, Some((ReplayAction::Leave, None)))),
            Some(true) => (),
        }
        let deliveries = self.context.table.deliveries_of(&event.id).await?;
        let to_it = deliveries.into_iter().filter(|delivery| delivery.endpoint == endpoint.id);
        let latest = to_it.max_by_key(|delivery| delivery.generation);
        // Without a filter nobody looks at the payload.
        let payload = match endpoint.filter {
            Some(_) if latest.is_none() => self.context.bucket.open(event.payload.clone()).await?,
            _ => Vec::new(),
        };
        let act = replay.act(asked, endpoint, &event, &Payload::new(&payload), latest.as_ref());
        Ok((event, Some((act, latest))))
    }
}

/// When the message number `index` of a step is sent.
fn spread(began: Timestamp, index: usize, rate: u32) -> Timestamp {
    began.plus(Duration::from_millis(index as u64 * 1000 / u64::from(rate.max(1))))
}
