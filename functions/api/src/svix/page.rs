//! Lists as Svix pages them: `iterator` goes on, `prevIterator` (with `-` in front) goes back.

use std::fmt::Display;

use domain::time::Timestamp;
use manage::{PageRequest, Part, Refusal, Walk};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::web::{
    error::Error,
    page::{PageQuery, is_place},
};

/// A part of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListResponse<T> {
    /// Entries of the page.
    pub(crate) data: Vec<T>,
    /// Value of `iterator` for the next page.
    pub(crate) iterator: Option<String>,
    /// Value of `iterator` for the previous page.
    pub(crate) prev_iterator: Option<String>,
    /// Whether nothing follows in the direction that was asked for.
    pub(crate) done: bool,
}

impl<T> ListResponse<T> {
    /// From the places of the first and the last entry. `next` is where reading ended, if there is
    /// more: where a filter kept nothing, that is beyond the entries.
    pub(crate) fn new(
        data: Vec<T>,
        back: bool,
        first: Option<String>,
        last: Option<String>,
        next: Option<String>,
    ) -> Self {
        let done = next.is_none();
        let (first, last) = if back { (next.or(first), last) } else { (first, next.or(last)) };
        Self { data, iterator: last, prev_iterator: first.map(|place| format!("-{place}")), done }
    }

    /// From a part as it was read in the direction that was asked for.
    pub(crate) fn of<S>(part: Part<S>, back: bool, show: impl Fn(S) -> T) -> Self {
        let Part { mut entries, next } = part;
        if back {
            entries.reverse();
        }
        let place = |entry: Option<&(String, S)>| entry.map(|(place, _)| place.clone());
        let (first, last) = (place(entries.first()), place(entries.last()));
        let data = entries.into_iter().map(|(_, entry)| show(entry)).collect();
        Self::new(data, back, first, last, next)
    }
}

/// The direction in which a list is read.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Oldest first, or by name.
    Ascending,
    /// Newest first, or against the order of names.
    Descending,
}

/// The direction that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderQuery {
    #[param(value_type = String, required = false)]
    order: Option<Order>,
}

impl OrderQuery {
    /// The direction, or else the one that the list has by itself.
    pub(crate) fn or(self, usual: Order) -> Order {
        self.order.unwrap_or(usual)
    }
}

/// The position of an entry in a list in memory, by time of creation and id. A printed position leads on from
/// there, whether or not the entry is still in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(String);

impl Place {
    /// The place of what was created at this time.
    pub(crate) fn at(created: Timestamp, id: &impl Display) -> Self {
        Self(format!("{:013}-{id}", created.0))
    }

    /// The place as an iterator: `A-Z a-z 0-9 - _`.
    fn print(&self) -> String {
        self.0.clone()
    }

    /// The id of the entry, which Svix's own iterators are.
    fn name(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }

    /// Reads an iterator of a list whose entries have such places.
    fn read(text: &str, places: &[Self]) -> Option<Self> {
        let known = places.iter().find(|place| place.name() == text).cloned();
        known.or_else(|| is_place(text).then(|| Self(text.to_owned())))
    }
}

/// A part of a list of the table, each entry with its place as an iterator.
pub(crate) fn part<S>(walk: Walk<S>, place: impl Fn(&S) -> String) -> Part<S> {
    let Walk { items, next, scanned: _ } = walk;
    Part { entries: items.into_iter().map(|item| (place(&item), item)).collect(), next }
}

/// Whether the table reads its list from the oldest entry on, to give an order in a direction.
pub(crate) fn is_oldest_first(order: Order, back: bool) -> bool {
    (order == Order::Ascending) != back
}

/// The part of a list by time that is asked for. An iterator that is no place is the id of an entry,
/// as Svix's own are, and `find` knows its place.
///
/// # Errors
///
/// [`Error::Invalid`] for an iterator that is neither.
pub(crate) async fn by_time(
    page: PageQuery,
    find: impl AsyncFnOnce(String) -> Result<Option<String>, Refusal>,
) -> Result<PageRequest, Error> {
    let mut request = page.request();
    if let Some(name) = request.cursor.take_if(|cursor| !is_place(cursor)) {
        let place = find(name).await?;
        request.cursor = Some(place.ok_or_else(|| Error::param("iterator", UNKNOWN))?);
    }
    Ok(request)
}

/// The reason why an iterator cannot be used.
pub(crate) const UNKNOWN: &str = "is not in this list";

/// The part of a list in memory that is asked for.
///
/// # Errors
///
/// [`Error::Invalid`] for an iterator that is neither a place nor the id of an entry.
pub(crate) fn cut<S, T>(
    mut entries: Vec<S>,
    request: PageRequest,
    order: Order,
    place: impl Fn(&S) -> Place,
    show: impl Fn(S) -> T,
) -> Result<ListResponse<T>, Error> {
    let compare = |one: &Place, other: &Place| match order {
        Order::Ascending => one.cmp(other),
        Order::Descending => other.cmp(one),
    };
    entries.sort_by(|one, other| compare(&place(one), &place(other)));
    let places: Vec<Place> = entries.iter().map(&place).collect();
    let range = match &request.cursor {
        None => 0..request.limit.min(entries.len()),
        Some(text) => {
            let read = Place::read(text, &places);
            let cursor = read.ok_or_else(|| Error::param("iterator", UNKNOWN))?;
            if request.back {
                let end = places.partition_point(|place| compare(place, &cursor).is_lt());
                end.saturating_sub(request.limit)..end
            } else {
                let start = places.partition_point(|place| compare(place, &cursor).is_le());
                start..(start + request.limit).min(entries.len())
            }
        }
    };
    let more = if request.back { 0 < range.start } else { range.end < entries.len() };
    let chosen: Vec<S> = entries.drain(range).collect();
    let print = |entry: Option<&S>| entry.map(|entry| place(entry).print());
    let (first, last) = (print(chosen.first()), print(chosen.last()));
    let edge = if request.back { first.clone() } else { last.clone() };
    let data = chosen.into_iter().map(show).collect();
    Ok(ListResponse::new(data, request.back, first, last, edge.filter(|_| more)))
}
