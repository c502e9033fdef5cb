//! An event type as publishers describe it for their subscribers: what it means, what its payload
//! looks like, and an example of it.

mod ours;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::ours::{own_example, own_example_json};
use crate::{json_schema, time::Timestamp};

/// An event type, as it lies in the table. Types are the same for all applications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventType {
    /// Such as `invoice.paid`.
    pub name: String,
    /// For people.
    pub description: String,
    /// It is out of use; lists leave it out unless asked.
    #[serde(default)]
    pub archived: bool,
    /// It will go out of use.
    #[serde(default)]
    pub deprecated: bool,
    /// JSON Schemas of its payload, by version.
    #[serde(default)]
    pub schemas: Option<BTreeMap<String, Map<String, Value>>>,
    /// Who is to see it, as its publisher calls them.
    #[serde(default)]
    pub feature_flags: Vec<String>,
    /// What it is listed under.
    #[serde(default)]
    pub group_name: Option<String>,
    /// What the idempotency key of the request that created it stands for.
    #[serde(default)]
    pub made_by: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts changes; every write is conditional on the one it read. 0: not written yet.
    #[serde(default)]
    pub version: u64,
}

impl EventType {
    /// An example of its payload: the one with this index that the newest schema gives, else its
    /// first, else one made from the schema. None if there is no schema.
    pub fn example(&self, index: usize) -> Option<Map<String, Value>> {
        let schemas = self.schemas.as_ref()?;
        // Versions are numbers as a rule, and "10" is newer than "9".
        let newest = schemas.keys().max_by_key(|version| (version.parse::<u64>().ok(), *version));
        let schema = Value::Object(schemas.get(newest?)?.clone());
        match json_schema::example(&schema, index) {
            Value::Object(example) => Some(example),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(schemas: Value) -> EventType {
        EventType {
            name: "invoice.paid".to_owned(),
            description: String::new(),
            archived: false,
            deprecated: false,
            schemas: serde_json::from_value(schemas).expect("schemas"),
            feature_flags: Vec::new(),
            group_name: None,
            made_by: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        }
    }

    #[test]
    fn the_newest_schema_gives_the_example() {
        let kind = of(json!({
            "9": { "examples": [{ "v": 9 }] },
            "10": { "examples": [{ "v": 10 }, { "v": 11 }] },
        }));
        let example = |index| kind.example(index).map(Value::Object);
        assert_eq!(example(0), Some(json!({ "v": 10 })));
        assert_eq!(example(1), Some(json!({ "v": 11 })));
        assert_eq!(example(7), Some(json!({ "v": 10 })));
        assert_eq!(of(Value::Null).example(0), None);
        assert_eq!(of(json!({ "1": { "type": "string" } })).example(0), None);
    }
}
