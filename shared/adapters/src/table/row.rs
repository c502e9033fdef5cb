//! Items and conditions, so that the entities' own files read as what they mean.
//!
//! The document of an item is JSON. One of more than [`MAX_TEXT`] bytes is packed, for DynamoDB counts in
//! kilobytes; the attribute `doc` then holds bytes in place of text.

use std::{borrow::Cow, collections::HashMap, io};

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, Delete, Put, TransactWriteItem, Update},
};
use domain::{id, reading, time::Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use tracing::error;

use crate::{Unavailable, packed};

/// An item of the table, by attribute name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The key of an item: `pk` and `sk`.
pub(super) type Key = (String, String);

/// How many parts the index of what is due has, each of which can be read on its own. A part takes 1,000
/// write units in a second; a delivery writes about four to it.
pub const SHARDS: u32 = 64;

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The version of the items that this build writes. An item of a higher one is not read, nor written over:
/// docs/how-to/change-the-layout.md.
pub const LAYOUT: u32 = 1;
/// The attribute with an item's version; an item without it has version 1.
const VERSION: &str = "layout";
/// Longest document that is stored as text, in bytes. Keys, indexes and conditions take up to 400 bytes of
/// an item, so that it is below a kilobyte however little a shorter document could be packed.
const MAX_TEXT: usize = 512;
/// Most bytes of a document that was packed. Of the bodies in an item, each of at most
/// [`MAX_INLINE`](crate::bucket::MAX_INLINE), JSON's escapes may make six times as much.
const MAX_DOCUMENT: u64 = 8 * 1024 * 1024;

/// An entity, as its item carries it. The same entity is always the same value, so that conditions can
/// compare it.
pub(super) fn doc<T: Serialize>(entity: &T) -> AttributeValue {
    let text = serde_json::to_string(entity).expect("plain data serialises");
    if text.len() <= MAX_TEXT {
        return s(text);
    }
    let packed = packed::pack(text.as_bytes());
    if packed.len() < text.len() { AttributeValue::B(Blob::new(packed)) } else { s(text) }
}

/// An item being made.
pub(super) struct Row(Item);

impl Row {
    pub(super) fn new<T: Serialize>(pk: impl Into<String>, sk: impl Into<String>, doc: &T) -> Self {
        Self::bare(pk, sk).with("doc", self::doc(doc))
    }

    /// An item whose entity is not JSON in `doc`.
    pub(super) fn bare(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        let item = Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))]);
        Self(item).with(VERSION, n(LAYOUT))
    }

    pub(super) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Puts it on the index of what is due.
    pub(super) fn due(self, id: &str, at: Option<Timestamp>) -> Self {
        match at {
            Some(at) => self.with("due_shard", s(shard(id))).with("due_at", n(at.0)),
            None => self,
        }
    }

    /// Puts it on a list, newest last.
    pub(super) fn listed(self, list: impl Into<String>, at: Timestamp, id: &str) -> Self {
        self.with("list", s(list)).with("list_at", s(list_at(at, id)))
    }

    /// Lets it go at this time, in seconds.
    pub(super) fn expires(self, at: Option<u64>) -> Self {
        match at {
            Some(at) => self.with("expires_at", n(at)),
            None => self,
        }
    }

    pub(super) fn into_item(self) -> Item {
        self.0
    }
}

/// Spreads what is due over the shards that the sweep reads in parallel.
pub(super) fn shard(id: &str) -> String {
    part_of(id, SHARDS).to_string()
}

/// The part, of so many, that an id belongs to.
pub(super) fn part_of(id: &str, parts: u32) -> u32 {
    let digest = id::digest(&[id]);
    u32::from_str_radix(&digest[..2], 16).unwrap_or(0) % parts
}

/// Sorts by time, and tells items of one millisecond apart. Cursors are made of it, so that it holds
/// only characters that stand in a URL as they are.
pub(super) fn list_at(at: Timestamp, id: &str) -> String {
    format!("{:013}-{id}", at.0)
}

/// The entity in an item. Fields that this build does not know are passed over, also where its type refuses
/// them from callers: a newer version may have written them.
pub(super) fn document<T: DeserializeOwned>(item: &Item) -> Result<T, Unavailable> {
    let doing = "reading an item";
    let json = json(item).map_err(|error| Unavailable::new(doing, error))?;
    serde_json::from_slice(&json)
        .or_else(|error| reading::read_leniently(&json).map_err(|_| Unavailable::new(doing, error)))
}

/// Whether an item has a layout that this build does not know.
pub(super) fn is_newer(item: &Item) -> bool {
    number(item, VERSION).is_some_and(|version| u64::from(LAYOUT) < version)
}

/// Refuses an item whose layout this build does not know.
pub(super) fn known(item: &Item) -> io::Result<&Item> {
    if is_newer(item) { Err(io::Error::other("it has a newer layout")) } else { Ok(item) }
}

/// The document of an item as JSON, whichever form it has.
///
/// # Errors
/// Fails if the item has a newer layout, or no document, or one that is neither text nor packed.
pub fn json(item: &Item) -> io::Result<Cow<'_, [u8]>> {
    match known(item)?.get("doc") {
        Some(AttributeValue::S(text)) => Ok(Cow::Borrowed(text.as_bytes())),
        Some(AttributeValue::B(doc)) => packed::unpack(doc.as_ref(), MAX_DOCUMENT).map(Cow::Owned),
        _ => Err(io::Error::other("it has no document")),
    }
}

/// The entities in items of a list. An item that cannot be read, perhaps because a newer version wrote
/// it, is logged with its key and left out, so that it hides none of the others.
pub(super) fn readable<T>(
    items: &[Item],
    read: impl Fn(&Item) -> Result<T, Unavailable>,
) -> Vec<T> {
    let read = |item| match read(item) {
        Ok(entity) => Some(entity),
        Err(cause) => {
            log_unreadable(item, &cause);
            None
        }
    };
    items.iter().filter_map(read).collect()
}

/// Logs the key of an item that cannot be read, and why.
pub(super) fn log_unreadable(item: &Item, cause: &Unavailable) {
    let [pk, sk] = ["pk", "sk"].map(|name| text(item, name).unwrap_or_default());
    error!(pk, sk, %cause, "an item of the table cannot be read");
}

pub(super) fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A condition expression with its names and values.
#[derive(Clone, Default)]
pub(super) struct Condition {
    expression: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    pub(super) fn new(expression: &str) -> Self {
        Self { expression: Some(expression.to_owned()), ..Self::default() }
    }

    /// Nobody has written this item.
    pub(super) fn absent() -> Self {
        Self::new("attribute_not_exists(pk)")
    }

    /// The item is as it was read: this version, or absent if 0.
    pub(super) fn version(read: u64) -> Self {
        match read {
            0 => Self::absent(),
            read => Self::new("version = :read").value(":read", n(read)),
        }
    }

    pub(super) fn name(mut self, placeholder: &str, name: &str) -> Self {
        self.names.insert(placeholder.to_owned(), name.to_owned());
        self
    }

    pub(super) fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    pub(super) fn expression(&self) -> Option<String> {
        self.expression.clone()
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// One write of a transaction.
pub(super) enum Write {
    Put(Row, Condition),
    /// An update expression on an item, with its condition; both share names and values.
    Update(String, String, &'static str, Condition),
    Delete(String, String, Condition),
}

impl Write {
    pub(super) fn into_item(self, table: &str) -> TransactWriteItem {
        let item = TransactWriteItem::builder();
        let key = |pk: String, sk: String| {
            Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
        };
        match self {
            Self::Put(row, condition) => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(row.into_item()))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                item.put(put.build().expect("table and item are set"))
            }
            Self::Update(pk, sk, expression, condition) => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key(pk, sk)))
                    .update_expression(expression)
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                item.update(update.build().expect("table, key and expression are set"))
            }
            Self::Delete(pk, sk, condition) => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(key(pk, sk)))
                    .set_condition_expression(condition.expression())
                    .set_expression_attribute_names(condition.names())
                    .set_expression_attribute_values(condition.values());
                item.delete(delete.build().expect("table and key are set"))
            }
        }
        .build()
    }
}
