//! Reading a list in parts with a bound on the work of one request.

use adapters::{Unavailable, table::Page};

/// Most entries that one request reads: a filter that fits nothing must end too.
pub const MAX_SCANNED: usize = 2000;

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
}

/// Reads a list until `limit` entries are kept, the list ends, or [`MAX_SCANNED`] entries were read.
///
/// # Errors
///
/// The error of `fetch`.
pub async fn walk<T, F>(
    from: Option<String>,
    limit: usize,
    fetch: impl Fn(Option<String>, usize) -> F,
    keep: impl Fn(&T) -> bool,
    place: impl Fn(&T) -> String,
) -> Result<Walk<T>, Unavailable>
where
    F: Future<Output = Result<Page<T>, Unavailable>>,
{
    let (mut cursor, mut items, mut scanned) = (from, Vec::new(), 0);
    loop {
        let page = fetch(cursor.clone(), limit).await?;
        let count = page.items.len();
        scanned += count;
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
        if cursor.is_none() || MAX_SCANNED <= scanned {
            return Ok(Walk { items, next: cursor });
        }
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
