//! Removing what an application's messages said, for good, step by step. Removed twice is removed.

use std::time::Duration;

use adapters::{Unavailable, table::Table};
use dispatch::expunge::expunge;
use domain::{event::Event, id::ApplicationId, task::Task};
use futures::{StreamExt, stream};
use tokio::time::Instant;
use tracing::info;

use crate::Redeliver;

/// Messages read at a time.
const PAGE: usize = 100;
/// Messages worked on at the same time.
const AT_ONCE: usize = 8;
/// How long a step goes on; the function has twice as long.
const PATIENCE: Duration = Duration::from_secs(25);

impl Redeliver {
    pub(crate) async fn purge_step(
        &self,
        mut task: Task,
        application: ApplicationId,
    ) -> Result<(), Unavailable> {
        let (table, until) = (&self.context.table, Instant::now() + PATIENCE);
        let mut more = true;
        while more && Instant::now() < until {
            let page = table.events(&application, task.cursor.as_deref(), PAGE, true).await?;
            more = page.next.is_some();
            let meant = |event: &Event| event.created_at < task.created_at;
            let events: Vec<Event> = page.items.into_iter().filter(meant).collect();
            let Some(last) = events.last().map(Table::event_cursor) else {
                // All that follow are younger.
                more = false;
                break;
            };
            task.scanned += events.len() as u64;
            task.matched += events.len() as u64;
            let remove = |event: Event| async move { expunge(&self.context, &event).await };
            let removed: Vec<_> = events.into_iter().map(remove).collect();
            let mut removed = stream::iter(removed).buffer_unordered(AT_ONCE);
            while let Some(written) = removed.next().await {
                written?;
                task.redriven += 1;
            }
            task.cursor = Some(last);
        }
        let now = self.context.clock.now();
        if !more {
            task.finished_at = Some(now);
            info!(task = %task.id, removed = task.redriven, "contents are removed");
        }
        table.update_task(&task, more.then_some(now)).await.map(|_| ())
    }
}
