//! The items that a request touches, and what it costs to touch them.
//!
//! * A write costs the larger of the item before and after it, and each index what changes in it. A write
//!   whose condition fails costs the item that is there, or the one that was to replace it.
//! * A transaction doubles what the table is written and read, and not what its indexes are written. A
//!   transaction that is cancelled for a condition is counted as one that took place, without its indexes:
//!   the most that it can cost.
//! * A key that is read or written counts one unit at least, an item or not; half a unit for a read that
//!   may lag.

use serde_json::{Value, json};

use super::size::{self, Index, Item};
use crate::ledger::{Capacity, Ledger, Line, Stored};

/// One item that a request reads or writes.
#[derive(Debug)]
pub(super) struct Touch {
    /// The operation, and the action within a transaction or batch.
    label: String,
    /// The primary key of the item.
    pub(super) key: Item,
    /// The item that is put, if one is.
    put: Option<Item>,
    action: Action,
    in_transaction: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Write,
    Check,
    Read { consistent: bool },
}

/// Counts the requests about one table.
#[derive(Debug)]
pub(super) struct Meter {
    table: String,
    keys: Vec<String>,
    indexes: Vec<Index>,
}

impl Meter {
    /// Counts what is done to the table of this `CreateTable` request.
    pub(super) fn new(table: &Value) -> Meter {
        let keys = table["KeySchema"].as_array().into_iter().flatten();
        let keys = keys.filter_map(|key| key["AttributeName"].as_str()).map(str::to_owned);
        Meter {
            table: table["TableName"].as_str().unwrap_or_default().to_owned(),
            keys: keys.collect(),
            indexes: Index::all_of(table),
        }
    }

    /// The items of the table that a request names. None of a query or scan.
    pub(super) fn touched(&self, operation: &str, request: &Value) -> Vec<Touch> {
        let one = |key: &Value, put: bool, action| {
            let touch = self.touch(operation.to_owned(), key, put, action);
            touch.into_iter().filter(|_| request["TableName"] == self.table).collect()
        };
        let consistent = request["ConsistentRead"] == true;
        let requested = &request["RequestItems"][&self.table];
        match operation {
            "GetItem" => one(&request["Key"], false, Action::Read { consistent }),
            "PutItem" => one(&request["Item"], true, Action::Write),
            "UpdateItem" | "DeleteItem" => one(&request["Key"], false, Action::Write),
            "BatchGetItem" => {
                let consistent = requested["ConsistentRead"] == true;
                let keys = requested["Keys"].as_array().into_iter().flatten();
                let read = Action::Read { consistent };
                keys.filter_map(|key| self.touch(operation.to_owned(), key, false, read)).collect()
            }
            "BatchWriteItem" => {
                let writes = requested.as_array().into_iter().flatten();
                let touch = |write: &Value| {
                    let (put, delete) =
                        (&write["PutRequest"]["Item"], &write["DeleteRequest"]["Key"]);
                    let (item, is_put) =
                        if put.is_object() { (put, true) } else { (delete, false) };
                    self.touch(operation.to_owned(), item, is_put, Action::Write)
                };
                writes.filter_map(touch).collect()
            }
            "TransactWriteItems" | "TransactGetItems" => {
                let actions = request["TransactItems"].as_array().into_iter().flatten();
                actions.filter_map(|action| self.touch_of_transaction(operation, action)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn touch_of_transaction(&self, operation: &str, action: &Value) -> Option<Touch> {
        let (name, action) = action.as_object()?.iter().next()?;
        if action["TableName"] != self.table {
            return None;
        }
        let label = format!("{operation} {name}");
        let touch = match name.as_str() {
            "Put" => self.touch(label, &action["Item"], true, Action::Write),
            "Update" | "Delete" => self.touch(label, &action["Key"], false, Action::Write),
            "ConditionCheck" => self.touch(label, &action["Key"], false, Action::Check),
            _ => self.touch(label, &action["Key"], false, Action::Read { consistent: true }),
        };
        touch.map(|touch| Touch { in_transaction: true, ..touch })
    }

    fn touch(&self, label: String, item: &Value, put: bool, action: Action) -> Option<Touch> {
        let item = item.as_object()?;
        let key: Item = self
            .keys
            .iter()
            .filter_map(|key| Some((key.clone(), item.get(key)?.clone())))
            .collect();
        (key.len() == self.keys.len()).then(|| {
            let put = put.then(|| item.clone());
            Touch { label, key, put, action, in_transaction: false }
        })
    }

    /// The request that reads the item of a touch, as the last write left it.
    pub(super) fn reading(&self, touch: &Touch) -> Value {
        json!({ "TableName": self.table, "Key": touch.key, "ConsistentRead": true })
    }

    /// Counts a touch whose request succeeded.
    pub(super) fn count(
        &self,
        ledger: &mut Ledger,
        touch: &Touch,
        before: Option<&Item>,
        after: Option<&Item>,
    ) {
        let factor = if touch.in_transaction { 2.0 } else { 1.0 };
        let size = |item: Option<&Item>| item.map_or(0, size::of);
        let mut spent = Capacity { count: 1, ..Capacity::default() };
        match touch.action {
            Action::Write => {
                spent.table = factor * size::write_units(size(before).max(size(after)));
                for index in &self.indexes {
                    let units = index.write_units(before, after);
                    if units != 0.0 {
                        spent.indexes.insert(index.name.clone(), units);
                    }
                }
            }
            Action::Check => spent.table = factor * size::write_units(size(before)),
            Action::Read { consistent } => {
                let share = if consistent { 1.0 } else { 0.5 };
                spent.read = factor * share * size::read_units(size(before));
            }
        }
        enter(ledger, touch.label.clone(), self.kind(&touch.key), &spent);
    }

    /// Counts a touch whose request was refused because a condition did not hold.
    pub(super) fn count_refused(&self, ledger: &mut Ledger, touch: &Touch, before: Option<&Item>) {
        let factor = if touch.in_transaction { 2.0 } else { 1.0 };
        let largest = before.map_or(0, size::of).max(touch.put.as_ref().map_or(0, size::of));
        let table = factor * size::write_units(largest);
        let spent = Capacity { count: 1, table, ..Capacity::default() };
        enter(ledger, format!("{} refused", touch.label), self.kind(&touch.key), &spent);
    }

    /// Counts a query or scan by the read units that its answer names.
    pub(super) fn count_query(
        &self,
        ledger: &mut Ledger,
        operation: &str,
        request: &Value,
        answer: &Value,
    ) {
        if request["TableName"] != self.table {
            return;
        }
        let read = answer["ConsumedCapacity"]["CapacityUnits"].as_f64().unwrap_or_default();
        let spent = Capacity { count: 1, read, ..Capacity::default() };
        let index = self.indexes.iter().find(|index| request["IndexName"] == index.name.as_str());
        let hash = index.map_or(&self.keys, |index| &index.keys).first();
        let partition = hash.and_then(|hash| partition(request, hash)).map_or("", common);
        let kind = match index {
            Some(index) => format!("{} {partition}", index.name),
            None => partition.to_owned(),
        };
        enter(ledger, operation.to_owned(), kind, &spent);
    }

    /// Adds an item to what is stored: in the table, and in each index that has it.
    pub(super) fn store(&self, stored: &mut Stored, item: &Item) {
        stored.items += 1;
        stored.bytes += u64::try_from(size::of(item)).unwrap_or_default();
        for entry in self.indexes.iter().filter_map(|index| index.entry(item)) {
            stored.entries += 1;
            stored.entry_bytes += u64::try_from(size::of(&entry)).unwrap_or_default();
        }
    }

    /// The kind of the item with this key.
    fn kind(&self, key: &Item) -> String {
        let text = |name: &String| key[name]["S"].as_str().map_or("…", common);
        self.keys.iter().map(text).collect::<Vec<_>>().join(" ")
    }
}

fn enter(ledger: &mut Ledger, operation: String, kind: String, spent: &Capacity) {
    *ledger.items.entry(Line { operation, kind }).or_default() += spent;
}

/// What the keys of one kind of item have in common: all up to the first `#`, or the whole word if it is in
/// capitals.
fn common(key: &str) -> &str {
    match key.find('#') {
        Some(end) => &key[..=end],
        None if key.bytes().all(|byte| byte.is_ascii_uppercase()) => key,
        None => "…",
    }
}

/// The value that the key condition of a query asks of the partition key.
fn partition<'r>(request: &'r Value, hash: &str) -> Option<&'r str> {
    let condition = request["KeyConditionExpression"].as_str()?;
    let mut words = condition.split([' ', '=', '(', ')', ',']).filter(|word| !word.is_empty());
    let named = |word: &str| word == hash || request["ExpressionAttributeNames"][word] == hash;
    words.find(|word| named(word))?;
    request["ExpressionAttributeValues"][words.next()?]["S"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_what_the_keys_of_its_items_have_in_common() {
        for (key, kind) in [
            ("EVT#0123", "EVT#"),
            ("BATCH#b#3", "BATCH#"),
            ("SOURCES", "SOURCES"),
            ("mesh", "…"),
            ("7", "…"),
        ] {
            assert_eq!(common(key), kind);
        }
    }

    #[test]
    fn the_partition_of_a_query_is_found_under_any_name() {
        let values = json!({ ":pk": { "S": "EVT#1" }, ":sk": { "S": "DLV#" } });
        for (condition, names) in [
            ("pk = :pk", json!({})),
            ("pk=:pk AND begins_with(sk, :sk)", json!({})),
            ("begins_with(sk, :sk) AND #p = :pk", json!({ "#p": "pk" })),
        ] {
            let request = json!({ "KeyConditionExpression": condition,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": values });
            assert_eq!(partition(&request, "pk"), Some("EVT#1"), "{condition}");
        }
    }
}
