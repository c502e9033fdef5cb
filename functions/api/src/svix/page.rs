//! Lists as Svix pages them: `iterator` goes on, `prevIterator` (with `-` in front) goes back.

use std::fmt::Display;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::time::Timestamp;
use manage::{PageRequest, Part, Refusal};
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

/// Direction of a list.
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

/// Where an entry stands in a list in memory. Printed, it goes on from there whether or not the entry
/// is still in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// By time of creation and id.
    At(String),
    /// By name.
    Named(String),
}

impl Place {
    /// Marks a name in its printed form, which is base64 because names hold dots.
    const NAMED: &str = "name-";

    /// The place of what was created at this time.
    pub(crate) fn at(created: Timestamp, id: &impl Display) -> Self {
        Self::At(format!("{:013}-{id}", created.0))
    }

    /// The place of what is listed by name.
    pub(crate) fn named(name: &str) -> Self {
        Self::Named(name.to_owned())
    }

    /// The place as an iterator: `A-Z a-z 0-9 - _`.
    fn print(&self) -> String {
        match self {
            Self::At(place) => place.clone(),
            Self::Named(name) => format!("{}{}", Self::NAMED, URL_SAFE_NO_PAD.encode(name)),
        }
    }

    /// The id or name of the entry, which Svix's own iterators are.
    fn name(&self) -> &str {
        match self {
            Self::At(place) => place.split_once('-').map_or("", |(_, id)| id),
            Self::Named(name) => name,
        }
    }

    /// Reads an iterator of a list whose entries have such places.
    fn read(text: &str, places: &[Self]) -> Option<Self> {
        let by_name = |place: &&Self| place.name() == text;
        if let Some(known) = places.iter().find(by_name) {
            return Some(known.clone());
        }
        match places.first() {
            Some(Self::At(_)) => is_place(text).then(|| Self::At(text.to_owned())),
            Some(Self::Named(_)) => Self::read_name(text),
            None if is_place(text) => Some(Self::At(text.to_owned())),
            None => Self::read_name(text),
        }
    }

    fn read_name(text: &str) -> Option<Self> {
        let name = URL_SAFE_NO_PAD.decode(text.strip_prefix(Self::NAMED)?).ok()?;
        String::from_utf8(name).ok().map(Self::Named)
    }
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

const UNKNOWN: &str = "is not in this list";

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
