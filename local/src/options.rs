//! The options of a start: data directory, ports, names and queue times. `Options::default()` suits
//! tests: data in memory, any free ports, and the queue times of the template.

use std::path::PathBuf;

use crate::{clients::AccessKey, websocket::WebSocketLimits};

/// The options of [`LocalAws::start`](crate::LocalAws::start).
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The data directory. `None` keeps tables and queues in memory, and objects in a temporary
    /// directory that is removed when the services stop.
    pub data: Option<PathBuf>,
    /// The loopback port of each service.
    pub ports: Ports,
    /// The names of the table, bucket, queues and secrets.
    pub names: ResourceNames,
    /// Visibility timeouts and the maximum number of receives.
    pub queues: QueueTimes,
    /// How long WebSocket connections last; by default as on AWS.
    pub websocket_limits: WebSocketLimits,
    /// Stops the queues' clock: time passes for them only through
    /// [`skip_queue_time`](crate::LocalAws::skip_queue_time). For tests that set the time themselves:
    /// no delay and no visibility timeout ends because the machine is slow. Indexes that lag have the same
    /// clock.
    pub queue_clock_stands_still: bool,
    /// Counts what AWS would bill, which [`ledger`](crate::LocalAws::ledger) tells. DynamoDB is slower by a
    /// read before and after each write.
    pub keeps_ledger: bool,
    /// The access key with which requests have to be signed; by default a random one.
    pub access_key: AccessKey,
    /// The secrets that `GetSecretValue` returns, as pairs of id and value.
    pub secret_values: Vec<(String, String)>,
}

/// The loopback port of each service; 0 is any free port.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// The port of DynamoDB.
    pub dynamodb: u16,
    /// The port of SQS.
    pub sqs: u16,
    /// The port of S3.
    pub s3: u16,
    /// The port of Secrets Manager.
    pub secrets: u16,
    /// The port of the management API of the WebSocket API.
    pub websocket: u16,
}

/// The names of the resources.
#[derive(Debug, Clone)]
pub struct ResourceNames {
    /// The name of the DynamoDB table.
    pub table: String,
    /// The name of the S3 bucket.
    pub bucket: String,
    /// The name of the inbox, the queue between ingest and process.
    pub inbox: String,
    /// The name of the outbox, the queue of deliveries.
    pub outbox: String,
    /// The name of the dead-letter queue of both.
    pub dead_letters: String,
    /// The name of the FIFO queue of pushes to live connections.
    pub live: String,
    /// The name of that queue's dead-letter queue, which is a FIFO queue too.
    pub live_dead_letters: String,
    /// The secret id of the master key.
    pub master_key_secret: String,
    /// The secret id of the admin key.
    pub admin_key_secret: String,
}

impl ResourceNames {
    /// The names of the queues: inbox, outbox and their dead-letter queue; pushes and theirs.
    pub fn queues(&self) -> [&str; 5] {
        [&self.inbox, &self.outbox, &self.dead_letters, &self.live, &self.live_dead_letters]
    }
}

impl Default for ResourceNames {
    fn default() -> Self {
        ResourceNames {
            table: "relay".to_owned(),
            bucket: "relay".to_owned(),
            inbox: "relay-inbox".to_owned(),
            outbox: "relay-outbox".to_owned(),
            dead_letters: "relay-dead-letters".to_owned(),
            live: "relay-live.fifo".to_owned(),
            live_dead_letters: "relay-live-dead-letters.fifo".to_owned(),
            master_key_secret: "relay/master-key".to_owned(),
            admin_key_secret: "relay/admin-key".to_owned(),
        }
    }
}

/// Visibility timeouts and the maximum number of receives. The defaults equal those of the template,
/// which a test compares; `relay dev` uses shorter times.
#[derive(Debug, Clone, Copy)]
pub struct QueueTimes {
    /// Visibility timeout of the inbox, in seconds.
    pub inbox_visibility: u32,
    /// Visibility timeout of the outbox, in seconds.
    pub outbox_visibility: u32,
    /// Visibility timeout of the queue of pushes, in seconds. A push that a worker holds hides those
    /// behind it in its group for as long.
    pub live_visibility: u32,
    /// Visibility timeout of the dead-letter queues, in seconds.
    pub dead_letter_visibility: u32,
    /// Receives after which a message of the inbox moves to its dead-letter queue
    /// (`maxReceiveCount`).
    pub inbox_receives: u32,
    /// Receives after which a message of the outbox moves to its dead-letter queue.
    pub outbox_receives: u32,
    /// Receives after which a push moves to its dead-letter queue.
    pub live_receives: u32,
}

impl Default for QueueTimes {
    fn default() -> Self {
        QueueTimes {
            inbox_visibility: 180,
            outbox_visibility: 2160,
            live_visibility: 60,
            dead_letter_visibility: 360,
            inbox_receives: 300,
            outbox_receives: 5,
            live_receives: 3,
        }
    }
}
