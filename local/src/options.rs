//! What the caller chooses: where the data lies, on which ports, under which names, how patient
//! the queues are. `Options::default()` is what a test wants: in memory, any free ports, AWS's times.

use std::path::PathBuf;

/// How to start [`LocalAws`](crate::LocalAws).
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directory everything is kept in; `None` keeps it in memory (objects in a temporary
    /// directory that goes with the process's exit).
    pub data: Option<PathBuf>,
    /// Which ports to listen on.
    pub ports: Ports,
    /// What the resources are called.
    pub names: ResourceNames,
    /// How long queues hide and keep messages.
    pub queues: QueueTimes,
    /// Secret id and value: what `GetSecretValue` serves.
    pub secret_values: Vec<(String, String)>,
}

/// A loopback port per service; 0 is any free one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// DynamoDB's port.
    pub dynamodb: u16,
    /// SQS's port.
    pub sqs: u16,
    /// S3's port.
    pub s3: u16,
    /// Secrets Manager's port.
    pub secrets: u16,
}

/// What the resources are called.
#[derive(Debug, Clone)]
pub struct ResourceNames {
    /// The table.
    pub table: String,
    /// The bucket.
    pub bucket: String,
    /// The queue between ingest and process.
    pub inbox: String,
    /// The inbox's dead-letter queue.
    pub inbox_dead_letters: String,
    /// The queue of deliveries.
    pub outbox: String,
    /// The outbox's dead-letter queue.
    pub dead_letters: String,
    /// The secret id of the master key.
    pub master_key_secret: String,
    /// The secret id of the admin key.
    pub admin_key_secret: String,
}

impl Default for ResourceNames {
    fn default() -> Self {
        ResourceNames {
            table: "relay".to_owned(),
            bucket: "relay".to_owned(),
            inbox: "relay-inbox".to_owned(),
            inbox_dead_letters: "relay-inbox-dlq".to_owned(),
            outbox: "relay-outbox".to_owned(),
            dead_letters: "relay-outbox-dlq".to_owned(),
            master_key_secret: "relay/master-key".to_owned(),
            admin_key_secret: "relay/admin-key".to_owned(),
        }
    }
}

/// How patient the queues are. The defaults are the template's; development and tests want less.
#[derive(Debug, Clone, Copy)]
pub struct QueueTimes {
    /// Seconds a received inbox message stays hidden.
    pub inbox_visibility: u32,
    /// Seconds a received outbox message stays hidden.
    pub outbox_visibility: u32,
    /// Seconds a received dead letter stays hidden.
    pub dead_letter_visibility: u32,
    /// Receives after which an inbox or outbox message is a dead letter.
    pub max_receives: u32,
}

impl Default for QueueTimes {
    fn default() -> Self {
        QueueTimes {
            inbox_visibility: 180,
            outbox_visibility: 2160,
            dead_letter_visibility: 360,
            max_receives: 5,
        }
    }
}
