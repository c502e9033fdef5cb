//! Sizes of items and what they cost: the rules of DynamoDB's documentation ("DynamoDB item sizes and
//! formats", "Read and write operations", "Considerations for global secondary indexes"), over the JSON of
//! the wire. They share nothing with dynoxide, whose own figures a test holds against these.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

/// An item in the JSON of the wire: `{"name": {"S": "text"}}`.
pub(super) type Item = Map<String, Value>;

/// The bytes of an item: names and values, in UTF-8.
pub(super) fn of(item: &Item) -> usize {
    item.iter().map(|(name, typed)| name.len() + value(typed)).sum()
}

/// The bytes of a value with its type. Lists and maps have 3 of their own, and 1 for each element or pair.
fn value(typed: &Value) -> usize {
    let Some((kind, value)) = typed.as_object().and_then(|typed| typed.iter().next()) else {
        return 0;
    };
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let each =
        |of: fn(&Value) -> usize| value.as_array().into_iter().flatten().map(of).sum::<usize>();
    match kind.as_str() {
        "S" => text(value),
        "N" => number(value),
        "B" => bytes(value),
        "SS" => each(|value| value.as_str().map_or(0, str::len)),
        "NS" => each(number),
        "BS" => each(bytes),
        "L" => 3 + each(|value| 1 + self::value(value)),
        "M" => {
            let pairs = value.as_object().into_iter().flatten();
            3 + pairs.map(|(name, value)| name.len() + 1 + self::value(value)).sum::<usize>()
        }
        // BOOL and NULL.
        _ => 1,
    }
}

fn bytes(value: &Value) -> usize {
    let decoded = value.as_str().map(|text| BASE64_STANDARD.decode(text));
    decoded.and_then(Result::ok).map_or(0, |bytes| bytes.len())
}

/// A byte, one for every two significant digits before and after the point, and one for a minus. Numbers
/// with an exponent are none that the relay writes; they count by their digits.
fn number(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let (whole, fraction) = match (whole, fraction) {
        (whole, "") => (whole.trim_end_matches('0'), ""),
        ("", fraction) => ("", fraction.trim_start_matches('0')),
        both => both,
    };
    let is_negative = text.starts_with('-') && (!whole.is_empty() || !fraction.is_empty());
    1 + whole.len().div_ceil(2) + fraction.len().div_ceil(2) + usize::from(is_negative)
}

/// Write units of an item of this size: one for each kilobyte begun, and one at least.
pub(super) fn write_units(size: usize) -> f64 {
    units(size, 1024)
}

/// Read units of this size, read as the last write left it: one for each 4 KB begun, and one at least.
pub(super) fn read_units(size: usize) -> f64 {
    units(size, 4096)
}

fn units(size: usize, part: usize) -> f64 {
    u32::try_from(size.div_ceil(part).max(1)).map_or(f64::MAX, f64::from)
}

/// An index, and what it holds of an item.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) name: String,
    /// The attributes that it is keyed by; an item without one of them is not in it.
    pub(super) keys: Vec<String>,
    /// The attributes that it projects besides the keys of table and index; `None` for all.
    projected: Option<Vec<String>>,
    table_keys: Vec<String>,
}

impl Index {
    /// The indexes of a table, from its `CreateTable` request.
    pub(super) fn all_of(table: &Value) -> Vec<Index> {
        let names = |schema: &Value| {
            let names = schema.as_array().into_iter().flatten().map(|key| &key["AttributeName"]);
            names.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let index = |index: &Value| {
            let projection = &index["Projection"];
            let all = projection["ProjectionType"] == "ALL";
            let others = projection["NonKeyAttributes"].as_array().into_iter().flatten();
            let others = others.filter_map(Value::as_str).map(str::to_owned).collect();
            Index {
                name: index["IndexName"].as_str().unwrap_or_default().to_owned(),
                keys: names(&index["KeySchema"]),
                projected: (!all).then_some(others),
                table_keys: names(&table["KeySchema"]),
            }
        };
        table["GlobalSecondaryIndexes"].as_array().into_iter().flatten().map(index).collect()
    }

    /// What the index holds of an item; `None` if the item is not in it.
    pub(super) fn entry(&self, item: &Item) -> Option<Item> {
        if !self.keys.iter().all(|key| item.contains_key(key)) {
            return None;
        }
        let Some(projected) = &self.projected else { return Some(item.clone()) };
        let names = self.table_keys.iter().chain(&self.keys).chain(projected);
        Some(names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect())
    }

    /// The write units that a change of an item costs here: of the larger entry if it stays in its place,
    /// of both if its key changes, nothing if nothing changes that the index holds.
    pub(super) fn write_units(&self, before: Option<&Item>, after: Option<&Item>) -> f64 {
        let before = before.and_then(|item| self.entry(item));
        let after = after.and_then(|item| self.entry(item));
        let units = |entry: &Item| write_units(of(entry));
        match (before, after) {
            (None, None) => 0.0,
            (Some(one), None) | (None, Some(one)) => units(&one),
            (Some(before), Some(after)) if before == after => 0.0,
            (Some(before), Some(after)) => {
                if self.keys.iter().all(|key| before.get(key) == after.get(key)) {
                    units(&before).max(units(&after))
                } else {
                    units(&before) + units(&after)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_the_size_that_the_documentation_says() {
        for (typed, bytes) in [
            (json!({ "S": "" }), 0),
            (json!({ "S": "héé" }), 5),
            (json!({ "N": "0" }), 1),
            (json!({ "N": "7" }), 2),
            (json!({ "N": "42" }), 2),
            (json!({ "N": "-42" }), 3),
            (json!({ "N": "100" }), 2),
            (json!({ "N": "1800000000123" }), 8),
            (json!({ "N": "0.001" }), 2),
            (json!({ "N": "27.5" }), 3),
            (json!({ "B": "AAECAw==" }), 4),
            (json!({ "BOOL": false }), 1),
            (json!({ "NULL": true }), 1),
            (json!({ "SS": ["a", "bc"] }), 3),
            (json!({ "NS": ["1", "200"] }), 4),
            (json!({ "BS": ["AAE=", "AA=="] }), 3),
            (json!({ "L": [] }), 3),
            (json!({ "L": [{ "S": "ab" }, { "N": "1" }] }), 3 + 2 + 2 + 2),
            (json!({ "M": {} }), 3),
            (json!({ "M": { "ab": { "S": "c" } } }), 3 + 2 + 1 + 1),
        ] {
            assert_eq!(value(&typed), bytes, "{typed}");
        }
    }

    #[test]
    fn units_are_whole_and_one_at_least() {
        for (size, write, read) in
            [(0, 1.0, 1.0), (1, 1.0, 1.0), (1024, 1.0, 1.0), (1025, 2.0, 1.0), (4097, 5.0, 2.0)]
        {
            assert_eq!((write_units(size), read_units(size)), (write, read), "{size} bytes");
        }
    }

    #[test]
    fn an_entry_of_an_index_costs_what_changes_in_it() {
        let item = |list: Option<&str>, word: &str, other: usize| {
            let mut item = json!({ "pk": { "S": "p" }, "sk": { "S": "s" }, "word": { "S": word },
                "doc": { "S": "x".repeat(other) } });
            if let Some(list) = list {
                item["list"] = json!({ "S": list });
            }
            item.as_object().expect("an object").clone()
        };
        let index = |projection: Value| {
            let table = json!({
                "KeySchema": [{ "AttributeName": "pk" }, { "AttributeName": "sk" }],
                "GlobalSecondaryIndexes": [{ "IndexName": "listing",
                    "KeySchema": [{ "AttributeName": "list" }], "Projection": projection }],
            });
            Index::all_of(&table).remove(0)
        };
        let [all, keys, some] = [
            index(json!({ "ProjectionType": "ALL" })),
            index(json!({ "ProjectionType": "KEYS_ONLY" })),
            index(json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": ["word"] })),
        ];
        let (out, a, b) =
            (item(None, "w", 2000), item(Some("a"), "w", 2000), item(Some("b"), "w", 10));
        let (longer, other) = (item(Some("a"), "w", 3000), item(Some("a"), "v", 2000));
        for (before, after, of_all, of_keys, of_some) in [
            (None, Some(&out), 0.0, 0.0, 0.0),
            (None, Some(&a), 2.0, 1.0, 1.0),
            (Some(&a), None, 2.0, 1.0, 1.0),
            (Some(&a), Some(&out), 2.0, 1.0, 1.0),
            (Some(&a), Some(&a), 0.0, 0.0, 0.0),
            (Some(&a), Some(&longer), 3.0, 0.0, 0.0),
            (Some(&longer), Some(&a), 3.0, 0.0, 0.0),
            (Some(&a), Some(&other), 2.0, 0.0, 1.0),
            (Some(&a), Some(&b), 3.0, 2.0, 2.0),
        ] {
            let units = [&all, &keys, &some].map(|index| index.write_units(before, after));
            assert_eq!(units, [of_all, of_keys, of_some], "{before:?} to {after:?}");
        }
    }
}
