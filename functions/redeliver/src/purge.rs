//! Removing what an application's messages said, for good, step by step. Removed twice is removed.

use std::time::Duration;

use adapters::{Unavailable, table::Table};
use dispatch::expunge::expunge;
use domain::{event::Event, id::ApplicationId, task::Task};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::Redeliver;

/// Messages read at a time.
const PAGE: usize = 100;
/// Messages worked on at the same time.
const AT_ONCE: usize = 8;
/// The time for which a step goes on. The function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

impl Redeliver {
    pub(crate) async fn purge_step(
        &self,
        mut task: Task,
        application: ApplicationId,
        hops: u8,
    ) -> Result<(), Unavailable> {
        let (table, until) = (&self.context.table, Instant::now() + PATIENCE);
        let mut more = true;
        while more && Instant::now() < until {
            let place = Self::place(&task);
            let page = table.events(&application, place.as_deref(), PAGE, true).await?;
            more = page.next.is_some();
            let meant = |event: &Event| event.created_at < task.created_at;
            let mut events: Vec<Event> = page.items.into_iter().filter(meant).collect();
            let Some(last) = events.last().map(Table::event_cursor) else {
                // All that follow are younger.
                more = false;
                break;
            };
            task.scanned += events.len() as u64;
            if task.last_look_from().is_some() {
                // The first walk has removed the content of most of them.
                events.retain(|event| event.expunged_at.is_none() || !event.claims().is_empty());
            }
            task.matched += events.len() as u64;
            let remove = |event: Event| async move { expunge(&self.context, &event).await };
            let removed: Vec<_> = events.into_iter().map(remove).collect();
            let mut removed = stream::iter(removed).buffer_unordered(AT_ONCE);
            while let Some(written) = removed.next().await {
                written?.either_way();
                task.redriven += 1;
            }
            task.cursor = Some(last);
        }
        match more {
            true => self.go_on(task, hops).await,
            false => self.end_walk(task, "contents are removed").await,
        }
    }
}
