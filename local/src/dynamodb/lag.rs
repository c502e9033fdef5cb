//! Reads that lag: a copy of the table that hears of each write some time after it. Queries of an index are
//! answered from the copy, and so are reads of the table that do not ask for a consistent one.
//!
//! DynamoDB promises no bound; within a second is usual. Writes of one item arrive in their order, those of
//! different items in any.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    ops::RangeInclusive,
};

use dynoxide::{Database, DynoxideError};
use serde_json::{Value, json};

use super::{
    operations::{ask, each_item, perform},
    size::Item,
};

/// Times by which writes are late, between the least and the most: some writes are seen at once, some last.
const STEPS: u32 = 4;

/// The copy, and what it has not heard of.
#[derive(Debug)]
pub(super) struct Lag {
    table: String,
    /// By how many milliseconds a write is late.
    late: RangeInclusive<i64>,
    copy: Replica,
    /// The items as writes left them, by the time at which the copy hears of them and the number of the
    /// write.
    pending: BTreeMap<(i64, u64), Change>,
    /// The time at which the copy hears of the last write of each item.
    last: HashMap<String, i64>,
    writes: u64,
}

/// The database of the copy, which says nothing of itself.
struct Replica(Database);

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replica")
    }
}

#[derive(Debug)]
struct Change {
    key: Item,
    item: Option<Item>,
}

impl Lag {
    /// A copy of the table as it is now, of which each later write is late by a time within `late`, in
    /// milliseconds.
    ///
    /// # Errors
    /// DynamoDB's error, if the table cannot be read or copied.
    pub(super) fn begin(
        table: &Value,
        original: &Database,
        late: RangeInclusive<i64>,
    ) -> Result<Lag, DynoxideError> {
        let name = table["TableName"].as_str().unwrap_or_default().to_owned();
        let copy = Replica(Database::memory()?);
        ask(&copy.0, "CreateTable", table)?;
        each_item(original, &table["TableName"], |item| {
            ask(&copy.0, "PutItem", &json!({ "TableName": name, "Item": item })).map(drop)
        })?;
        let (pending, last) = (BTreeMap::new(), HashMap::new());
        Ok(Lag { table: name, late, copy, pending, last, writes: 0 })
    }

    /// Notes what a write left of an item at the time `now`, in milliseconds.
    pub(super) fn note(&mut self, key: &Item, item: Option<Item>, now: i64) {
        self.writes += 1;
        let (least, most) = (*self.late.start(), *self.late.end());
        let late =
            least + (most - least) * i64::from(mixed(self.writes) % STEPS) / i64::from(STEPS - 1);
        let last = self.last.entry(Value::Object(key.clone()).to_string()).or_default();
        *last = (now + late).max(*last);
        self.pending.insert((*last, self.writes), Change { key: key.clone(), item });
    }

    /// Answers a query or scan of an index as of the time `now`, in milliseconds.
    ///
    /// # Errors
    /// DynamoDB's error.
    pub(super) fn answer(
        &mut self,
        operation: &str,
        body: &[u8],
        now: i64,
    ) -> Result<Option<String>, DynoxideError> {
        while let Some(entry) = self.pending.first_entry().filter(|entry| entry.key().0 <= now) {
            let Change { key, item } = entry.remove();
            match item {
                Some(item) => {
                    ask(&self.copy.0, "PutItem", &json!({ "TableName": self.table, "Item": item }))?
                }
                None => ask(
                    &self.copy.0,
                    "DeleteItem",
                    &json!({ "TableName": self.table, "Key": key }),
                )?,
            };
        }
        perform(&self.copy.0, operation, body)
    }
}

/// A number that looks drawn, the same in every run (SplitMix64).
fn mixed(number: u64) -> u32 {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default()
}
