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
    task::{Places, Task},
    time::Timestamp,
};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::Redeliver;

/// Messages read at a time.
const PAGE: usize = 100;
/// Messages looked at, or sent, at the same time.
const AT_ONCE: usize = 32;
/// The time for which a step goes on reading. The function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

impl Redeliver {
    pub(crate) async fn replay_step(
        &self,
        mut task: Task,
        replay: Replay,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let table = &self.context.table;
        let endpoint = table.endpoint(&replay.application, &replay.endpoint).await?;
        let more = match &endpoint {
            Some(endpoint) => self.replay(&mut task, &replay, endpoint).await?,
            None => false,
        };
        match more {
            true => self.go_on(task, hops).await,
            false => self.end_walk(task, "a replay is finished").await,
        }
    }

    /// Sends messages at their times, as far as a step reaches; whether there may be more. A dry run looks
    /// at as many as it can.
    async fn replay(
        &self,
        task: &mut Task,
        replay: &Replay,
        endpoint: &Endpoint,
    ) -> Result<bool, Unavailable> {
        let (asked, now) = (task.created_at, self.context.clock.now());
        let mut places = match replay.dry_run {
            true => Places::unbounded(now),
            false => task.places(now),
        };
        let more = self.replay_pages(task, replay, endpoint, asked, &mut places).await?;
        task.keep_place(&places, now);
        Ok(more)
    }

    async fn replay_pages(
        &self,
        task: &mut Task,
        replay: &Replay,
        endpoint: &Endpoint,
        asked: Timestamp,
        places: &mut Places,
    ) -> Result<bool, Unavailable> {
        let until = Instant::now() + PATIENCE;
        while !places.are_taken() && Instant::now() < until {
            let start = task.last_look_from().unwrap_or_default().max(replay.since);
            let cursor = task.cursor.clone().unwrap_or_else(|| Table::place_before(start));
            let page = self.context.table.events(&replay.application, Some(&cursor), PAGE, true);
            let page = page.await?;
            let looked =
                page.items.into_iter().map(|event| self.look(event, replay, asked, endpoint));
            // Collected, or the stream is tied to a lifetime the runtime cannot name.
            let looked: Vec<_> = looked.collect();
            let mut looked = stream::iter(looked).buffered(AT_ONCE);
            let mut chosen = Vec::new();
            let mut ends = page.next.is_none();
            while let Some(found) = looked.next().await {
                let (event, found) = found?;
                let Some((act, latest)) = found else {
                    ends = true;
                    break;
                };
                let at = if act == ReplayAction::Leave { None } else { places.take() };
                if act != ReplayAction::Leave && at.is_none() {
                    // It belongs to the next step.
                    ends = false;
                    break;
                }
                task.scanned += 1;
                task.cursor = Some(Table::event_cursor(&event));
                chosen.extend(at.map(|at| (event, latest, at)));
            }
            task.matched += chosen.len() as u64;
            if !replay.dry_run {
                task.redriven += self.send_all(chosen, endpoint).await?;
            }
            if ends {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends messages at their times; how many are on their way because of that.
    async fn send_all(
        &self,
        messages: Vec<(Event, Option<Delivery>, Timestamp)>,
        endpoint: &Endpoint,
    ) -> Result<u64, Unavailable> {
        let send = |(event, latest, at): (Event, Option<Delivery>, Timestamp)| async move {
            self.context.send_again(&event, endpoint, latest, at).await
        };
        let sends: Vec<_> = messages.into_iter().map(send).collect();
        let mut sent = stream::iter(sends).buffer_unordered(AT_ONCE);
        let mut count = 0;
        while let Some(gone) = sent.next().await {
            count += u64::from(gone?);
        }
        Ok(count)
    }

    /// Decides what becomes of a message; `None` if this message and all that follow are too young to be
    /// meant.
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
        let latest = self.context.table.delivery_to(&event.id, &endpoint.id).await?;
        // Without a filter nobody looks at the payload.
        let payload = match endpoint.filter {
            Some(_) if latest.is_none() => self.context.bucket.open(event.payload.clone()).await?,
            _ => Vec::new(),
        };
        let act = replay.act(asked, endpoint, &event, &Payload::new(&payload), latest.as_ref());
        Ok((event, Some((act, latest))))
    }
}
