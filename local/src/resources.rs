//! The table and queues that the template declares for AWS, as data.
//!
//! The table is written as the JSON of DynamoDB's API. CloudFormation uses the same property names, so
//! a test compares this JSON with the template.

use serde_json::{Value, json};

use crate::{QueueTimes, ResourceNames};

/// The `CreateTable` request of the table named `name`.
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
            { "IndexName": "due", "KeySchema": key("due_shard", "due_at"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "listing", "KeySchema": key("list", "list_at"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
        ],
    })
}

/// The `UpdateTimeToLive` request of the table named `name`.
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

/// The settings with which a queue is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueResource {
    /// The name of the queue, which ends in `.fifo` if and only if `fifo` is true.
    pub name: String,
    /// Whether the queue is a FIFO queue: in the mode of high throughput, with deduplication ids that
    /// senders give and that count within their message group.
    pub fifo: bool,
    /// Visibility timeout, in seconds.
    pub visibility_timeout: u32,
    /// Retention period, in seconds.
    pub retention: u32,
    /// The name of the dead-letter queue, and the number of receives after which a message moves
    /// there.
    pub redrive: Option<(String, u32)>,
}

/// Retention period in seconds: 14 days, the maximum of SQS.
const RETENTION: u32 = 14 * 86_400;

/// Retention period of pushes in seconds: whoever looks lists what is older instead.
const LIVE_RETENTION: u32 = 300;

/// The queues. Dead-letter queues come first, because a redrive policy must name an existing queue.
pub fn queues(names: &ResourceNames, times: &QueueTimes) -> [QueueResource; 5] {
    let dead_letters = |name: &String| QueueResource {
        name: name.clone(),
        fifo: false,
        visibility_timeout: times.dead_letter_visibility,
        retention: RETENTION,
        redrive: None,
    };
    let work = |name: &String, visibility_timeout, dead_letters: &String, receives| QueueResource {
        name: name.clone(),
        fifo: false,
        visibility_timeout,
        retention: RETENTION,
        redrive: Some((dead_letters.clone(), receives)),
    };
    let live =
        work(&names.live, times.live_visibility, &names.live_dead_letters, times.live_receives);
    [
        dead_letters(&names.dead_letters),
        QueueResource { fifo: true, ..dead_letters(&names.live_dead_letters) },
        work(&names.inbox, times.inbox_visibility, &names.dead_letters, times.inbox_receives),
        work(&names.outbox, times.outbox_visibility, &names.dead_letters, times.outbox_receives),
        QueueResource { fifo: true, retention: LIVE_RETENTION, ..live },
    ]
}
