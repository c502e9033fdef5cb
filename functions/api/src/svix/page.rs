//! Lists as Svix pages them: `iterator` goes on, `prevIterator` (with `-` in front) goes back.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Error, input::Params, page::Wanted};

/// A part of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListResponse<T> {
    /// What is on it.
    pub(crate) data: Vec<T>,
    /// What to pass as `iterator` to go on.
    pub(crate) iterator: Option<String>,
    /// What to pass as `iterator` to go back.
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
}

/// A part of a list that is in memory, oldest first unless `order=descending`.
pub(crate) fn part<S, T>(
    mut entries: Vec<S>,
    params: &Params,
    id: impl Fn(&S) -> String,
    show: impl Fn(S) -> T,
) -> Result<ListResponse<T>, Error> {
    let wanted = Wanted::read(params)?;
    match params.text("order") {
        None | Some("ascending") => (),
        Some("descending") => entries.reverse(),
        Some(_) => return Err(Error::param("order", "is ascending or descending")),
    }
    let place = match &wanted.cursor {
        None => None,
        Some(cursor) => {
            let place = entries.iter().position(|entry| id(entry) == *cursor);
            Some(place.ok_or_else(|| Error::param("iterator", "is not in this list"))?)
        }
    };
    let range = match place {
        None => 0..wanted.limit.min(entries.len()),
        Some(place) if wanted.back => place.saturating_sub(wanted.limit)..place,
        Some(place) => place + 1..(place + 1 + wanted.limit).min(entries.len()),
    };
    let more = if wanted.back { 0 < range.start } else { range.end < entries.len() };
    let chosen: Vec<S> = entries.drain(range).collect();
    let (first, last) = (chosen.first().map(&id), chosen.last().map(&id));
    let edge = if wanted.back { first.clone() } else { last.clone() };
    let data = chosen.into_iter().map(show).collect();
    Ok(ListResponse::new(data, wanted.back, first, last, edge.filter(|_| more)))
}
