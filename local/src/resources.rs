//! The resources as data: the table, queues and bucket that the template declares for AWS.
//!
//! DynamoDB's part is in the API's JSON, whose property names CloudFormation shares, so that a test
//! can compare it with the template.

use serde_json::{Value, json};

use crate::{QueueTimes, ResourceNames};

/// `CreateTable`'s request for the table.
pub fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "pk", "AttributeType": "S" },
            { "AttributeName": "sk", "AttributeType": "S" },
            { "AttributeName": "due_shard", "AttributeType": "S" },
            { "AttributeName": "due_at", "AttributeType": "N" },
            { "AttributeName": "list", "AttributeType": "S" },
            { "AttributeName": "list_at", "AttributeType": "S" },
        ],
        "KeySchema": key("pk", "sk"),
        "GlobalSecondaryIndexes": [
            { "IndexName": "due", "KeySchema": key("due_shard", "due_at"), "Projection": { "ProjectionType": "ALL" } },
            { "IndexName": "listing", "KeySchema": key("list", "list_at"), "Projection": { "ProjectionType": "ALL" } },
        ],
    })
}

/// `UpdateTimeToLive`'s request for the table.
pub fn time_to_live(name: &str) -> Value {
    json!({
        "TableName": name,
        "TimeToLiveSpecification": { "AttributeName": "expires_at", "Enabled": true },
    })
}

fn key(hash: &str, range: &str) -> Value {
    json!([
        { "AttributeName": hash, "KeyType": "HASH" },
        { "AttributeName": range, "KeyType": "RANGE" },
    ])
}

/// A queue to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueResource {
    /// Its name.
    pub name: String,
    /// Seconds a received message stays hidden.
    pub visibility_timeout: u32,
    /// Seconds a message is kept.
    pub retention: u32,
    /// The dead-letter queue, and the receives after which a message goes there.
    pub redrive: Option<(String, u32)>,
}

/// Fourteen days, the longest SQS keeps anything.
const RETENTION: u32 = 14 * 86_400;

/// The queues, dead-letter queues first: a redrive policy names a queue that exists.
pub fn queues(names: &ResourceNames, times: &QueueTimes) -> [QueueResource; 4] {
    let dead_letters = |name: &String| QueueResource {
        name: name.clone(),
        visibility_timeout: times.dead_letter_visibility,
        retention: RETENTION,
        redrive: None,
    };
    let work = |name: &String, visibility_timeout, dead_letters: &String| QueueResource {
        name: name.clone(),
        visibility_timeout,
        retention: RETENTION,
        redrive: Some((dead_letters.clone(), times.max_receives)),
    };
    [
        dead_letters(&names.inbox_dead_letters),
        dead_letters(&names.dead_letters),
        work(&names.inbox, times.inbox_visibility, &names.inbox_dead_letters),
        work(&names.outbox, times.outbox_visibility, &names.dead_letters),
    ]
}
