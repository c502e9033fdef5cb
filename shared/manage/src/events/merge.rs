//! The events of several applications as one list, newest first.

use std::collections::VecDeque;

use adapters::table::Table;
use domain::{event::Event, id::ApplicationId};
use futures::future::try_join_all;

use crate::Refusal;

/// Lists that are read at the same time.
pub(super) const AT_ONCE: usize = 16;

/// Fewest events that are read of an application at a time.
const MIN_PAGE: usize = 4;

/// The list of one application, as far as it was read.
#[derive(Debug)]
struct Strand {
    application: ApplicationId,
    /// Events with their cursors, newest first.
    read: VecDeque<(String, Event)>,
    /// Cursor behind which reading goes on.
    cursor: Option<String>,
    /// Whether there is more to be read.
    more: bool,
}

/// The merged list. A list of each application is read a little ahead, for the next event of all of them
/// is the newest of their next ones.
#[derive(Debug)]
pub(super) struct Merge<'t> {
    table: &'t Table,
    strands: Vec<Strand>,
    /// Events that are read of an application at a time.
    page: usize,
}

impl<'t> Merge<'t> {
    /// The merged list behind a cursor, of which about `wanted` events are to be read. The lists of all
    /// applications are ordered alike, so that one cursor serves all of them.
    pub(super) fn behind(
        table: &'t Table,
        applications: Vec<ApplicationId>,
        cursor: Option<&str>,
        wanted: usize,
    ) -> Self {
        let page = match applications.len() {
            0 | 1 => wanted,
            // Twice the even share: few lists have to be read a second time.
            count => (2 * wanted / count).clamp(MIN_PAGE.min(wanted), wanted),
        };
        let strand = |application| Strand {
            application,
            read: VecDeque::new(),
            cursor: cursor.map(str::to_owned),
            more: true,
        };
        Self { table, strands: applications.into_iter().map(strand).collect(), page }
    }

    /// Whether the next event can be told without reading.
    pub(super) fn is_ready(&self) -> bool {
        self.strands.iter().all(|strand| !strand.more || !strand.read.is_empty())
    }

    /// Reads on, until the next event can be told.
    pub(super) async fn read(&mut self) -> Result<(), Refusal> {
        let (table, page) = (self.table, self.page);
        while !self.is_ready() {
            let bare = self.strands.iter_mut().filter(|it| it.more && it.read.is_empty());
            let reading = bare.take(AT_ONCE).map(|strand| async move {
                let cursor = strand.cursor.as_deref();
                let part = table.events(&strand.application, cursor, page, false).await?;
                strand.more = part.next.is_some();
                strand.cursor = part.next;
                let placed =
                    part.items.into_iter().map(|event| (Table::event_cursor(&event), event));
                strand.read.extend(placed);
                Ok::<_, Refusal>(())
            });
            try_join_all(reading).await?;
        }
        Ok(())
    }

    /// Takes the next event with its cursor; `None` at the end. The list must be ready.
    pub(super) fn pop(&mut self) -> Option<(String, Event)> {
        fn next(strand: &Strand) -> Option<&String> {
            strand.read.front().map(|(cursor, _)| cursor)
        }
        let newest = self.strands.iter_mut().max_by(|one, other| next(one).cmp(&next(other)));
        newest?.read.pop_front()
    }

    /// Whether there are more events, or there may be.
    pub(super) fn has_more(&self) -> bool {
        self.strands.iter().any(|strand| strand.more || !strand.read.is_empty())
    }
}
