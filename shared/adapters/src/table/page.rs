//! Lists of the table, read page by page.
//!
//! The index `listing` holds keys and places only. A page reads its keys from the index, and then the items
//! themselves as the last writes left them: an item that is gone, or has left the list, is left out.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::operation::query::QueryOutput;
use serde::de::DeserializeOwned;

use super::{
    Table,
    row::{Item, Key, document, readable, s, text},
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

    /// A page of a list whose entities are read like this. Items that cannot be read are left out. An item
    /// that moves in the list while the page is read is shown once.
    pub(super) async fn page_of<T>(
        &self,
        list: &str,
        cursor: Option<&str>,
        limit: usize,
        oldest_first: bool,
        read: impl Fn(&Item) -> Result<T, Unavailable>,
    ) -> Result<Page<T>, Unavailable> {
        let mut found: Vec<(String, T)> = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor = cursor.map(str::to_owned);
        let edge = if oldest_first { "0" } else { "9" };
        let compare = if oldest_first {
            "#list = :list AND list_at > :at"
        } else {
            "#list = :list AND list_at < :at"
        };
        // A page of DynamoDB ends at 1 MB, a page of ours at `limit` and one more to know of.
        loop {
            let want = limit + 1 - found.len();
            let query = self
                .client
                .query()
                .table_name(&self.name)
                .index_name("listing")
                .key_condition_expression(compare)
                .expression_attribute_names("#list", "list")
                .expression_attribute_values(":list", s(list))
                .expression_attribute_values(":at", s(cursor.as_deref().unwrap_or(edge)))
                .scan_index_forward(oldest_first)
                .limit(i32::try_from(want).unwrap_or(1000))
                .send()
                .await
                .map_err(|error| Unavailable::aws("reading a list", &error))?;
            let more = query.last_evaluated_key.is_some();
            let mut entries = entries(&query);
            cursor = entries.last().map(|(place, _)| place.clone());
            entries.retain(|(_, key)| seen.insert(key.clone()));
            let places: HashMap<&Key, &String> =
                entries.iter().map(|(place, key)| (key, place)).collect();
            let mut items = self.in_order(entries.iter().map(|(_, key)| key.clone())).await?;
            items.retain(|item| text(item, "list") == Some(list));
            let place = |item: &Item| places.get(&key_of(item)).map(|at| (*at).clone());
            found.extend(readable(&items, |item| {
                Ok((place(item).unwrap_or_default(), read(item)?))
            }));
            if limit < found.len() || !more || cursor.is_none() {
                break;
            }
        }
        Ok(cut(found, limit))
    }

    /// The items of these keys in the order of the keys, as the last writes left them. Those that are gone
    /// are left out.
    pub(super) async fn in_order(
        &self,
        keys: impl Iterator<Item = Key>,
    ) -> Result<Vec<Item>, Unavailable> {
        let keys: Vec<Key> = keys.collect();
        let items = self.items(keys.clone()).await?;
        let mut items: HashMap<Key, Item> =
            items.into_iter().map(|item| (key_of(&item), item)).collect();
        Ok(keys.iter().filter_map(|key| items.remove(key)).collect())
    }

    /// A page of a partition whose entities are read like this, by sort key: what lies behind the sort
    /// key `after`, against the order if `backwards`. The page is as the last writes left it. Items that
    /// cannot be read are left out.
    pub(super) async fn page_by_key<T>(
        &self,
        pk: &str,
        after: Option<&str>,
        limit: usize,
        backwards: bool,
        read: impl Fn(&Item) -> Result<T, Unavailable>,
    ) -> Result<Page<T>, Unavailable> {
        let mut found: Vec<(String, T)> = Vec::new();
        let mut after = after.map(str::to_owned);
        loop {
            let (condition, at) = match &after {
                None => ("pk = :pk", None),
                Some(at) if backwards => ("pk = :pk AND sk < :at", Some(s(at))),
                Some(at) => ("pk = :pk AND sk > :at", Some(s(at))),
            };
            let want = limit + 1 - found.len();
            let mut query = self
                .client
                .query()
                .table_name(&self.name)
                .key_condition_expression(condition)
                .expression_attribute_values(":pk", s(pk))
                .consistent_read(true)
                .scan_index_forward(!backwards)
                .limit(i32::try_from(want).unwrap_or(1000));
            if let Some(at) = at {
                query = query.expression_attribute_values(":at", at);
            }
            let page =
                query.send().await.map_err(|error| Unavailable::aws("reading a list", &error))?;
            let more = page.last_evaluated_key.is_some();
            let items = page.items.unwrap_or_default();
            let place = |item: &Item| text(item, "sk").unwrap_or_default().to_owned();
            found.extend(readable(&items, |item| Ok((place(item), read(item)?))));
            after = items.last().map(place);
            if limit < found.len() || !more || after.is_none() {
                return Ok(cut(found, limit));
            }
        }
    }
}

/// The key of an item.
pub(super) fn key_of(item: &Item) -> Key {
    let part = |name| text(item, name).unwrap_or_default().to_owned();
    (part("pk"), part("sk"))
}

/// The places and keys of a page of the index.
fn entries(query: &QueryOutput) -> Vec<(String, Key)> {
    let place = |item: &Item| text(item, "list_at").unwrap_or_default().to_owned();
    query.items().iter().map(|item| (place(item), key_of(item))).collect()
}

/// The page of at most `limit` entities; one more that was read tells that another page follows.
fn cut<T>(mut found: Vec<(String, T)>, limit: usize) -> Page<T> {
    let next = (limit < found.len()).then(|| {
        found.truncate(limit);
        found.last().map(|(place, _)| place.clone()).unwrap_or_default()
    });
    Page { items: found.into_iter().map(|(_, entity)| entity).collect(), next }
}
