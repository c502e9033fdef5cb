//! Lists in parts: where a part begins, and how far one request reads.

use adapters::{Unavailable, table::Page};
use domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Error, input::Params};

/// Most entries that one request looks at: a filter that fits nothing must end too.
pub(crate) const MAX_SEEN: usize = 2000;

/// A part of one of our own lists.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// What is on it.
    pub(crate) data: Vec<T>,
    /// What to pass as `iterator` to go on; null at the end.
    pub(crate) iterator: Option<String>,
    /// Whether that was all.
    pub(crate) done: bool,
}

impl<T> List<T> {
    pub(crate) fn new(data: Vec<T>, iterator: Option<String>) -> Self {
        Self { data, done: iterator.is_none(), iterator }
    }
}

/// Where a part begins, and how long it may be.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// What it lies behind.
    pub(crate) cursor: Option<String>,
    /// Whether it goes back to what is before.
    pub(crate) back: bool,
    /// At most so many.
    pub(crate) limit: usize,
}

impl Wanted {
    /// Reads `limit` and `iterator` (or `cursor`). An iterator that begins with `-` goes back.
    pub(crate) fn read(params: &Params) -> Result<Self, Error> {
        let limit = params.number("limit", 1..=250, 50)?;
        let iterator = params.text("iterator").or_else(|| params.text("cursor"));
        let (cursor, back) = match iterator {
            None => (None, false),
            Some(text) => match text.strip_prefix('-') {
                Some(text) => (Some(text.to_owned()), true),
                None => (Some(text.to_owned()), false),
            },
        };
        Ok(Self { cursor, back, limit })
    }

    /// Where a list by time is to go on, newest first.
    pub(crate) fn place(params: &Params) -> Result<Option<String>, Error> {
        match params.text("iterator") {
            Some(place) if !is_place(place) => Err(Error::param("iterator", "is not one of ours")),
            place => Ok(place.map(str::to_owned)),
        }
    }

    /// The same for lists by time, whose cursors go into the table's keys.
    pub(crate) fn by_time(params: &Params) -> Result<Self, Error> {
        let wanted = Self::read(params)?;
        match wanted.cursor.as_deref().is_none_or(is_place) {
            true => Ok(wanted),
            false => Err(Error::param("iterator", "is not one of ours")),
        }
    }
}

/// Whether text is a place in a list by time: 13 digits, `#`, an id.
pub(crate) fn is_place(text: &str) -> bool {
    let Some((at, id)) = text.split_once('#') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    at.len() == 13
        && at.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=100).contains(&id.len())
        && id.bytes().all(plain)
}

/// The place just behind everything earlier than this moment.
pub(crate) fn place_before(at: Timestamp) -> String {
    format!("{:013}", at.0.min(9_999_999_999_999))
}

/// What a walk found.
#[derive(Debug)]
pub(crate) struct Walk<T> {
    /// What was to be kept.
    pub(crate) items: Vec<T>,
    /// Where to go on, if there is more.
    pub(crate) next: Option<String>,
}

/// Reads a list on until enough is kept, it ends, or a request has seen enough of it.
pub(crate) async fn walk<T, F>(
    from: Option<String>,
    limit: usize,
    fetch: impl Fn(Option<String>, usize) -> F,
    keep: impl Fn(&T) -> bool,
    place: impl Fn(&T) -> String,
) -> Result<Walk<T>, Unavailable>
where
    F: Future<Output = Result<Page<T>, Unavailable>>,
{
    let (mut cursor, mut items, mut seen) = (from, Vec::new(), 0);
    loop {
        let page = fetch(cursor.clone(), limit).await?;
        let count = page.items.len();
        seen += count;
        for (index, item) in page.items.into_iter().enumerate() {
            let here = place(&item);
            if keep(&item) {
                items.push(item);
            }
            if items.len() == limit {
                let more = page.next.is_some() || index + 1 < count;
                return Ok(Walk { items, next: more.then_some(here) });
            }
        }
        cursor = page.next;
        if cursor.is_none() || MAX_SEEN <= seen {
            return Ok(Walk { items, next: cursor });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_is_not_ours_is_refused() {
        assert!(is_place("1700000000000#evt"));
        for bad in
            ["", "#", "1700000000000#", "170000000000#a", "1700000000000#a b", "x", "1700000000000"]
        {
            assert!(!is_place(bad), "{bad}");
        }
    }
}
