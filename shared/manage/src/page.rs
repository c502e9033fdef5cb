//! Reading a list in parts with a bound on the work of one request.

use std::time::Duration;

use adapters::{Unavailable, table::Page};
use tokio::time::Instant;

/// Most entries that one request reads: a filter that fits nothing must end too.
pub const MAX_SCANNED: usize = 2000;
/// Longest time for which one request reads a list before it answers with what it has.
const MAX_TIME: Duration = Duration::from_secs(1);
/// Entries that are read at a time, once a filter has kept too few.
const PAGE: usize = 250;

/// The part of a list that is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Cursor of the entry behind which the part begins; `None` means at an end of the list.
    pub cursor: Option<String>,
    /// Whether the part lies before the cursor, against the order of the list.
    pub back: bool,
    /// Most entries of the part.
    pub limit: usize,
}

/// A part of a list that can be read in both directions.
#[derive(Debug)]
pub struct Part<T> {
    /// Entries with their cursors, in the order in which they were read: against the order of the
    /// list if [`PageRequest::back`] was asked for.
    pub entries: Vec<(String, T)>,
    /// Cursor behind which reading goes on in the same direction; `None` at the end.
    pub next: Option<String>,
}

/// A part of a list.
#[derive(Debug)]
pub struct Walk<T> {
    /// Entries that passed the filter.
    pub items: Vec<T>,
    /// Cursor after which the list goes on; `None` at its end.
    pub next: Option<String>,
    /// Entries that were looked at.
    pub scanned: usize,
}

/// The effort of reading a list for one request: entries and time, both bounded.
#[derive(Debug)]
pub(crate) struct Effort {
    began: Instant,
    most: usize,
    scanned: usize,
}

impl Effort {
    /// Nothing read yet, of at most `most` entries.
    pub(crate) fn of(most: usize) -> Self {
        Self { began: Instant::now(), most, scanned: 0 }
    }

    /// Notes that entries were looked at.
    pub(crate) const fn scan(&mut self, entries: usize) {
        self.scanned += entries;
    }

    /// Entries that were looked at.
    pub(crate) const fn scanned(&self) -> usize {
        self.scanned
    }

    /// Whether the request has read enough: what it has found so far is its part of the list. A request
    /// reads something in any case, so that its successor goes on further down.
    pub(crate) fn is_spent(&self) -> bool {
        0 < self.scanned && (self.most <= self.scanned || MAX_TIME <= self.began.elapsed())
    }
}

/// Reads a list until `limit` entries are kept, the list ends, an entry does not lie `within` the part
/// of the list that is meant, or the request has read for a second or [`MAX_SCANNED`] entries.
///
/// # Errors
///
/// The first error of `fetch`, unchanged.
pub async fn walk<T, F>(
    from: Option<String>,
    limit: usize,
    fetch: impl Fn(Option<String>, usize) -> F,
    within: impl Fn(&T) -> bool,
    keep: impl Fn(&T) -> bool,
    place: impl Fn(&T) -> String,
) -> Result<Walk<T>, Unavailable>
where
    F: Future<Output = Result<Page<T>, Unavailable>>,
{
    let (mut cursor, mut items, mut effort) = (from, Vec::new(), Effort::of(MAX_SCANNED));
    // A list without a filter is read once; one whose filter keeps little, in larger pages.
    let mut size = limit;
    loop {
        let page = fetch(cursor.clone(), size).await?;
        let count = page.items.len();
        for (index, item) in page.items.into_iter().enumerate() {
            effort.scan(1);
            if !within(&item) {
                return Ok(Walk { items, next: None, scanned: effort.scanned() });
            }
            let here = place(&item);
            if keep(&item) {
                items.push(item);
            }
            if items.len() == limit {
                let more = page.next.is_some() || index + 1 < count;
                let next = more.then_some(here);
                return Ok(Walk { items, next, scanned: effort.scanned() });
            }
        }
        cursor = page.next;
        if cursor.is_none() || effort.is_spent() {
            return Ok(Walk { items, next: cursor, scanned: effort.scanned() });
        }
        size = limit.max(PAGE).min(MAX_SCANNED - effort.scanned());
    }
}

/// Whether text can be a cursor of a list by time: 13 digits, `-`, and an id of 1 to 100 of
/// `A-Z a-z 0-9 - _`.
pub fn is_place(text: &str) -> bool {
    let Some((at, id)) = text.split_once('-') else { return false };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    at.len() == 13
        && at.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=100).contains(&id.len())
        && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_is_not_ours_is_refused() {
        assert!(is_place("1700000000000-evt"));
        for bad in [
            "",
            "-",
            "1700000000000-",
            "170000000000-a",
            "1700000000000-a b",
            "1700000000000#a",
            "x",
        ] {
            assert!(!is_place(bad), "{bad}");
        }
    }
}
