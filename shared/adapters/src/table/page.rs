//! Lists of the table, read page by page.

use serde::de::DeserializeOwned;

use super::{
    Table,
    row::{Item, document, s, text},
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
        let items = self.page_items(list, cursor, limit, oldest_first).await?;
        let next = items.next;
        let items = items.items.iter().map(document).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    pub(super) async fn page_items(
        &self,
        list: &str,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Page<Item>, Unavailable> {
        let mut found: Vec<Item> = Vec::new();
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
            found.extend(query.items.unwrap_or_default());
            cursor = found.last().and_then(|item| text(item, "list_at")).map(str::to_owned);
            if limit < found.len() || !more || cursor.is_none() {
                break;
            }
        }
        let next = (limit < found.len()).then(|| {
            found.truncate(limit);
            found.last().and_then(|item| text(item, "list_at")).unwrap_or_default().to_owned()
        });
        Ok(Page { items: found, next })
    }
}
