//! Reading a list in parts with a bound on the work of one request.

use adapters::{Unavailable, table::Page};

/// Most entries that one request reads: a filter that fits nothing must end too.
pub const MAX_SCANNED: usize = 2000;

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
