//! Lists as Svix pages them: `iterator` goes on, `prevIterator` (with `-` in front) goes back.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::web::error::Error;
use manage::{PageRequest, Part};

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

/// Direction of a list by age.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// The direction that is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderQuery {
    #[param(value_type = String, required = false)]
    order: Option<Order>,
}

/// The part of a list in memory that is asked for.
pub(crate) fn cut<S, T>(
    mut entries: Vec<S>,
    request: PageRequest,
    OrderQuery { order }: OrderQuery,
    id: impl Fn(&S) -> String,
    show: impl Fn(S) -> T,
) -> Result<ListResponse<T>, Error> {
    if matches!(order, Some(Order::Descending)) {
        entries.reverse();
    }
    let place = match &request.cursor {
        None => None,
        Some(cursor) => {
            let place = entries.iter().position(|entry| id(entry) == *cursor);
            Some(place.ok_or_else(|| Error::param("iterator", "is not in this list"))?)
        }
    };
    let range = match place {
        None => 0..request.limit.min(entries.len()),
        Some(place) if request.back => place.saturating_sub(request.limit)..place,
        Some(place) => place + 1..(place + 1 + request.limit).min(entries.len()),
    };
    let more = if request.back { 0 < range.start } else { range.end < entries.len() };
    let chosen: Vec<S> = entries.drain(range).collect();
    let (first, last) = (chosen.first().map(&id), chosen.last().map(&id));
    let edge = if request.back { first.clone() } else { last.clone() };
    let data = chosen.into_iter().map(show).collect();
    Ok(ListResponse::new(data, request.back, first, last, edge.filter(|_| more)))
}
