//! Event types as publishers describe them for their subscribers: description, schema and example.

mod ours;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::ours::{own_example, own_example_json};
use crate::{json_schema, time::Timestamp};

/// An event type, as the table holds it. All applications share the event types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventType {
    /// The name, such as `invoice.paid`.
    pub name: String,
    /// The description that people read.
    pub description: String,
    /// Whether the type is out of use. Lists leave it out unless asked.
    #[serde(default)]
    pub archived: bool,
    /// Whether the type will go out of use.
    #[serde(default)]
    pub deprecated: bool,
    /// JSON Schemas of the payload, by version.
    #[serde(default)]
    pub schemas: Option<BTreeMap<String, Map<String, Value>>>,
    /// Names of the groups that may see the type, as the publisher calls them.
    #[serde(default)]
    pub feature_flags: Vec<String>,
    /// The heading under which the type is listed.
    #[serde(default)]
    pub group_name: Option<String>,
    /// A name for the `Idempotency-Key` of the request that created the type, so that a repetition
    /// of the request finds it.
    #[serde(default)]
    pub made_by: Option<String>,
    /// The time at which the type was created.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The number of changes; every write is conditional on the version that was read. 0 before the
    /// first write.
    #[serde(default)]
    pub version: u64,
}

impl EventType {
    /// An example of the payload: the one with this index in the newest schema, else the schema's
    /// first, else one made from the schema. `None` without a schema.
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
