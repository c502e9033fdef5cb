//! The list of events, as far as one request reads it.

use adapters::table::Table;
use domain::{
    event::Event,
    progress::{EventProgress, EventState},
};
use futures::future::try_join_all;

use super::{
    filter::{EventFilter, Wanted},
    merge::{AT_ONCE, Merge},
};
use crate::{
    ControlPlane, MAX_SCANNED, PageRequest, Principal, Refusal, Walk, messages::Period,
    page::Effort,
};

/// Most events whose deliveries one request counts: each costs a read.
const MAX_JUDGED: usize = 500;
/// Events that are read at a time where a filter may keep few of them.
const PAGE: usize = 250;

/// An event of a list.
#[derive(Clone, Debug)]
pub struct ListedEvent {
    /// The event in the list.
    pub event: Event,
    /// The number of its deliveries by state.
    pub progress: EventProgress,
}

/// A part of the list of events that the caller sees, newest first, each with the number of its
/// deliveries by state. One request reads for a second, [`MAX_SCANNED`] events or the deliveries of
/// `MAX_JUDGED`, and its part may be empty though more follow.
///
/// # Errors
///
/// [`Refusal::NotFound`] if there is no such application, or the caller may not see it;
/// [`Refusal::Invalid`] for a part of the filter that is out of bounds.
pub async fn list(
    control: &ControlPlane,
    principal: &Principal,
    filter: EventFilter,
    page: PageRequest,
) -> Result<Walk<ListedEvent>, Refusal> {
    let is_plain = filter.is_plain();
    let wanted = filter.look_up(control, principal).await?;
    if let Some(id) = wanted.only() {
        let found = control.table().event(&id).await?;
        let ours = |event: &Event| wanted.applications.contains(&event.application);
        let found = found.filter(|event| ours(event) && wanted.fits(event));
        let found = found.filter(|event| is_behind(event, page.cursor.as_ref()));
        let scanned = usize::from(found.is_some());
        let mut items = judged(control, found.into_iter().collect()).await?;
        items.retain(|listed| is_wanted(listed, wanted.state));
        return Ok(Walk { items, next: None, scanned });
    }
    let Wanted { period: Period { before, after }, .. } = &wanted;
    let from = page.cursor.clone().or_else(|| before.map(Table::place_before));
    let ahead = if is_plain { page.limit } else { page.limit.max(PAGE) };
    let applications = wanted.applications.clone();
    let mut merge = Merge::behind(control.table(), applications, from.as_deref(), ahead);
    let (mut effort, mut counted) = (Effort::of(MAX_SCANNED), 0);
    let (mut items, mut last) = (Vec::new(), from);
    loop {
        // Without a state, no more are chosen than the part still holds.
        let room =
            if wanted.state.is_some() { AT_ONCE } else { AT_ONCE.min(page.limit - items.len()) };
        let (mut chosen, mut ended) = (Vec::new(), false);
        while chosen.len() < room && !ended && !effort.is_spent() {
            merge.read().await?;
            let Some((cursor, event)) = merge.pop() else {
                ended = true;
                break;
            };
            effort.scan(1);
            ended = after.is_some_and(|after| event.created_at < after);
            if !ended && wanted.fits(&event) {
                chosen.push(event);
            }
            last = Some(cursor);
        }
        counted += chosen.len();
        let ended = ended || !merge.has_more();
        let mut judged = judged(control, chosen).await?.into_iter();
        while let Some(listed) = judged.next() {
            let cursor = Table::event_cursor(&listed.event);
            if is_wanted(&listed, wanted.state) {
                items.push(listed);
            }
            if items.len() == page.limit {
                // What was chosen behind this event is read again by the next request.
                let more = !ended || 0 < judged.len();
                let next = if 0 < judged.len() { Some(cursor) } else { last };
                return Ok(Walk { items, next: next.filter(|_| more), scanned: effort.scanned() });
            }
        }
        if ended || effort.is_spent() || MAX_JUDGED <= counted {
            let next = last.filter(|_| !ended);
            return Ok(Walk { items, next, scanned: effort.scanned() });
        }
    }
}

fn is_wanted(listed: &ListedEvent, state: Option<EventState>) -> bool {
    state.is_none_or(|state| state == listed.progress.state())
}

fn is_behind(event: &Event, cursor: Option<&String>) -> bool {
    cursor.is_none_or(|cursor| Table::event_cursor(event) < *cursor)
}

/// Counts the deliveries of events.
async fn judged(control: &ControlPlane, events: Vec<Event>) -> Result<Vec<ListedEvent>, Refusal> {
    let counts = events.iter().map(|event| control.table().progress_of(&event.id));
    let counts = try_join_all(counts).await?;
    let listed = events.into_iter().zip(counts);
    Ok(listed.map(|(event, progress)| ListedEvent { event, progress }).collect())
}
