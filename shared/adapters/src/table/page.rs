//! Lists of the table, read page by page.

use serde::de::DeserializeOwned;

use super::{
    Table,
    row::{Item, document, readable, s, text},
};
use crate::Unavailable;

/// A part of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<String>,
}

impl Table {
    /// A page of a list: what lies behind `cursor`, newest first unless `oldest_first`.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        list: &str,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<T>, Unavailable> {
        self.page_of(list, cursor, limit, oldest_first, document).await
    }

    /// A page of a list whose entities are read like this. Items that cannot be read are left out.
    pub(super) async fn page_of<T>(
        &self,
        list: &str,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
        read: impl Fn(&Item) -> Result<T, Unavailable>,
    ) -> Result<Page<T>, Unavailable> {
        let mut found: Vec<(String, T)> = Vec::new();
        let mut cursor = cursor.map(str::to_owned);
        let edge = if oldest_first { "0" } else { "9" };
        let compare = if oldest_first {
            "list = :list AND list_at > :at"
        } else {
            "list = :list AND list_at < :at"
        };
        // A page of DynamoDB ends at 1 MB, a page of ours at `limit` and one more to know of.
        loop {
            let want = limit + 1 - found.len();
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .index_name("listing")
                .key_condition_expression(compare.replace("list =", "#list ="))
                .expression_attribute_names("#list", "list")
                .expression_attribute_values(":list", s(list))
                .expression_attribute_values(":at", s(cursor.as_deref().unwrap_or(edge)))
                .scan_index_forward(oldest_first)
                .limit(i32::try_from(want).unwrap_or(1000))
                .send()
                .await
                .map_err(|error| Unavailable::aws("reading a list", &error))?;
            let more = query.last_evaluated_key.is_some();
            let items = query.items.unwrap_or_default();
            let place = |item: &Item| text(item, "list_at").unwrap_or_default().to_owned();
            found.extend(readable(&items, |item| Ok((place(item), read(item)?))));
            cursor = items.last().map(place);
            if limit < found.len() || !more || cursor.is_none() {
                break;
            }
        }
        let next = (limit < found.len()).then(|| {
            found.truncate(limit);
            found.last().map(|(place, _)| place.clone()).unwrap_or_default()
        });
        Ok(Page { items: found.into_iter().map(|(_, entity)| entity).collect(), next })
    }
}
